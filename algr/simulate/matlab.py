"""Landmark files as MATLAB writes them: version 7.3 (HDF5) for BP4D, version 5 for DISFA."""

# Shape suffixes: N = frames with landmarks, P = points, 2 = x and y, 3 = axes.

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_USER_BLOCK = 512
_CREATED = "Platform: GLNXA64, Created on: Mon Jan  1 00:00:00 2024"
"""Always the same, so that the same seed gives the same bytes."""
_TEXT_BYTES = 116
"""Of the header of a MATLAB file; behind it offset, version and byte order."""


def write_tracked_points(
    path: Path, points_of: Mapping[int, Array | None], rotation_of: Mapping[int, Array]
) -> None:
    """Write `fit/pred` and `fit/pose/rot`, with an entry for every number up to the highest.

    `fit` is a struct array: entry i is of frame i + 1, and empty where the tracker found nothing
    or never looked. All empty entries refer to one empty array, where MATLAB writes one each.

    Args:
        path: The file; its folder exists.
        points_of: Frame number, from 1, to (49, 2) points, or None for an empty entry.
        rotation_of: Frame number to the turn of the head, (3, 3).
    """
    import h5py

    part = path.with_name(path.name + ".part")
    with h5py.File(part, "w", userblock_size=_USER_BLOCK, libver="earliest") as file:
        store = file.create_group("#refs#")
        empty = store.create_dataset("a", data=np.zeros(2, np.uint64))
        empty.attrs["MATLAB_class"] = np.bytes_("double")
        empty.attrs["MATLAB_empty"] = np.uint8(1)
        shape = (max(points_of), 1)
        fit = file.create_group("fit")
        fit.attrs["MATLAB_class"] = np.bytes_("struct")
        pred = np.full(shape, empty.ref, dtype=h5py.ref_dtype)
        pose = np.full(shape, empty.ref, dtype=h5py.ref_dtype)
        for number, points_P2 in sorted(points_of.items()):
            if points_P2 is None:
                continue
            # MATLAB's first axis is the last of HDF5: 49 x 2 there is 2 x 49 here.
            cell = store.create_dataset(f"p{number}", data=points_P2.T)
            cell.attrs["MATLAB_class"] = np.bytes_("double")
            turn = store.create_group(f"r{number}")
            turn.attrs["MATLAB_class"] = np.bytes_("struct")
            rot = turn.create_dataset("rot", data=rotation_of[number].T)
            rot.attrs["MATLAB_class"] = np.bytes_("double")
            pred[number - 1, 0], pose[number - 1, 0] = cell.ref, turn.ref
        fit.create_dataset("pred", data=pred, dtype=h5py.ref_dtype)
        fit.create_dataset("pose", data=pose, dtype=h5py.ref_dtype)
    with part.open("r+b") as stream:
        text = f"MATLAB 7.3 MAT-file, {_CREATED} HDF5 schema 1.00 ."
        stream.write(text.ljust(_TEXT_BYTES).encode("ascii"))
        stream.write(bytes(8) + b"\x00\x02IM")
    part.replace(path)


def write_frame_points(path: Path, points_P2: Array) -> None:
    """Write `pts` of one frame, (66, 2), as a MATLAB 5 file."""
    from scipy.io import savemat

    buffer = io.BytesIO()
    savemat(buffer, {"pts": points_P2})
    text = f"MATLAB 5.0 MAT-file, {_CREATED}".ljust(_TEXT_BYTES).encode("ascii")
    part = path.with_name(path.name + ".part")
    part.write_bytes(text + buffer.getvalue()[_TEXT_BYTES:])
    part.replace(path)


def cut_off(path: Path) -> None:
    """Damage a file: leave its first 60 %."""
    data = path.read_bytes()
    path.write_bytes(data[: int(0.6 * len(data))])
