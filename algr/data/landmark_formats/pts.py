"""`.pts` files: the points of one picture each, usually counted from pixel 1."""

# Shape suffixes: F = files; N = points; 2 = x, y.

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.landmark_formats.findings import Findings, coordinate, number_problem
from algr.data.landmark_formats.points import POINT_SETS, to_landmarks
from algr.data.landmarks import LandmarkTrack
from algr.errors import DataError

FORM = ".pts"
DEFAULT_BASE = 1
_SIZES = (49, 66, 68)
_LAST_NUMBER = re.compile(r"(\d+)(?!.*\d)")


def read_pts(path: Path, *, base: int) -> LandmarkTrack:
    """The points of one picture, as frame 0.

    Raises:
        DataError: Lines are wrong.
    """
    findings = _findings(path)
    points_N2 = _read_file(path, findings, prefix="")
    findings.check()
    assert points_N2 is not None
    return LandmarkTrack(
        frames=np.zeros(1, np.int64),
        points_FL2=to_landmarks(points_N2[None] - base),
        form=FORM,
        notes=(_base_note(base),),
    )


def read_pts_folder(path: Path, *, base: int, first_frame: int | None) -> LandmarkTrack:
    """One file per frame; the last number in its name is the frame.

    Args:
        path: The folder.
        base: Number of the first pixel.
        first_frame: Number of the video's first frame; by default 0 if there is a file with that
            number, else 1.

    Raises:
        DataError: The folder holds no such files, names have no number, or lines are wrong.
    """
    findings = _findings(path)
    files = sorted(file for file in path.iterdir() if file.suffix.lower() == ".pts")
    if not files:
        raise findings.refuse("holds no .pts file")
    numbers = _frame_numbers(files, findings)
    first = first_frame if first_frame is not None else min(1, min(numbers.values(), default=0))
    by_frame: dict[int, NDArray[np.float64]] = {}
    for file, number in numbers.items():
        points_N2 = _read_file(file, findings, prefix=f"{file.name}, ")
        if number < first:
            findings.add(file.name, f"frame {number} lies before the first one, {first}")
        elif points_N2 is not None:
            by_frame[number - first] = points_N2
    _check_sizes(by_frame, findings)
    findings.check()
    frames = sorted(by_frame)
    points_FN2 = np.array([by_frame[frame] for frame in frames]) - base
    return LandmarkTrack(
        frames=np.array(frames, np.int64),
        points_FL2=to_landmarks(points_FN2),
        form=f"{FORM} folder",
        notes=(_base_note(base), f"frames counted from {first} in the names of the files"),
    )


def _findings(path: Path) -> Findings:
    return Findings(
        path,
        expected="n_points: 49, 66 or 68, then as many lines `x y` between { and }",
        advice="export the points again; if pixels are counted from 0 say so with --base 0",
    )


def _base_note(base: int) -> str:
    return f"pixels counted from {base}"


def _frame_numbers(files: Sequence[Path], findings: Findings) -> dict[Path, int]:
    numbers = {}
    for file in files:
        found = _LAST_NUMBER.search(file.stem)
        if found and len(found[1]) <= 15:
            numbers[file] = int(found[1])
        else:
            findings.add(file.name, "no frame number in the name")
    for number, count in Counter(numbers.values()).items():
        if count > 1:
            findings.add(f"frame {number}", f"{count} files have this number at the end")
    return numbers


def _check_sizes(by_frame: dict[int, NDArray[np.float64]], findings: Findings) -> None:
    sizes = Counter(len(points_N2) for points_N2 in by_frame.values())
    if len(sizes) > 1:
        found = ", ".join(
            f"{count} files of {size} points" for size, count in sorted(sizes.items())
        )
        findings.add("the files differ", found)


def _read_file(path: Path, findings: Findings, *, prefix: str) -> NDArray[np.float64] | None:
    """Points of one file; none, with findings, if it is wrong."""
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError:
        findings.add(f"{prefix}line 1", "not a text file")
        return None
    stated: int | None = None
    rows: list[list[float]] = []
    is_right = True
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        name, colon, value = text.partition(":")
        if colon and name.strip() == "n_points":
            stated = int(value) if value.strip().isdecimal() else -1
        elif text and text not in "{}" and not colon:
            problem = _row_problem(text)
            if problem:
                findings.add(f"{prefix}line {number}", problem)
                is_right = False
                continue
            rows.append([coordinate(cell) for cell in text.split()])
    if stated not in _SIZES:
        findings.add(f"{prefix}n_points", f"{'missing' if stated is None else stated}")
        return None
    if is_right and len(rows) != stated:
        findings.add(f"{prefix}n_points", f"{stated}, but {len(rows)} points follow")
        return None
    assert set(_SIZES) <= set(POINT_SETS)
    return np.array(rows) if is_right else None


def _row_problem(text: str) -> str:
    cells = text.split()
    if len(cells) != 2:
        return f"{len(cells)} numbers instead of x and y"
    return number_problem("x", cells[0]) or number_problem("y", cells[1])
