"""Landmark files that a manifest names: tables per recording, or one file per picture."""

# Shape suffixes: F = frames of a file, P = points of a file, L = landmarks (49), 2 = x, y.

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.collect import one_line
from algr.data.adapters.matlab import UnreadableError, as_float32, to_49
from algr.data.landmarks import read_landmark_csv
from algr.data.presence import why_no_file
from algr.errors import DataError

LANDMARK_ENDINGS = (".csv", ".pts", ".txt", ".npy")
_BASE = {".pts": 1}
"""The first pixel, where it is not 0."""
_SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True, kw_only=True)
class LandmarkFile:
    """The landmarks of a file, 0-based pixels."""

    rows: dict[int, NDArray[np.float32]] | None
    """By frame; None where the file holds one face, that of every frame that names it."""
    face_L2: NDArray[np.float32] | None = None

    def at(self, frame: int) -> NDArray[np.float32] | None:
        """(49, 2), or None."""
        return self.face_L2 if self.rows is None else self.rows.get(frame)


def read_landmark_file(path: Path, *, base: int | None) -> LandmarkFile:
    """Read a file by its ending.

    Args:
        path: `.csv` with the header frame,x0,y0,…; `.pts`, `.txt` with 49, 66 or 68 pairs, or
            `.npy` of one face or of a face per frame.
        base: Pixel that the file counts from; None: 1 for `.pts`, else 0.

    Raises:
        UnreadableError: It cannot be used.
    """
    ending = path.suffix.lower()
    first = np.float32(_BASE.get(ending, 0) if base is None else base)
    if ending not in LANDMARK_ENDINGS:
        raise UnreadableError(f"ends in {ending!r}; expected {', '.join(LANDMARK_ENDINGS)}")
    if ending == ".csv":
        try:
            track = read_landmark_csv(path)
        except DataError as error:
            raise UnreadableError(error.in_one_line) from error
        pairs = zip(track.frames.tolist(), track.points_FL2 - first, strict=True)
        return LandmarkFile(rows=dict(pairs))
    if ending == ".npy":
        return _of_array(_load(path), first=first)
    return LandmarkFile(rows=None, face_L2=to_49(_numbers(path, is_pts=ending == ".pts")) - first)


def _of_array(values: NDArray[np.float32], *, first: np.float32) -> LandmarkFile:
    if values.ndim == 3:
        return LandmarkFile(rows={row: to_49(points) - first for row, points in enumerate(values)})
    return LandmarkFile(rows=None, face_L2=to_49(values) - first)


def _load(path: Path) -> NDArray[np.float32]:
    try:
        return as_float32(np.load(path, allow_pickle=False))
    except Exception as error:  # numpy's parser raises whatever it stumbles over
        raise UnreadableError(f"cannot be read ({one_line(str(error))[:100]})") from error


def _numbers(path: Path, *, is_pts: bool) -> NDArray[np.float32]:
    problem = why_no_file(path)
    if problem:
        raise UnreadableError(problem)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UnreadableError("cannot be read as text: it is not UTF-8") from error
    if is_pts:
        absent = [brace for brace in "{}" if brace not in text]
        if absent:
            raise UnreadableError(f"has no {' and no '.join(absent)} around its points")
        text = text.partition("{")[2].partition("}")[0]
    cells = [cell for cell in _SEPARATORS.split(text) if cell]
    try:
        values = as_float32([float(cell) for cell in cells])
    except ValueError as error:
        raise UnreadableError(f"holds what is no number ({error})") from error
    if len(values) % 2:
        raise UnreadableError(f"holds {len(values)} numbers; expected pairs x, y")
    return values.reshape(-1, 2)
