"""Landmarks in MATLAB files: version 7.3 (HDF5, BP4D) and version 5 (DISFA)."""

# Shape suffixes: N = frames, P = points of a file, L = landmarks (49), 2 = x, y.

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.faces import NUM_LANDMARKS

_JAW = 17
_INNER_MOUTH_CORNERS = (60, 64)


class UnreadableError(Exception):
    """A MATLAB file that does not hold what it should; the text says what it is."""


def to_49(points_P2: NDArray[np.floating]) -> NDArray[np.float32]:
    """The 49 landmarks of 49, 66 or 68 points.

    66 points are the 68 of iBUG without the inner corners of the mouth, 60 and 64; the first 17
    are the jaw.

    Raises:
        UnreadableError: It is another number of points.
    """
    points = np.asarray(points_P2, np.float32)
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

    if not path.is_file():
        raise UnreadableError("no such file")
    if not h5py.is_hdf5(path):
        raise UnreadableError("is no MATLAB 7.3 file (HDF5), or is cut off at its beginning")
    points = np.full((len(entries), NUM_LANDMARKS, 2), np.nan, np.float32)
    try:
        with h5py.File(path, "r") as file:
            if "fit/pred" not in file:
                raise UnreadableError("holds no fit/pred")
            cells = file["fit/pred"]
            if getattr(cells, "dtype", None) != h5py.ref_dtype:
                raise UnreadableError("its fit/pred is no cell array")
            references = cells[()].ravel()
            for row, entry in enumerate(entries):
                if 0 <= entry < len(references) and references[entry]:
                    points[row] = _cell(file[references[entry]], entry=entry)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise UnreadableError(f"cannot be read ({_short(error)})") from error
    return points


def _cell(cell: Any, *, entry: int) -> NDArray[np.float32]:
    if "MATLAB_empty" in cell.attrs or cell.size < 2 * NUM_LANDMARKS:
        return np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
    values = np.asarray(cell[()], np.float32)
    if values.shape == (2, NUM_LANDMARKS):
        return values.T
    if values.shape == (NUM_LANDMARKS, 2):
        return values
    shape = " x ".join(str(size) for size in values.shape)
    raise UnreadableError(f"cell {entry + 1} of fit/pred is {shape}; expected 2 x 49")


def read_frame_points(path: Path) -> NDArray[np.float32]:
    """Landmarks `pts` of one frame of DISFA.

    Returns:
        (49, 2) as the file counts its pixels.

    Raises:
        UnreadableError: The file is damaged, or is something else.
    """
    from scipy.io import loadmat

    try:
        values = loadmat(str(path), variable_names=["pts"]).get("pts")
    except Exception as error:  # scipy raises whatever its parser stumbles over
        raise UnreadableError(f"cannot be read as a MATLAB 5 file ({_short(error)})") from error
    if values is None:
        raise UnreadableError("holds no variable pts")
    try:
        return to_49(np.asarray(values, np.float32))
    except (TypeError, ValueError) as error:
        raise UnreadableError("its pts are no numbers") from error


def _short(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
