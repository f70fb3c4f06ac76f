"""Landmark files beside a video: `frame,x0,y0,…,x48,y48`, 0-based, in the displayed orientation."""

# Shape suffixes: F = frames of the file, L = landmarks (49), 2 = x, y.

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.text_files import encoding_problem
from algr.durable import write_whole
from algr.errors import DataError
from algr.faces import NUM_LANDMARKS

HEADER = ("frame", *(f"{axis}{point}" for point in range(NUM_LANDMARKS) for axis in "xy"))
_SHOWN_PROBLEMS = 10
_MAX_FRAME_DIGITS = 15
_MAX_COORDINATE = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class LandmarkTrack:
    """The landmarks of a video's frames."""

    frames: NDArray[np.int64]
    """(F,) 0-based frame numbers, ascending."""
    points_FL2: NDArray[np.float32]
    """(F, 49, 2) x, y in pixels of the displayed frame; NaN where the file has an empty cell."""
    form: str = "landmark CSV"
    """The format they were read from."""
    notes: tuple[str, ...] = ()
    """What was assumed or left out in reading, for the user."""

    def at(self, frame: int) -> NDArray[np.float32] | None:
        """(49, 2) of this frame, or None if the file has no row for it."""
        row = int(np.searchsorted(self.frames, frame))
        if row == len(self.frames) or self.frames[row] != frame:
            return None
        return np.asarray(self.points_FL2[row])


def landmark_path(video: Path) -> Path:
    """The landmark file that belongs beside a video."""
    return video.with_name(f"{video.stem}_land.csv")


def read_landmark_csv(path: Path) -> LandmarkTrack:
    """Read a landmark file. Empty cells are missing points; rows may stand in any order.

    Raises:
        DataError: The file cannot be read, or lines of it are wrong; all of them are named.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path.name}: cannot be read ({error.strerror or error})",
            expected=f"a landmark file with the header frame,x0,y0,…,x{NUM_LANDMARKS - 1}",
        ) from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DataError(f"{path.name}: {encoding_problem(data)}")
    reader = csv.reader(io.StringIO(text, newline=""))
    try:
        header = tuple(name.strip().lower() for name in next(reader, []))
        _check_header(path, header)
        numbers, rows, problems = _read_rows(reader)
    except csv.Error as error:
        raise DataError(
            f"{path.name}: is not a text file of comma-separated values", expected="UTF-8 text"
        ) from error
    if problems:
        hidden = len(problems) - _SHOWN_PROBLEMS
        shown = problems[:_SHOWN_PROBLEMS] + ([f"… and {hidden} more"] if hidden > 0 else [])
        raise DataError(
            f"{path.name}: {len(problems)} wrong line{'' if len(problems) == 1 else 's'}",
            problems=shown,
            expected="a frame number and 98 coordinates in pixels per line",
        )
    frames = np.asarray(numbers, np.int64)
    points = np.asarray(rows, np.float32).reshape(-1, NUM_LANDMARKS, 2)
    order = np.argsort(frames, kind="stable")
    return LandmarkTrack(frames=frames[order], points_FL2=points[order])


def write_landmark_csv(path: Path, track: LandmarkTrack) -> None:
    """Write a landmark file that `read_landmark_csv` reads back without a difference.

    Raises:
        DataError: It cannot be written.
    """
    lines = [",".join(HEADER)]
    for frame, points_L2 in zip(track.frames.tolist(), track.points_FL2, strict=True):
        cells = ("" if np.isnan(value) else str(value) for value in points_L2.ravel())
        lines.append(f"{frame},{','.join(cells)}")
    try:
        write_whole(path, "\n".join(lines) + "\n")
    except OSError as error:
        raise DataError(
            f"{path}: {error.strerror or error}", expected="a file that can be written"
        ) from error


def _check_header(path: Path, header: tuple[str, ...]) -> None:
    if header == HEADER:
        return
    if len(header) != len(HEADER):
        found = f"{len(header)} columns"
    else:
        place = next(
            i for i, (is_, want) in enumerate(zip(header, HEADER, strict=True)) if is_ != want
        )
        found = f"column {place + 1} is {header[place]!r} instead of {HEADER[place]!r}"
    raise DataError(
        f"{path.name}: line 1: {found}",
        expected=f"the header frame,x0,y0,…,x48,y48 ({len(HEADER)} columns, separated by commas)",
    )


def _read_rows(
    reader: "csv._reader",  # type: ignore[name-defined]
) -> tuple[list[int], list[list[float]], list[str]]:
    numbers: list[int] = []
    rows: list[list[float]] = []
    problems: list[str] = []
    line_of: dict[int, int] = {}
    for cells in reader:
        if not cells:
            continue
        line = reader.line_num
        problem, number, values = _parse_row(cells)
        if not problem and number in line_of:
            problem = f"frame {number} stands in line {line_of[number]} already"
        if problem:
            problems.append(f"line {line}: {problem}")
            continue
        line_of[number] = line
        numbers.append(number)
        rows.append(values)
    return numbers, rows, problems


def _parse_row(cells: list[str]) -> tuple[str, int, list[float]]:
    if len(cells) != len(HEADER):
        return f"{len(cells)} values instead of {len(HEADER)}", 0, []
    if not cells[0].strip().isdecimal() or len(cells[0].strip()) > _MAX_FRAME_DIGITS:
        return f"frame {cells[0]!r} is not a whole number from 0", 0, []
    values: list[float] = []
    for name, cell in zip(HEADER[1:], cells[1:], strict=True):
        try:
            values.append(float(cell) if cell and not cell.isspace() else math.nan)
        except ValueError:
            return f"{name}: {cell!r} is not a number", 0, []
        if abs(values[-1]) > _MAX_COORDINATE:
            return f"{name}: {cell!r} is not a place", 0, []
    return "", int(cells[0]), values
