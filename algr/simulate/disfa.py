"""A simulated DISFA: videos, a label file per action unit, a landmark file per frame."""

# Shape suffixes: F = frames, P = points (66), 2 = x and y.

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from algr.simulate.disfa_plan import UNITS, Take, plan_takes
from algr.simulate.episodes import grade
from algr.simulate.folder import Progress, SimulationSummary, claim, record_all
from algr.simulate.matlab import cut_off, write_frame_points
from algr.simulate.parts import check_numbers, largest
from algr.simulate.planted import list_planted
from algr.simulate.studio import Footage, Studio, film, sit
from algr.simulate.traps import choose_traps, cut_in_a_row
from algr.simulate.video import repeating, write_avi, write_text

GENERATOR = "algr.simulate.disfa/1"
"""Changes whenever the same seed gives other labels, landmarks or pictures."""
STUDIO = Studio(
    name="disfa",
    size=(1024, 768),
    work_size=(512, 384),
    eye_distance_px=(70.0, 76.0),
    centre_px=(256.0, 166.0),
    fps=20.0,
)
_YAW = {"right": -0.11, "left": 0.0}
"""How far each camera stands aside, sine of the angle; the left one is looked into."""
_NOT_CODED = 9


def simulate_disfa(
    out: Path,
    *,
    subjects: int,
    seed: int,
    jobs: int = 1,
    traps: Sequence[str] = (),
    frames: int = 80,
    scale: float = 1.0,
    progress: Progress | None = None,
) -> SimulationSummary:
    """Write a folder as users of DISFA have it, with drawn faces.

    The same seed gives the same labels and landmarks for any number of jobs; a folder that holds
    an unfinished simulation of the same parameters is finished.

    Args:
        out: New or empty folder.
        subjects: Number of people, taken in turn from the three published parts.
        seed: Seed of everything.
        jobs: Processes.
        traps: What to plant, of `traps.TRAPS`; `all` for everything that fits.
        frames: Labelled frames of each subject.
        scale: Size of the pictures; 1 is 1024 x 768.
        progress: Called with (subjects done, subjects in all).

    Raises:
        UsageError: A number or trap that makes no data set.
        DataError: The folder holds something else.
    """
    check_numbers(
        subjects=(subjects, 1, largest("disfa")),
        jobs=(jobs, 1, 1024),
        frames=(frames, 8, 4845),
        scale=(scale, 0.1, 1.0),
    )
    chosen = choose_traps(traps, layout="disfa")
    takes = plan_takes(subjects=subjects, seed=seed, traps=chosen, frames=frames)
    planted = list_planted(takes, traps=chosen)
    marker = {
        "simulated": True,
        "generator": GENERATOR,
        "seed": seed,
        "subjects": subjects,
        "frames": frames,
        "scale": scale,
        "traps": list(chosen),
        "planted": planted,
    }
    claim(out, marker)
    missing = [take for take in takes if not (out / take.video("left")).is_file()]
    record_all(
        missing,
        partial(record_take, out, studio=STUDIO.scaled(scale), seed=seed),
        of=len(takes),
        jobs=jobs,
        progress=progress,
    )
    return SimulationSummary(
        directory=out,
        subjects=subjects,
        videos=len(takes),
        written=len(missing),
        frames=sum(take.frames for take in takes),
        planted=planted,
    )


def record_take(out: Path, take: Take, *, studio: Studio, seed: int) -> None:
    """Write labels and landmarks of a subject, and then the videos, the left camera's last."""
    (out / take.label_file(1)).parent.mkdir(parents=True, exist_ok=True)
    for unit in UNITS:
        text = label_text(take, unit)
        is_cut = take.flaws.cut_labels and take.label_file(unit) == take.cut_file
        write_text(
            out / take.label_file(unit), cut_in_a_row(text, header_lines=0) if is_cut else text
        )
    sitting = sit(studio, person=take.person, seed=seed)
    for camera, yaw in _YAW.items():
        footage = film(studio, sitting, take.intensity, seed=take.seed, yaw=yaw)
        if camera == "left":
            _write_landmarks(out, take, footage)
        path = out / take.video(camera)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_avi(
            path,
            repeating(footage.drawings(), take.flaws.repeated),
            video_fps=round(studio.fps),
            size=studio.size,
        )


def label_text(take: Take, unit: int) -> str:
    """The label file of an action unit: frame, from 1, and intensity."""
    graded_F = grade(take.intensity[unit])[: take.coded]
    if unit in take.flaws.nines:
        start, stop = take.flaws.nines[unit]
        graded_F[start:stop] = _NOT_CODED
    first = 1 + take.flaws.shift
    return "".join(f"{number},{value}\n" for number, value in enumerate(graded_F.tolist(), first))


def _write_landmarks(out: Path, take: Take, footage: Footage) -> None:
    flaws = take.flaws
    points_FP2 = np.concatenate([footage.jaw_FJ2, footage.landmarks_FL2], axis=1)
    points_FP2 = points_FP2[: take.coded] + flaws.pixel_base
    if flaws.swapped_axes:
        points_FP2 = points_FP2[..., ::-1]
    (out / take.landmarks).mkdir(parents=True, exist_ok=True)
    for frame, points_P2 in enumerate(points_FP2):
        if frame in flaws.empty:
            continue
        lost = np.full_like(points_P2, np.nan) if frame in flaws.nan else points_P2
        write_frame_points(out / take.landmark_file(frame), lost)
    if flaws.bad_mat:
        cut_off(out / take.bad_file)
