"""One function for every landmark format: it looks at the content, not at the name."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from algr.data.landmark_formats.arrays import read_arrays
from algr.data.landmark_formats.jaanet import is_jaanet, read_jaanet
from algr.data.landmark_formats.openface2 import is_openface2, read_openface2
from algr.data.landmark_formats.openface3 import is_openface3, read_openface3
from algr.data.landmark_formats.pts import DEFAULT_BASE, read_pts, read_pts_folder
from algr.data.landmark_formats.pyfeat import is_pyfeat, read_pyfeat
from algr.data.landmark_formats.tables import columns_of
from algr.data.landmarks import LandmarkTrack, read_landmark_csv
from algr.data.text_files import encoding_problem, wide_encoding
from algr.errors import DataError, UsageError

KNOWN_FORMS = (
    "algr's CSV (frame,x0,y0,…), OpenFace 2 or 3, py-feat, .pts or a folder of them, .npy, .npz, "
    "or a JAA-Net list of 98 numbers per line"
)
_NUMPY, _ZIP = b"\x93NUMPY", b"PK\x03\x04"


def read_landmarks(
    path: Path, *, base: int | None = None, first_frame: int | None = None
) -> LandmarkTrack:
    """The landmarks of a file or folder, whatever its format, as 49 points counted from pixel 0.

    Args:
        path: See `KNOWN_FORMS`.
        base: Number of the first pixel in the file, 0 or 1; by default 1 for `.pts` and 0 for all
            others.
        first_frame: Number of the video's first frame in the file; by default 1 for OpenFace 2,
            for a folder of `.pts` the smaller of 1 and the first, and 0 for all others.

    Raises:
        DataError: No such file, no known format, or wrong lines; all of them are named.
        UsageError: `first_frame` is given for a file without frame numbers.
    """
    if path.is_dir():
        return read_pts_folder(path, base=_or(base, DEFAULT_BASE), first_frame=first_frame)
    head = _head(path)
    header = first_line(head)
    if _is_table(header):
        return _read_table(path, header, base=_or(base, 0), first_frame=first_frame)
    if first_frame is not None:
        raise UsageError(
            f"--first-frame {first_frame}: {path.name} has no frame numbers",
            expected="the option only with a table, or a folder of .pts files",
            advice="leave it out: the first entry is the first frame",
        )
    if head.startswith((_NUMPY, _ZIP)):
        return read_arrays(path, base=_or(base, 0))
    if header.startswith(("version", "n_points")):
        return read_pts(path, base=_or(base, DEFAULT_BASE))
    if is_jaanet(header):
        return read_jaanet(path, base=_or(base, 0))
    if wide_encoding(head):
        raise DataError(f"{path.name}: {encoding_problem(head)}")
    begins = f"begins with {header[:40]!r}, which no known landmark format does"
    raise DataError(
        f"{path.name}: {begins if header else 'is empty'}",
        expected=KNOWN_FORMS,
        advice="export it anew, or write a CSV with the header frame,x0,y0,…,x48,y48",
    )


def _is_table(header: str) -> bool:
    columns = columns_of(header)
    tests = (is_openface3, is_openface2, is_pyfeat)
    return columns[0].lower() == "frame" or any(test(columns) for test in tests)


def _read_table(path: Path, header: str, *, base: int, first_frame: int | None) -> LandmarkTrack:
    columns = columns_of(header)
    if is_openface3(columns):
        return read_openface3(path, base=base, first_frame=_or(first_frame, 0))
    if is_openface2(columns):
        first = _or(first_frame, 1)
        return read_openface2(path, header=header, base=base, first_frame=first)
    if is_pyfeat(columns):
        first = _or(first_frame, 0)
        return read_pyfeat(path, header=header, base=base, first_frame=first)
    track = read_landmark_csv(path)
    frames = track.frames - _or(first_frame, 0)
    if len(frames) and frames[0] < 0:
        raise DataError(
            f"{path.name}: frame {track.frames[0]} lies before the first one, {first_frame}",
            expected="--first-frame: the smallest number that a frame can have in this file",
        )
    return replace(track, frames=frames, points_FL2=track.points_FL2 - np.float32(base))


def holds_landmarks(path: Path) -> bool:
    """Whether a table has the columns of a landmark file; a clinic's other tables have not."""
    columns = columns_of(first_line(_head(path)))
    is_own = columns[0].lower() == "frame" and "x0" in columns
    return is_own or is_openface3(columns) or is_openface2(columns) or is_pyfeat(columns)


def first_line(head: bytes) -> str:
    """The first line of a file that has text in it; empty if there is none."""
    text = head.decode("utf-8-sig", errors="replace")
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(65536)
    except OSError as error:
        raise DataError(
            f"{path.name}: cannot be read ({error.strerror or error})", expected=KNOWN_FORMS
        ) from error


def _or(value: int | None, default: int) -> int:
    return default if value is None else value
