"""OpenFace 3: the table of `openface detect` or `detect-video`.

One column holds all points of a face as a list of pairs, 98 of them in the order of WFLW. Frames
are counted from 0; the table of an image has none. A row without a face has empty cells.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.landmark_formats.findings import Findings
from algr.data.landmark_formats.points import POINT_SETS
from algr.data.landmark_formats.tables import (
    FaceRow,
    TableRow,
    frame_number,
    table_rows,
    track_of_faces,
)
from algr.data.landmarks import LandmarkTrack

FORM = "OpenFace 3"
_FRAME = "frame_index"
_NUM_POINTS = 98
_MAX_COORDINATE = 1e9


def is_openface3(columns: Sequence[str]) -> bool:
    """Whether a table with these columns comes from OpenFace 3."""
    return "landmarks" in columns and "face_detection" in columns


def read_openface3(path: Path, *, base: int, first_frame: int) -> LandmarkTrack:
    """The landmarks of a table, separated by commas or tabs.

    Raises:
        DataError: Lines are wrong, or it holds several images.
    """
    findings = Findings(
        path,
        expected="the table of OpenFace 3 with face_detection, landmarks (98 pairs) and, for a "
        "video, frame_index (from 0)",
        advice="run `openface detect-video` and take its CSV as it is",
    )
    faces: list[FaceRow] = []
    images: set[str] = set()
    for row in table_rows(path, findings):
        number: int | None = 0
        if _FRAME in row.cells:
            number = frame_number(row.cells[_FRAME], first_frame=first_frame)
        else:
            images.add(row.cells.get("image_path", ""))
        points_N2 = _points(row, findings)
        if number is None:
            findings.add(
                f"line {row.line}", f"{_FRAME} {row.cells[_FRAME]!r} is not a whole number from 0"
            )
        elif points_N2 is not None:
            faces.append(FaceRow(frame=number, points_N2=points_N2))
    findings.check()
    if len(images) > 1:
        raise findings.refuse(f"holds {len(images)} images, and none of them has a frame number")
    return track_of_faces(faces, base=base, form=FORM)


def _points(row: TableRow, findings: Findings) -> NDArray[np.float64] | None:
    text = row.cells["landmarks"]
    if text in ("", "None", "nan"):
        return np.full((_NUM_POINTS, 2), np.nan)
    try:
        points_N2 = np.asarray(json.loads(text), np.float64)
    except (ValueError, TypeError, RecursionError):
        findings.add(f"line {row.line}", "landmarks: not a list of pairs of numbers")
        return None
    if points_N2.ndim != 2 or points_N2.shape[1] != 2 or len(points_N2) not in POINT_SETS:
        findings.add(
            f"line {row.line}",
            f"landmarks: {points_N2.shape} numbers instead of ({_NUM_POINTS}, 2)",
        )
        return None
    if not (np.abs(points_N2) < _MAX_COORDINATE).all():
        findings.add(f"line {row.line}", "landmarks: a number is not a place")
        return None
    return points_N2
