"""A simulated clinic: videos of visits, a manifest and landmark files, as a clinic has them."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from algr.errors import UsageError
from algr.seeding import derive_seed
from algr.simulate.exercises import EXERCISES, Motion, Segment, perform, plan_segments
from algr.simulate.folder import SimulationSummary, claim, record_all
from algr.simulate.geometry import Curves, landmarks, trace
from algr.simulate.palsy import Palsy, draw_palsy
from algr.simulate.person import Person, Scene, draw_person, draw_rooms, draw_scene
from algr.simulate.render import FRAME_SIZE, render_frames
from algr.simulate.video import write_landmarks, write_text, write_video

GENERATOR = "algr.simulate.fpara/3"
"""Changes whenever the same seed gives other bytes."""
MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = (
    "video",
    "patient_id",
    "visit",
    "grade_hb",
    "rater",
    "affected_side",
    "exercise",
    "start_s",
    "end_s",
    "fps_override",
    "exclude_reason",
)
_GRADES_OF_CLASS = ((1,), (2,), (3, 4), (5, 6))


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One video of the clinic.

    Attributes:
        subject: Number of the subject, from 0.
        visit: Number of the visit, from 1.
        patient_id: As the clinic writes it.
        palsy: The palsy on that day.
        segments: The exercises with their times.
    """

    subject: int
    visit: int
    patient_id: str
    palsy: Palsy
    segments: tuple[Segment, ...]

    @property
    def stem(self) -> str:
        """Name of the video without its extension."""
        return f"{self.patient_id}_visit{self.visit}"


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
        progress: Called with (videos done, videos in all).
        seconds_per_exercise: Mean length of an exercise.
        video_fps: Frames per second of the videos.

    Raises:
        UsageError: A number that makes no clinic.
        DataError: The folder holds something else.
    """
    _check_numbers(subjects, jobs, seconds_per_exercise, video_fps)
    visits = plan_visits(subjects=subjects, seed=seed, seconds_per_exercise=seconds_per_exercise)
    marker = {
        "simulated": True,
        "generator": GENERATOR,
        "seed": seed,
        "subjects": subjects,
        "seconds_per_exercise": seconds_per_exercise,
        "video_fps": video_fps,
    }
    claim(out, marker)
    missing = [visit for visit in visits if not (out / f"{visit.stem}.mp4").is_file()]
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
        frames=sum(_count_frames(visit, video_fps) for visit in visits),
    )


def plan_visits(*, subjects: int, seed: int, seconds_per_exercise: float) -> tuple[Visit, ...]:
    """Who comes when, with which palsy: classes go round, so that 8 subjects have two of each.

    Some people with a palsy of grade III or worse come twice, the second time often one grade
    better; the first visit is always of the subject's class.
    """
    visits = []
    number = 0
    for subject in range(subjects):
        rng = np.random.default_rng(derive_seed(seed, "subject", subject, "palsy"))
        number += int(rng.integers(1, 14))
        palsy_class = subject % 4
        grades = _GRADES_OF_CLASS[palsy_class]
        grade_hb = grades[int(rng.integers(0, len(grades)))]
        side = int(rng.integers(0, 2))
        comes_twice = palsy_class >= 2 and (subject // 4) % 3 == palsy_class - 2
        for visit in (1, 2) if comes_twice else (1,):
            if visit == 2 and rng.uniform() < 0.6:
                grade_hb -= 1
            visits.append(
                Visit(
                    subject=subject,
                    visit=visit,
                    patient_id=f"P{number:04d}",
                    palsy=draw_palsy(grade_hb, side=side, rng=rng),
                    segments=plan_segments(
                        EXERCISES, seconds_per_exercise=seconds_per_exercise, rng=rng
                    ),
                )
            )
    return tuple(visits)


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
    write_landmarks(out / f"{visit.stem}_land.csv", landmarks(take.curves))
    frames = render_frames(
        take.person,
        take.scene,
        take.motion,
        take.curves,
        palsy=visit.palsy,
        segments=visit.segments,
        video_fps=video_fps,
    )
    write_video(out / f"{visit.stem}.mp4", frames, video_fps=video_fps, size=FRAME_SIZE)


def manifest_text(visits: tuple[Visit, ...]) -> str:
    """The manifest: one row per exercise of a video."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(MANIFEST_COLUMNS)
    for visit in visits:
        for segment in visit.segments:
            writer.writerow(
                [
                    f"{visit.stem}.mp4",
                    visit.patient_id,
                    visit.visit,
                    visit.palsy.grade_hb,
                    "R1",
                    visit.palsy.affected_side,
                    segment.exercise,
                    f"{segment.start_s:.2f}",
                    f"{segment.end_s:.2f}",
                    "",
                    "",
                ]
            )
    return buffer.getvalue()


def _count_frames(visit: Visit, video_fps: float) -> int:
    return int(np.ceil(visit.segments[-1].end_s * video_fps - 1e-9))


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
