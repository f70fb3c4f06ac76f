"""A face, a video of it, and a predictor."""

import io
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from algr.bundle import Bundle
from algr.faces import MIRRORED
from algr.serving import Predictor

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


@pytest.fixture
def points() -> np.ndarray:
    return face_points()


@pytest.fixture
def photo() -> np.ndarray:
    """A picture that is different everywhere."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([x % 256, y, (x + y) % 256], axis=-1).astype(np.uint8)


def encode(image: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def landmark_csv(rows: dict[int, np.ndarray]) -> str:
    header = ",".join(["frame", *(f"{axis}{i}" for i in range(49) for axis in "xy")])
    lines = [f"{frame}," + ",".join(f"{v:g}" for v in p.ravel()) for frame, p in rows.items()]
    return "\n".join([header, *lines]) + "\n"


@pytest.fixture
def video(tmp_path: Path, photo: np.ndarray, points: np.ndarray) -> Path:
    """40 frames at 20 per second, all but the first two with landmarks beside it."""
    path = tmp_path / "visit.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(40):
            moved = np.roll(photo, index, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode())
    rows = dict.fromkeys(range(2, 40), points)
    (tmp_path / "visit_land.csv").write_text(landmark_csv(rows))
    return path


@pytest.fixture(scope="session")
def predictor(grade_bundle: Bundle) -> Predictor:
    return Predictor(grade_bundle, threads=1)
