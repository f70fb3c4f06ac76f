"""One picture of a simulation: a row per visit or subject, some frames of each."""

# Shape suffixes: P = points, 2 = x and y.

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from algr.data import iterate_video, landmark_path, read_landmark_csv
from algr.errors import DataError
from algr.simulate import bp4d_plan, disfa_plan
from algr.simulate.folder import is_simulation
from algr.simulate.sheet_units import Face, bp4d_rows, disfa_rows
from algr.simulate.visits import MANIFEST

NUMERALS = ("I", "II", "III", "IV", "V", "VI")
_LABEL_PX = 84
_HEADER_PX = 18
_POINT = (64, 255, 96)
_CAPTION = (255, 255, 160)
_OUTLINE: dict[str, Any] = {"stroke_width": 1, "stroke_fill": (40, 40, 40)}


@dataclass(frozen=True, kw_only=True)
class _Row:
    video: str
    patient_id: str
    grade_hb: int
    affected_side: str
    moments: tuple[tuple[str, float], ...]
    """Exercises and the middle of each, seconds."""


def contact_sheet(
    source: Path, out_png: Path, *, landmarks: bool = False, rows: int = 8, width_px: int = 150
) -> None:
    """Draw frames of a simulation on one picture.

    Of a clinic: a row per visit, a column per exercise. Of BP4D and DISFA: a row per subject,
    frames at even distances, each with the action units that its labels name.

    Args:
        source: Folder of a finished simulation.
        out_png: Where to write the picture.
        landmarks: Draw the points.
        rows: Visits or subjects at most.
        width_px: Width of a frame on the sheet.

    Raises:
        DataError: The folder holds no finished simulation.
    """
    columns: tuple[str, ...] = ()
    if (source / disfa_plan.LABELS).is_dir() and is_simulation(source):
        labelled = disfa_rows(source, rows=rows)
    elif (source / bp4d_plan.PICTURES).is_dir() and is_simulation(source):
        labelled = bp4d_rows(source, rows=rows)
    else:
        visits = _visits(source)[:rows]
        columns = tuple(name for name, _ in visits[0].moments)
        labelled = iter([(_title(visit), _faces(source, visit)) for visit in visits])
    _paste(tuple(labelled), columns, out_png, landmarks=landmarks, width_px=width_px)


def _paste(
    rows: Sequence[tuple[str, list[Face]]],
    columns: tuple[str, ...],
    out_png: Path,
    *,
    landmarks: bool,
    width_px: int,
) -> None:
    first = rows[0][1][0].image
    height_px = round(first.height * width_px / first.width)
    width = max(len(faces) for _, faces in rows) * width_px
    sheet = Image.new(
        "RGB", (_LABEL_PX + width, _HEADER_PX + height_px * len(rows)), (255, 255, 255)
    )
    draw = ImageDraw.Draw(sheet)
    draw.text((4, 3), "simulated", fill=(150, 0, 0))
    for column, name in enumerate(columns):
        draw.text((_LABEL_PX + column * width_px + 4, 3), name, fill=(0, 0, 0))
    for row, (title, faces) in enumerate(rows):
        top = _HEADER_PX + row * height_px
        draw.multiline_text((4, top + 6), title, fill=(0, 0, 0), spacing=4)
        for column, face in enumerate(faces):
            left = _LABEL_PX + column * width_px
            small = face.image.resize((width_px, height_px), Image.Resampling.LANCZOS)
            if landmarks and face.points_P2 is not None:
                _draw_points(small, face.points_P2 * (width_px / face.image.width))
            sheet.paste(small, (left, top))
            draw.text((left + 3, top + 2), face.caption, fill=_CAPTION, **_OUTLINE)
    out_png.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(out_png)


def _visits(source: Path) -> list[_Row]:
    path = source / MANIFEST
    if not is_simulation(source) or not path.is_file():
        raise DataError(
            f"{source} holds no finished simulation",
            expected="a folder that `algr data simulate` has written",
            advice=f"algr data simulate fpara {source}",
        )
    by_video: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for line in csv.DictReader(stream):
            by_video.setdefault(line["video"], []).append(line)
    return [
        _Row(
            video=video,
            patient_id=lines[0]["patient_id"],
            grade_hb=int(lines[0]["grade_hb"]),
            affected_side=lines[0]["affected_side"],
            moments=tuple(
                (line["exercise"], 0.5 * (float(line["start_s"]) + float(line["end_s"])))
                for line in lines
            ),
        )
        for video, lines in by_video.items()
    ]


def _title(visit: _Row) -> str:
    weak = f"weak {visit.affected_side}" if visit.affected_side else "no palsy"
    return f"{visit.patient_id}\nHB {NUMERALS[visit.grade_hb - 1]}\n{weak}"


def _faces(source: Path, visit: _Row) -> list[Face]:
    path = source / visit.video
    wanted: Sequence[float] = [moment for _, moment in visit.moments]
    faces: list[Face] = []
    track = read_landmark_csv(landmark_path(path))
    for frame in iterate_video(path, fps=None, threads=1):
        while len(faces) < len(wanted) and frame.time_s >= wanted[len(faces)]:
            points_P2 = track.at(frame.index)
            faces.append(
                Face(
                    image=Image.fromarray(frame.image_HWC),
                    caption="",
                    points_P2=None if points_P2 is None else points_P2.astype(np.float64),
                )
            )
    return faces


def _draw_points(image: Image.Image, points_P2: npt.NDArray[np.float64]) -> None:
    draw = ImageDraw.Draw(image)
    for x, y in points_P2[np.isfinite(points_P2).all(axis=1)]:
        draw.ellipse((x - 0.7, y - 0.7, x + 0.7, y + 0.7), fill=_POINT)
