"""Readers of raw layouts that share nothing with algr, and small simulations."""

import csv
import io
from pathlib import Path

import av
import h5py
import numpy as np
from scipy.io import loadmat

from algr.simulate import simulate_bp4d, simulate_disfa

PICTURES = "Sequences(2D+3D)"
FRAMES = 10


def small_bp4d(out, *, subjects=3, tasks=2, frames=FRAMES, seed=7, **options):
    return simulate_bp4d(
        out, subjects=subjects, tasks=tasks, frames=frames, seed=seed, scale=0.1, **options
    )


def small_disfa(out, *, subjects=3, frames=FRAMES, seed=7, **options):
    return simulate_disfa(out, subjects=subjects, frames=frames, seed=seed, scale=0.25, **options)


def table(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="ascii"))))


def occurrence(source: Path, stem: str) -> np.ndarray:
    """Rows of numbers without the header; the first column is the frame."""
    return np.array(table(source / f"AUCoding/AU_OCC/{stem}.csv")[1:], dtype=int)


def tracked(path: Path) -> dict[int, np.ndarray | None]:
    """Frame number to its (49, 2) points, None for an empty entry."""
    with h5py.File(path) as file:
        entries = file["fit/pred"][:, 0]
        cells = [file[reference] for reference in entries]
        return {
            number: None if "MATLAB_empty" in cell.attrs else cell[()].T
            for number, cell in enumerate(cells, start=1)
        }


def known(points: dict[int, np.ndarray | None]) -> np.ndarray:
    """The entries that are not empty, in order."""
    return np.stack([found for found in points.values() if found is not None])


def levels(source: Path, subject: str, unit: int) -> list[tuple[int, int]]:
    """Frame and intensity of each line of a DISFA label file."""
    rows = table(source / f"ActionUnit_Labels/{subject}/{subject}_au{unit}.txt")
    return [(int(frame), int(level)) for frame, level in rows]


def frame_points(source: Path, subject: str) -> dict[str, np.ndarray]:
    """Name of each DISFA landmark file to its points."""
    folder = source / f"Landmark_Points/{subject}/tmp_frame_lm"
    return {path.name: loadmat(path)["pts"] for path in sorted(folder.iterdir())}


def decoded(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def stems(source: Path) -> list[str]:
    return sorted(path.stem for path in (source / "AUCoding/AU_OCC").iterdir())


def pictures(source: Path, stem: str) -> dict[str, bytes]:
    """Name of each picture of a recording such as F001_T1 to its bytes."""
    folder = source / PICTURES / stem[:4] / stem[5:]
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def contents(source: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    files = (path for path in sorted(source.rglob("*")) if path.is_file())
    return {str(path.relative_to(source)): path.read_bytes() for path in files}
