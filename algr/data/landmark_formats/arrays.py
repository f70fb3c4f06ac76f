"""NumPy files: (frames, 49, 66 or 68 points, 2), or those of one picture."""

# Shape suffixes: F = frames; N = points; 2 = x, y.

import struct
import tokenize
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.data.landmark_formats.findings import Findings
from algr.data.landmark_formats.points import POINT_SETS, to_landmarks
from algr.data.landmarks import LandmarkTrack

FORM = "NumPy"
_POINTS, _FRAMES = "landmarks", "frames"
_DAMAGE = (
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""NumPy reads a header as Python text; what damaged bytes raise there is not its promise."""


def read_arrays(path: Path, *, base: int) -> LandmarkTrack:
    """The landmarks of a `.npy` file, or of a `.npz` file with the array `landmarks`.

    A `.npz` file may name the 0-based frames in the array `frames`; else row i is frame i.

    Raises:
        DataError: It holds something else.
    """
    findings = Findings(
        path,
        expected="numbers of shape (frames, 49, 66 or 68, 2), x before y, as .npy or as "
        f"`{_POINTS}` in a .npz",
        advice="numpy.save(FILE, points) with such an array; NaN for missing points",
    )
    points_FN2, frames = _load(path, findings)
    if points_FN2.dtype.kind not in "fiu":
        raise findings.refuse(f"an array of type {points_FN2.dtype}")
    if points_FN2.ndim == 2:
        points_FN2 = points_FN2[None]
    shape = points_FN2.shape
    if points_FN2.ndim != 3 or shape[2] != 2 or shape[1] not in POINT_SETS:
        raise findings.refuse(f"an array of shape {shape}")
    if frames is None:
        frames = np.arange(shape[0])
    if frames.shape != shape[:1] or frames.dtype.kind not in "iu":
        raise findings.refuse(f"`{_FRAMES}` of type {frames.dtype} and shape {frames.shape}")
    if len(set(frames.tolist())) != len(frames) or (len(frames) and frames.min() < 0):
        raise findings.refuse(f"`{_FRAMES}` has a number twice or below 0")
    with np.errstate(over="ignore"):
        landmarks_FL2 = to_landmarks(points_FN2.astype(np.float64) - base)
    for row in np.flatnonzero(np.isinf(landmarks_FL2).any(axis=(1, 2))).tolist():
        findings.add(f"row {row}", "a number is not a place")
    findings.check()
    order = np.argsort(frames, kind="stable")
    return LandmarkTrack(
        frames=frames[order].astype(np.int64), points_FL2=landmarks_FL2[order], form=FORM
    )


def _load(path: Path, findings: Findings) -> tuple[NDArray[Any], NDArray[Any] | None]:
    try:
        with path.open("rb") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of headers that old versions wrote
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded, None
            with loaded:
                return _members(loaded, findings)
    except _DAMAGE as error:
        raise findings.refuse(f"cannot be read ({error or type(error).__name__})") from error


def _members(loaded: Any, findings: Findings) -> tuple[NDArray[Any], NDArray[Any] | None]:
    names = loaded.files
    wanted = _POINTS if _POINTS in names or len(names) != 1 else names[0]
    if wanted not in names:
        raise findings.refuse(f"holds the arrays {', '.join(names) or '(none)'}")
    frames = loaded[_FRAMES] if _FRAMES in names and wanted != _FRAMES else None
    return loaded[wanted], frames
