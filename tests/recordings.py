"""A face, and landmark files of it."""

import numpy as np

from algr.faces import MIRRORED

WIDTH, HEIGHT = 320, 240


def face_points() -> np.ndarray:
    """49 points of an upright symmetric face around (160, 120), eyes 60 pixels apart."""
    left = {
        **{i: (105 + 10 * i, 85 - 3 * min(i, 4 - i)) for i in range(5)},
        **{10 + i: (160, 100 + 8 * i) for i in range(4)},
        14: (146, 132),
        15: (153, 134),
        16: (160, 135),
        19: (120, 100),
        20: (126, 96),
        21: (134, 96),
        22: (140, 100),
        23: (134, 103),
        24: (126, 103),
        31: (135, 155),
        32: (143, 150),
        33: (152, 148),
        34: (160, 149),
        40: (160, 167),
        41: (151, 166),
        42: (142, 162),
        43: (148, 155),
        44: (160, 154),
        47: (160, 158),
        48: (149, 158),
    }
    points = np.full((49, 2), np.nan)
    for index, (x, y) in left.items():
        points[index] = (x, y)
        points[MIRRORED[index]] = (320 - x, y)
    assert np.isfinite(points).all()
    return points


def landmark_csv(rows: dict[int, np.ndarray]) -> str:
    header = ",".join(["frame", *(f"{axis}{i}" for i in range(49) for axis in "xy")])
    lines = [f"{frame}," + ",".join(f"{v:g}" for v in p.ravel()) for frame, p in rows.items()]
    return "\n".join([header, *lines]) + "\n"
