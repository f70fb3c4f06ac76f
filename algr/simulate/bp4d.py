"""A simulated BP4D: pictures, occurrence and intensity tables, tracked landmarks, as on a disk."""

# Shape suffixes: F = frames, L = landmarks (49), 2 = x and y.

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from algr.simulate.bp4d_plan import GRADED, MOODS, Clip, plan_clips
from algr.simulate.episodes import grade
from algr.simulate.folder import Progress, SimulationSummary, claim, record_all
from algr.simulate.matlab import cut_off, write_tracked_points
from algr.simulate.parts import check_numbers, largest
from algr.simulate.planted import list_planted
from algr.simulate.studio import Footage, Studio, film, sit
from algr.simulate.traps import choose_traps, cut_in_a_row
from algr.simulate.video import write_text

Array = npt.NDArray[np.float64]

GENERATOR = "algr.simulate.bp4d/1"
"""Changes whenever the same seed gives other labels, landmarks or pictures."""
# fmt: off
COLUMNS = (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 25, 26, 27,
    32, 38, 39,
)
# fmt: on
"""Action units of the occurrence tables; those that are never drawn are not coded, 9."""
_NOT_CODED = 9
STUDIO = Studio(
    name="bp4d",
    size=(1040, 1392),
    work_size=(360, 482),
    eye_distance_px=(78.0, 88.0),
    centre_px=(180.0, 212.0),
    fps=25.0,
)
_JPEG_QUALITY = 88


def simulate_bp4d(
    out: Path,
    *,
    subjects: int,
    seed: int,
    jobs: int = 1,
    traps: Sequence[str] = (),
    tasks: int = 3,
    frames: int = 24,
    scale: float = 1.0,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Write a folder as users of BP4D have it, with drawn faces.

    The same seed gives the same bytes for any number of jobs; a folder that holds an unfinished
    simulation of the same parameters is finished. Labels and landmarks do not depend on `scale`
    but for the pixels that landmarks count in.

    Args:
        out: New or empty folder.
        subjects: Number of people, taken in turn from the three published parts.
        seed: Seed of everything.
        jobs: Processes.
        traps: What to plant, of `traps.TRAPS`; `all` for everything that fits.
        tasks: Tasks of each subject, 1 to 8.
        frames: Coded frames of each task.
        scale: Size of the pictures; 1 is 1040 x 1392.
        progress: Called with (clips done, clips in all).

    Raises:
        UsageError: A number or trap that makes no data set.
        DataError: The folder holds something else.
    """
    check_numbers(
        subjects=(subjects, 1, largest("bp4d")),
        jobs=(jobs, 1, 1024),
        tasks=(tasks, 1, len(MOODS)),
        frames=(frames, 8, 1000),
        scale=(scale, 0.1, 1.0),
    )
    chosen = choose_traps(traps, layout="bp4d")
    clips = plan_clips(subjects=subjects, seed=seed, traps=chosen, tasks=tasks, frames=frames)
    planted = list_planted(clips, traps=chosen)
    marker = {
        "simulated": True,
        "generator": GENERATOR,
        "seed": seed,
        "subjects": subjects,
        "tasks": tasks,
        "frames": frames,
        "scale": scale,
        "traps": list(chosen),
        "planted": planted,
    }
    claim(out, marker)
    missing = [clip for clip in clips if not (out / clip.place).is_dir()]
    record_all(
        missing,
        partial(record_clip, out, studio=STUDIO.scaled(scale), seed=seed),
        of=len(clips),
        jobs=jobs,
        progress=progress,
    )
    return SimulationSummary(
        directory=out,
        subjects=subjects,
        videos=len(clips),
        written=len(missing),
        frames=sum(clip.pictures for clip in clips),
        planted=planted,
    )


def record_clip(out: Path, clip: Clip, *, studio: Studio, seed: int) -> None:
    """Write tables and landmarks, and then the pictures of a clip."""
    flaws = clip.flaws
    text = occurrence_text(clip)
    if flaws.cut_labels:
        text = cut_in_a_row(text, header_lines=1)
    _write(out / clip.occurrence, text)
    for unit in GRADED:
        _write(out / clip.intensities(unit), intensity_text(clip, unit))
    sitting = sit(studio, person=clip.person, seed=seed, female=clip.subject.startswith("F"))
    footage = film(studio, sitting, clip.intensity, seed=clip.seed)
    _write_landmarks(out / clip.landmarks, clip, footage)
    folder = out / clip.place
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    for frame, picture in enumerate(footage.pictures()):
        path = part / clip.picture_name(frame)
        if frame in flaws.repeated:
            shutil.copyfile(part / clip.picture_name(frame - 1), path)
        else:
            picture.save(path, "JPEG", quality=_JPEG_QUALITY)
    part.rename(folder)


def occurrence_text(clip: Clip) -> str:
    """The table of `AU_OCC`: a header of numbers, then a line per frame."""
    columns = [np.arange(clip.coded) + clip.first]
    for unit in COLUMNS:
        if unit in clip.intensity:
            graded_F = _graded(clip, unit)
            columns.append(np.where(graded_F == _NOT_CODED, _NOT_CODED, graded_F > 0))
        else:
            columns.append(np.full(clip.coded, _NOT_CODED))
    lines = [",".join(map(str, (0, *COLUMNS)))]
    lines += [",".join(map(str, row)) for row in np.stack(columns, axis=1).astype(int).tolist()]
    return "\n".join(lines) + "\n"


def intensity_text(clip: Clip, unit: int) -> str:
    """The table of `AU_INT` of an action unit: frame and intensity, no header."""
    graded_F = _graded(clip, unit)
    return "".join(
        f"{clip.first + frame},{value}\n" for frame, value in enumerate(graded_F.tolist())
    )


def _graded(clip: Clip, unit: int) -> npt.NDArray[np.int64]:
    graded_F = grade(clip.intensity[unit])[: clip.coded]
    if unit in clip.flaws.nines:
        start, stop = clip.flaws.nines[unit]
        graded_F[start:stop] = _NOT_CODED
    return graded_F


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def _write_landmarks(path: Path, clip: Clip, footage: Footage) -> None:
    flaws = clip.flaws
    points_FL2 = footage.landmarks_FL2 + flaws.pixel_base
    if flaws.swapped_axes:
        points_FL2 = points_FL2[..., ::-1]
    points_of: dict[int, Array | None] = {}
    for frame, points_L2 in enumerate(points_FL2):
        lost = np.full_like(points_L2, np.nan) if frame in flaws.nan else points_L2
        points_of[clip.first + frame] = None if frame in flaws.empty else lost
    turns = dict(enumerate(footage.rotation_F33, start=clip.first))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tracked_points(path, points_of, turns)
    if flaws.bad_mat:
        cut_off(path)
