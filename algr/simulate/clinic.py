"""A simulated clinic: videos of visits, a manifest and landmark files, as a clinic has them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from algr.errors import UsageError
from algr.seeding import derive_seed
from algr.simulate.clinic_traps import list_planted, plant
from algr.simulate.exercises import Motion, perform
from algr.simulate.folder import SimulationSummary, claim, record_all
from algr.simulate.geometry import Curves, landmarks, trace
from algr.simulate.person import Person, Scene, draw_person, draw_rooms, draw_scene
from algr.simulate.render import FRAME_SIZE, render_frames
from algr.simulate.traps import choose_traps
from algr.simulate.video import (
    repeating,
    uneven_stamps,
    write_landmarks,
    write_text,
    write_video,
)
from algr.simulate.visits import MANIFEST, Visit, manifest_text, plan_visits

GENERATOR = "algr.simulate.fpara/3"
"""Changes whenever the same seed gives other bytes."""


@dataclass(frozen=True, kw_only=True)
class Take:
    """All that one visit's video is rendered from."""

    visit: Visit
    person: Person
    scene: Scene
    motion: Motion
    curves: Curves


def simulate_fpara(
    out: Path,
    *,
    subjects: int,
    seed: int,
    jobs: int = 1,
    traps: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
    seconds_per_exercise: float = 0.95,
    video_fps: float = 12.0,
) -> SimulationSummary:
    """Write the source folder of a simulated clinic.

    The same seed gives the same bytes of the manifest and of the landmark files, for any number
    of jobs. Subject i is the same person however many there are. A folder that holds an
    unfinished simulation of the same parameters is finished.

    Args:
        out: New or empty folder.
        subjects: Number of people; grades go round over the four classes.
        seed: Seed of everything.
        jobs: Processes.
        traps: What to plant, of `traps.TRAPS`; `all` for everything that fits.
        progress: Called with (videos done, videos in all).
        seconds_per_exercise: Mean length of an exercise.
        video_fps: Frames per second of the videos.

    Raises:
        UsageError: A number or trap that makes no clinic.
        DataError: The folder holds something else.
    """
    _check_numbers(subjects, jobs, seconds_per_exercise, video_fps)
    chosen = choose_traps(traps, layout="fpara")
    visits = plan_visits(subjects=subjects, seed=seed, seconds_per_exercise=seconds_per_exercise)
    visits = plant(visits, chosen, seed=seed, video_fps=video_fps)
    planted = list_planted(visits, chosen)
    marker: dict[str, object] = {
        "simulated": True,
        "generator": GENERATOR,
        "seed": seed,
        "subjects": subjects,
        "seconds_per_exercise": seconds_per_exercise,
        "video_fps": video_fps,
    }
    if chosen:
        marker |= {"traps": list(chosen), "planted": planted}
    claim(out, marker)
    missing = [visit for visit in visits if not (out / visit.video).is_file()]
    record_all(
        missing,
        partial(shoot_visit, out, seed=seed, video_fps=video_fps),
        of=len(visits),
        jobs=jobs,
        progress=progress,
    )
    if missing or not (out / MANIFEST).is_file():
        write_text(out / MANIFEST, manifest_text(visits))
    return SimulationSummary(
        directory=out,
        subjects=subjects,
        videos=len(visits),
        written=len(missing),
        frames=sum(visit.frames(video_fps) for visit in visits),
        planted=planted,
    )


def prepare_take(visit: Visit, *, seed: int, video_fps: float) -> Take:
    """Draw the person, the scene and the motion of a visit."""
    person = draw_person(np.random.default_rng(derive_seed(seed, "subject", visit.subject)))
    names = ("subject", visit.subject, "visit", visit.visit)
    scene = draw_scene(
        np.random.default_rng(derive_seed(seed, *names, "scene")),
        rooms=draw_rooms(np.random.default_rng(derive_seed(seed, "rooms"))),
    )
    motion = perform(
        visit.palsy,
        visit.segments,
        video_fps=video_fps,
        rng=np.random.default_rng(derive_seed(seed, *names, "motion")),
    )
    return Take(
        visit=visit,
        person=person,
        scene=scene,
        motion=motion,
        curves=trace(person.shape, scene, motion),
    )


def shoot_visit(out: Path, visit: Visit, *, seed: int, video_fps: float) -> None:
    """Write the landmark file and then the video of a visit."""
    take = prepare_take(visit, seed=seed, video_fps=video_fps)
    flaws = visit.flaws
    write_landmarks(
        out / visit.landmarks,
        landmarks(take.curves),
        no_row=flaws.no_row,
        no_points=flaws.no_points,
    )
    frames = render_frames(
        take.person,
        take.scene,
        take.motion,
        take.curves,
        palsy=visit.palsy,
        segments=visit.segments,
        video_fps=video_fps,
    )
    if flaws.repeated:
        frames = repeating(frames, flaws.repeated)
    rng = np.random.default_rng(derive_seed(seed, "subject", visit.subject, "uneven"))
    write_video(
        out / visit.video,
        frames,
        video_fps=video_fps,
        size=FRAME_SIZE,
        is_turned=flaws.is_turned,
        stamps=uneven_stamps(visit.frames(video_fps), video_fps, rng) if flaws.is_uneven else None,
    )


def _check_numbers(subjects: int, jobs: int, seconds_per_exercise: float, video_fps: float) -> None:
    problems = []
    if subjects < 1:
        problems.append(f"subjects: {subjects} is below 1")
    if jobs < 1:
        problems.append(f"jobs: {jobs} is below 1")
    if not 0.2 <= seconds_per_exercise <= 60:
        problems.append(f"seconds per exercise: {seconds_per_exercise} is outside 0.2 to 60")
    if not 2 <= video_fps <= 60:
        problems.append(f"frames per second: {video_fps} is outside 2 to 60")
    if problems:
        raise UsageError("The simulation cannot be made as asked", problems=problems)
