"""Tables with a header line, as the tools for faces write them, and the choice among their rows."""

# Shape suffixes: F = frames; N = points; 2 = x, y.

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.landmark_formats.findings import Findings, coordinate, number_problem
from algr.data.landmark_formats.points import to_landmarks
from algr.data.landmarks import LandmarkTrack
from algr.data.words import counted
from algr.errors import DataError

_SEPARATORS = ",\t;"


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """A line of a table."""

    line: int
    cells: dict[str, str]
    """Column to text, both without spaces around them."""


@dataclass(frozen=True, kw_only=True)
class FaceRow:
    """A face in a frame."""

    frame: int
    points_N2: NDArray[np.float64]
    """NaN throughout where the tool found none."""


def separator_of(header: str) -> str:
    """The one that occurs most often in a header line."""
    return max(_SEPARATORS, key=header.count)


def columns_of(header: str) -> list[str]:
    """The names of a header line; older OpenFace writes a space after each comma."""
    return [name.strip().strip('"') for name in header.split(separator_of(header))]


def table_rows(path: Path, findings: Findings) -> Iterator[TableRow]:
    """The lines after the header; ones of another length go to the findings."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            header = stream.readline()
            before = 1
            while header and not header.strip():
                header = stream.readline()
                before += 1
            columns = columns_of(header)
            reader = csv.reader(stream, delimiter=separator_of(header), skipinitialspace=True)
            for cells in reader:
                line = reader.line_num + before
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(columns):
                    findings.add(
                        f"line {line}",
                        f"{counted(len(cells), 'cell')}, the header has {len(columns)}",
                    )
                    continue
                texts = (cell.strip() for cell in cells)
                yield TableRow(line=line, cells=dict(zip(columns, texts, strict=True)))
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror or error})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise findings.refuse("is not a text file of separated values") from error


def frame_number(text: str, *, first_frame: int) -> int | None:
    """The 0-based frame of a cell ("12" or "12.0"); none if it is no frame."""
    try:
        value = float(text)
    except ValueError:
        return None
    number = value - first_frame
    return int(number) if value.is_integer() and 0 <= number < 2**53 else None


def points_of_cells(row: TableRow, *, count: int, findings: Findings) -> NDArray[np.float64] | None:
    """(count, 2) of columns x_0 …, y_0 …; none, and a finding, if a cell is no number."""
    names = [f"{axis}_{point}" for point in range(count) for axis in "xy"]
    for name in names:
        if problem := number_problem(name, row.cells[name]):
            findings.add(f"line {row.line}", problem)
            return None
    return np.array([coordinate(row.cells[name]) for name in names]).reshape(count, 2)


def missing_columns(columns: Sequence[str], *, count: int) -> list[str]:
    """Which of x_0 …, y_0 … are not there."""
    wanted = [f"{axis}_{point}" for axis in "xy" for point in range(count)]
    return [name for name in wanted if name not in set(columns)]


def track_of_faces(
    faces: Sequence[FaceRow], *, base: int, form: str, notes: Sequence[str] = ()
) -> LandmarkTrack:
    """One face per frame: the largest, because the patient sits nearest to the camera.

    Args:
        faces: Of all frames.
        base: Number of the first pixel in the file.
        form: Of the file.
        notes: For the user.
    """
    by_frame: dict[int, list[FaceRow]] = defaultdict(list)
    for face in faces:
        by_frame[face.frame].append(face)
    frames = sorted(by_frame)
    chosen = [max(by_frame[frame], key=_extent) for frame in frames]
    several = sum(len(found) > 1 for found in by_frame.values())
    lost = sum(not np.isfinite(face.points_N2).any() for face in chosen)
    count = faces[0].points_N2.shape[0] if faces else 68
    points_FN2 = np.array([face.points_N2 for face in chosen]).reshape(-1, count, 2) - base
    told = list(notes)
    if several:
        told.append(f"several faces in {several} frames: the largest is taken")
    if lost:
        told.append(f"no face in {lost} of {len(frames)} frames")
    return LandmarkTrack(
        frames=np.array(frames, np.int64),
        points_FL2=to_landmarks(points_FN2),
        form=form,
        notes=tuple(told),
    )


def _extent(face: FaceRow) -> float:
    if not np.isfinite(face.points_N2).all():
        return -1.0
    return float(np.ptp(face.points_N2, axis=0).max())
