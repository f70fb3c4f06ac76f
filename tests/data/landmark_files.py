"""Writers of landmark files as other programs write them. Points are (F, N, 2)."""

import json

import numpy as np

OPENFACE2_REST = ["gaze_0_x", "pose_Tx", "AU01_r"]


def some_points(frames, count, *, seed=0):
    """Whole numbers of hundredths, so that text keeps them."""
    rng = np.random.default_rng(seed)
    return rng.integers(1000, 50000, (frames, count, 2)) / 100


def iris_free(points):
    """The 49 of the 68, by their definition."""
    return np.delete(points[:, 17:], [60 - 17, 64 - 17], axis=1)


def table(header, rows, *, separator=","):
    return "\n".join(separator.join(map(str, row)) for row in [header, *rows]) + "\n"


def coordinate_names(count=68):
    return [f"{axis}_{point}" for axis in "xy" for point in range(count)]


def openface2(points, *, first=1, success=None, spaces=False, faces=None):
    """Rows in order; `faces` gives the frame of each row instead."""
    numbers = range(first, first + len(points)) if faces is None else faces
    success = [1] * len(points) if success is None else success
    header = ["frame", "face_id", "timestamp", "confidence", "success", "X_0", *coordinate_names()]
    rows = [
        [number, 0, 0.0, 0.9, fine, -1.5, *one.T.ravel()]
        for number, fine, one in zip(numbers, success, points, strict=True)
    ]
    return table(header, rows, separator=", " if spaces else ",")


def pyfeat(points, *, frames=None):
    numbers = range(len(points)) if frames is None else frames
    header = ["frame", "FaceRectX", "FaceScore", *coordinate_names(), "AU01", "input"]
    rows = [
        [float(number), 1, 0.99, *one.T.ravel(), 0.1, "clip.mp4"]
        for number, one in zip(numbers, points, strict=True)
    ]
    return table(header, rows)


def openface3(points, *, separator=",", numbered=True):
    header = ["timestamp", "video_path"] + (["frame_index"] if numbered else [])
    header += ["face_id", "face_detection", "landmarks", "emotion"]
    rows = []
    for number, one in enumerate(points):
        cell = "" if np.isnan(one).any() else f'"{json.dumps(one.tolist())}"'
        frame = [number] if numbered else []
        rows.append(["2026-01-01 10:00:00", "a.mp4", *frame, 0.0, '"[1, 2, 3, 4, 0.9]"', cell, 7.0])
    return table(header, rows, separator=separator)


def pts(points):
    lines = [f"{x} {y}" for x, y in points]
    return "\n".join(["version: 1", f"n_points: {len(points)}", "{", *lines, "}"]) + "\n"
