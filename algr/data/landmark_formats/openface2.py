"""OpenFace 2: the CSV of `FeatureExtraction`, `FaceLandmarkVid…` or `FaceLandmarkImg -2Dfp`.

Frames are counted from 1, points are the 68 of iBUG. Rows without success keep their frame, as
missing points.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from algr.data.landmark_formats.findings import Findings
from algr.data.landmark_formats.tables import (
    FaceRow,
    columns_of,
    frame_number,
    missing_columns,
    points_of_cells,
    table_rows,
    track_of_faces,
)
from algr.data.landmarks import LandmarkTrack

FORM = "OpenFace 2"
_NUM_POINTS = 68


def is_openface2(columns: Sequence[str]) -> bool:
    """Whether a table with these columns comes from OpenFace 2."""
    return "confidence" in columns and ("success" in columns or "x_0" in columns)


def read_openface2(path: Path, *, header: str, base: int, first_frame: int) -> LandmarkTrack:
    """The landmarks of a table.

    Raises:
        DataError: Columns are missing, or lines are wrong.
    """
    findings = Findings(
        path,
        expected="the CSV of OpenFace 2 with frame (from 1), success, x_0 … x_67, y_0 … y_67",
        advice="run FeatureExtraction with -2Dfp and take its CSV as it is",
    )
    columns = columns_of(header)
    missing = missing_columns(columns, count=_NUM_POINTS)
    if missing:
        raise findings.refuse(f"line 1: no column {missing[0]} ({len(missing)} are missing)")
    faces = []
    for row in table_rows(path, findings):
        number = 0
        if "frame" in columns:
            found = frame_number(row.cells["frame"], first_frame=first_frame)
            if found is None:
                findings.add(
                    f"line {row.line}",
                    f"frame {row.cells['frame']!r} is not a whole number from {first_frame}",
                )
                continue
            number = found
        points_N2 = points_of_cells(row, count=_NUM_POINTS, findings=findings)
        if points_N2 is None:
            continue
        if row.cells.get("success", "1") in ("0", "0.0"):
            points_N2 = np.full_like(points_N2, np.nan)
        faces.append(FaceRow(frame=number, points_N2=points_N2))
    findings.check()
    return track_of_faces(faces, base=base, form=FORM)
