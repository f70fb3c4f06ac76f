"""py-feat: a Fex table as CSV. Frames are counted from 0, points are the 68 of iBUG."""

from collections.abc import Sequence
from pathlib import Path

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

FORM = "py-feat"
_NUM_POINTS = 68


def is_pyfeat(columns: Sequence[str]) -> bool:
    """Whether a table with these columns comes from py-feat."""
    return "frame" in columns and "x_0" in columns and "confidence" not in columns


def read_pyfeat(path: Path, *, header: str, base: int, first_frame: int) -> LandmarkTrack:
    """The landmarks of a table.

    Raises:
        DataError: Columns are missing, or lines are wrong.
    """
    findings = Findings(
        path,
        expected="the CSV of a py-feat Fex with frame (from 0), x_0 … x_67, y_0 … y_67",
        advice="write it with `fex.to_csv(FILE, index=False)`",
    )
    missing = missing_columns(columns_of(header), count=_NUM_POINTS)
    if missing:
        raise findings.refuse(f"line 1: no column {missing[0]} ({len(missing)} are missing)")
    faces = []
    for row in table_rows(path, findings):
        number = frame_number(row.cells["frame"], first_frame=first_frame)
        points_N2 = points_of_cells(row, count=_NUM_POINTS, findings=findings)
        if number is None:
            findings.add(
                f"line {row.line}",
                f"frame {row.cells['frame']!r} is not a whole number from {first_frame}",
            )
        elif points_N2 is not None:
            faces.append(FaceRow(frame=number, points_N2=points_N2))
    findings.check()
    return track_of_faces(faces, base=base, form=FORM)
