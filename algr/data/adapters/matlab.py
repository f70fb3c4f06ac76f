"""Landmarks in MATLAB files: version 7.3 (HDF5, BP4D) and version 5 (DISFA)."""

# Shape suffixes: N = frames, P = points of a file, L = landmarks (49), 2 = x, y.

import re
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.matlab5 import FormatError, read_matrix
from algr.data.presence import why_no_file
from algr.faces import NUM_LANDMARKS

_JAW = 17
_HEAD = 512
_PRINTABLE = frozenset(string.printable.encode())
_INNER_MOUTH_CORNERS = (60, 64)
_STATED_SIZE = re.compile(r"stored_eof = (\d+)")
"""In what HDF5 says of a file that is shorter than its head states."""


class UnreadableError(Exception):
    """A MATLAB file that does not hold what it should; the text says what it is."""


def as_float32(values: object) -> NDArray[np.float32]:
    """The values as 32-bit floats; what is too large becomes infinite, and is rejected later.

    Raises:
        TypeError: They are no numbers; or a ValueError.
    """
    with np.errstate(over="ignore"):
        return np.asarray(values, np.float32)


def to_49(points_P2: NDArray[np.floating]) -> NDArray[np.float32]:
    """The 49 landmarks of 49, 66 or 68 points.

    66 points are the 68 of iBUG without the inner corners of the mouth, 60 and 64; the first 17
    are the jaw.

    Raises:
        UnreadableError: It is another number of points.
    """
    points = as_float32(points_P2)
    if points.ndim != 2 or points.shape[1] != 2 or points.shape[0] not in (49, 66, 68):
        shape = " x ".join(str(size) for size in points.shape)
        raise UnreadableError(f"points of shape {shape}; expected 49, 66 or 68 points x, y")
    if len(points) == 68:
        points = np.delete(points, _INNER_MOUTH_CORNERS, axis=0)
    return points if len(points) == NUM_LANDMARKS else points[_JAW:]


def read_tracked_points(path: Path, *, entries: Sequence[int]) -> NDArray[np.float32]:
    """Landmarks of `fit/pred` of a BP4D file: a cell per frame, 2 x 49 each or empty.

    Args:
        path: MATLAB 7.3.
        entries: 0-based cells to read; what is not there or empty gives NaN.

    Returns:
        (N, 49, 2) as the file counts its pixels.

    Raises:
        UnreadableError: The file is damaged, or is something else.
    """
    import h5py

    problem = why_no_file(path)
    if problem:
        raise UnreadableError(problem)
    if not h5py.is_hdf5(path):
        raise UnreadableError(_instead_of_hdf5(path))
    try:
        with h5py.File(path, "r") as file:
            return _cells(file, entries=entries)
    except UnreadableError:
        raise
    except Exception as error:  # h5py raises whatever it stumbles over
        raise UnreadableError(_damage(error, path)) from error


def _damage(error: Exception, path: Path) -> str:
    stated = _STATED_SIZE.search(str(error))
    if stated:
        there = path.stat().st_size
        return f"is cut off: {there} of {stated[1]} bytes are there; copy the file again"
    return "cannot be read as MATLAB 7.3 (HDF5): it is damaged, or holds no points; copy it again"


def _instead_of_hdf5(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "is empty: 0 bytes"
    if head.startswith(b"MATLAB 5.0"):
        return "is a MATLAB 5 file; expected 7.3 (HDF5), as BP4D has it: save it with -v7.3"
    if head.startswith(b"MATLAB 7.3"):
        return "is cut off: nothing of a MATLAB 7.3 file (HDF5) but its head is there"
    if all(byte in _PRINTABLE for byte in head):
        return "is text; expected a MATLAB 7.3 file (HDF5)"
    return "is no MATLAB 7.3 file (HDF5), or its beginning is damaged"


def _cells(file: Any, *, entries: Sequence[int]) -> NDArray[np.float32]:
    import h5py

    if "fit/pred" not in file:
        raise UnreadableError("holds no fit/pred")
    if getattr(file["fit/pred"], "dtype", None) != h5py.ref_dtype:
        kind = getattr(file["fit/pred"], "dtype", None)
        found = "a group" if kind is None else f"an array of {kind}"
        raise UnreadableError(f"its fit/pred is {found}, no cell array")
    points_NL2 = np.full((len(entries), NUM_LANDMARKS, 2), np.nan, np.float32)
    references = file["fit/pred"][()].ravel()
    for row, entry in enumerate(entries):
        if 0 <= entry < len(references) and references[entry]:
            points_NL2[row] = _cell(file[references[entry]], entry=entry)
    return points_NL2


def _cell(cell: Any, *, entry: int) -> NDArray[np.float32]:
    if "MATLAB_empty" in cell.attrs or cell.size < 2 * NUM_LANDMARKS:
        return np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
    if cell.shape not in ((2, NUM_LANDMARKS), (NUM_LANDMARKS, 2)):
        shape = " x ".join(str(size) for size in cell.shape)
        raise UnreadableError(f"cell {entry + 1} of fit/pred is {shape}; expected 2 x 49")
    values = as_float32(cell[()])
    return values.T if values.shape == (2, NUM_LANDMARKS) else values


def read_frame_points(path: Path) -> NDArray[np.float32]:
    """Landmarks `pts` of one frame of DISFA.

    Returns:
        (49, 2) as the file counts its pixels.

    Raises:
        UnreadableError: The file is damaged, or is something else.
    """
    try:
        values = read_matrix(path.read_bytes(), "pts")
    except (OSError, FormatError) as error:
        raise UnreadableError(f"cannot be read as a MATLAB 5 file ({_short(error)})") from error
    if values is None:
        raise UnreadableError("holds no variable pts")
    return to_49(values)


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
