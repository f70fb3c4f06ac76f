"""Rows of a contact sheet from a simulated BP4D or DISFA, with what the files say of a face."""

# Shape suffixes: P = points, 2 = x and y.

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from algr.data import iterate_video
from algr.simulate import bp4d_plan, disfa_plan

Array = npt.NDArray[np.float64]
COLUMNS = 9


@dataclass(frozen=True, kw_only=True)
class Face:
    """One picture of the sheet.

    Attributes:
        image: The whole picture.
        caption: Action units that its labels name.
        points_P2: Landmarks, 0-based pixels; None where there are none to be read.
    """

    image: Image.Image
    caption: str
    points_P2: Array | None


def bp4d_rows(source: Path, *, rows: int) -> Iterator[tuple[str, list[Face]]]:
    """Name and faces of each subject."""
    for folder in sorted((source / bp4d_plan.PICTURES).iterdir())[:rows]:
        paths = [path for task in sorted(folder.iterdir()) for path in sorted(task.glob("*.jpg"))]
        yield folder.name, [_bp4d_face(source, path) for path in _evenly(paths)]


def _bp4d_face(source: Path, path: Path) -> Face:
    stem, number = f"{path.parts[-3]}_{path.parts[-2]}", int(path.stem)
    table = _rows(source / bp4d_plan.OCCURRENCE / f"{stem}.csv")
    header, cells = table[0], {row[0]: row for row in table[1:]}.get(str(number), [])
    present = [unit for unit, cell in zip(header[1:], cells[1:], strict=False) if cell == "1"]
    with Image.open(path) as image:
        image.load()
    points = _tracked(source / bp4d_plan.LANDMARKS / f"{stem}.mat", number)
    caption = f"{path.parts[-2]} {number}: {' '.join(present)}" if cells else f"{number}: no labels"
    return Face(image=image, caption=caption, points_P2=points)


def disfa_rows(source: Path, *, rows: int) -> Iterator[tuple[str, list[Face]]]:
    """Name and faces of each subject."""
    for folder in sorted((source / disfa_plan.LABELS).iterdir())[:rows]:
        yield folder.name, _disfa_faces(source, folder)


def _disfa_faces(source: Path, folder: Path) -> list[Face]:
    subject = folder.name
    tables = {
        unit: dict(row[:2] for row in _rows(folder / f"{subject}_au{unit}.txt") if len(row) > 1)
        for unit in disfa_plan.UNITS
    }
    numbers = sorted({int(number) for table in tables.values() for number in table})
    wanted = {number: _levels(tables, str(number)) for number in _evenly(numbers)}
    faces = []
    video = source / disfa_plan.VIDEO["left"].format(subject=subject)
    for frame in iterate_video(video, fps=None, threads=1):
        number = frame.index + 1
        if number in wanted:
            faces.append(
                Face(
                    image=Image.fromarray(frame.image_HWC),
                    caption=f"{number}: {wanted[number]}",
                    points_P2=_frame_points(source, subject, frame.index),
                )
            )
    return faces


def _levels(tables: Mapping[int, Mapping[str, str]], number: str) -> str:
    """Action units with their intensities."""
    found = {unit: table.get(number, "") for unit, table in tables.items()}
    return " ".join(f"{unit}:{level}" for unit, level in found.items() if level not in ("", "0"))


def _evenly(things: "list[Any]") -> "list[Any]":
    picks = np.linspace(0, len(things) - 1, COLUMNS).round().astype(int)
    return [things[pick] for pick in picks]


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return [row for row in csv.reader(stream) if row]


def _tracked(path: Path, number: int) -> Array | None:
    import h5py

    try:
        with h5py.File(path) as file:
            reference = file["fit/pred"][number - 1, 0]
            points = np.asarray(file[reference])
    except (OSError, IndexError):  # a landmark file that a trap has cut, or too short
        return None
    return points.T - 1.0 if points.shape == (2, 49) else None


def _frame_points(source: Path, subject: str, frame: int) -> Array | None:
    from scipy.io import loadmat

    folder = source / disfa_plan.LANDMARKS / subject / disfa_plan.LANDMARK_FOLDER
    for name in (f"{subject}_{frame:04d}_lm.mat", f"l0{frame + 1:04d}_lm.mat"):
        if (folder / name).is_file():
            try:
                return np.asarray(loadmat(folder / name)["pts"], np.float64) - 1.0
            except Exception:  # noqa: BLE001 - scipy raises whatever its parser stumbles over
                return None
    return None
