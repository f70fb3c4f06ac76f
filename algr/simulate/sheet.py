"""One picture of a simulated clinic: a row per visit, a column per exercise."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from algr.data import iterate_video, landmark_path, read_landmark_csv
from algr.errors import DataError
from algr.simulate.clinic import MANIFEST
from algr.simulate.folder import is_simulation

NUMERALS = ("I", "II", "III", "IV", "V", "VI")
_LABEL_PX = 84
_HEADER_PX = 18
_POINT = (64, 255, 96)


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
    """Draw frames of a simulated clinic on one picture, a row per visit, grades in turn.

    Args:
        source: Folder of a finished simulation.
        out_png: Where to write the picture.
        landmarks: Draw the 49 points.
        rows: Visits at most.
        width_px: Width of a frame on the sheet.

    Raises:
        DataError: The folder holds no finished simulation.
    """
    visits = _visits(source)[:rows]
    exercises = [name for name, _ in visits[0].moments]
    frames = [_frames(source, visit, landmarks=landmarks) for visit in visits]
    height_px = round(frames[0][0].height * width_px / frames[0][0].width)
    size = (_LABEL_PX + width_px * len(exercises), _HEADER_PX + height_px * len(visits))
    sheet = Image.new("RGB", size, (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    draw.text((4, 3), "simulated", fill=(150, 0, 0))
    for column, name in enumerate(exercises):
        draw.text((_LABEL_PX + column * width_px + 4, 3), name, fill=(0, 0, 0))
    for row, (visit, images) in enumerate(zip(visits, frames, strict=True)):
        top = _HEADER_PX + row * height_px
        weak = f"weak {visit.affected_side}" if visit.affected_side else "no palsy"
        text = f"{visit.patient_id}\nHB {NUMERALS[visit.grade_hb - 1]}\n{weak}"
        draw.multiline_text((4, top + 6), text, fill=(0, 0, 0), spacing=4)
        for column, image in enumerate(images):
            small = image.resize((width_px, height_px), Image.Resampling.LANCZOS)
            sheet.paste(small, (_LABEL_PX + column * width_px, top))
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


def _frames(source: Path, visit: _Row, *, landmarks: bool) -> list[Image.Image]:
    path = source / visit.video
    wanted: Sequence[float] = [moment for _, moment in visit.moments]
    images: list[Image.Image] = []
    track = read_landmark_csv(landmark_path(path)) if landmarks else None
    for frame in iterate_video(path, fps=None, threads=1):
        while len(images) < len(wanted) and frame.time_s >= wanted[len(images)]:
            image = Image.fromarray(frame.image_HWC)
            if track is not None:
                _draw_points(image, track.at(frame.index))
            images.append(image)
    return images


def _draw_points(image: Image.Image, points_L2: npt.NDArray[np.float32] | None) -> None:
    draw = ImageDraw.Draw(image)
    for x, y in () if points_L2 is None else points_L2:
        draw.ellipse((x - 1.5, y - 1.5, x + 1.5, y + 1.5), fill=_POINT)
