"""The visits of a simulated clinic: who comes when, with which palsy, and the manifest of it."""

import csv
import io
from dataclasses import dataclass

import numpy as np

from algr.seeding import derive_seed
from algr.simulate.exercises import EXERCISES, Segment, plan_segments
from algr.simulate.palsy import Palsy, draw_palsy

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
class VideoFlaws:
    """What is wrong with the files of a visit; by default nothing.

    Attributes:
        is_turned: The video is stored on its side, with a display matrix that sets it upright.
        is_uneven: Its frames stand for longer and shorter times.
        repeated: Frames that show the picture of the frame before.
        no_row: Frames without a row in the landmark file.
        no_points: Frames whose row there is empty.
    """

    is_turned: bool = False
    is_uneven: bool = False
    repeated: tuple[int, ...] = ()
    no_row: tuple[int, ...] = ()
    no_points: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One video of the clinic.

    Attributes:
        subject: Number of the subject, from 0.
        visit: Number of the visit, from 1.
        patient_id: As the clinic writes it.
        palsy: The palsy on that day.
        segments: The exercises with their times.
        flaws: What is wrong with its files.
    """

    subject: int
    visit: int
    patient_id: str
    palsy: Palsy
    segments: tuple[Segment, ...]
    flaws: VideoFlaws = VideoFlaws()

    @property
    def stem(self) -> str:
        """Name of the video without its extension."""
        return f"{self.patient_id}_visit{self.visit}"

    @property
    def video(self) -> str:
        """File name of the video."""
        return f"{self.stem}.mp4"

    @property
    def landmarks(self) -> str:
        """File name of the landmarks."""
        return f"{self.stem}_land.csv"

    def frames(self, video_fps: float) -> int:
        """Frames of the video."""
        return int(np.ceil(self.segments[-1].end_s * video_fps - 1e-9))


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


def manifest_text(visits: tuple[Visit, ...]) -> str:
    """The manifest: one row per exercise of a video."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(MANIFEST_COLUMNS)
    for visit in visits:
        for segment in visit.segments:
            writer.writerow(
                [
                    visit.video,
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
