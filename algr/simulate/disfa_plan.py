"""What a simulated DISFA holds: who is filmed, with which action units and which flaws."""

# Shape suffixes: F = frames.

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from algr.seeding import derive_seed
from algr.simulate.episodes import plan_intensity
from algr.simulate.parts import subject_names
from algr.simulate.traps import Flaws, is_copy, person_of, plan_flaws

Array = npt.NDArray[np.float64]

LABELS = "ActionUnit_Labels"
LANDMARKS = "Landmark_Points"
LANDMARK_FOLDER = "tmp_frame_lm"
VIDEO = {
    "left": "Videos_LeftCamera/LeftVideo{subject}_comp.avi",
    "right": "Video_RightCamera/RightVideo{subject}_Comp.avi",
}
"""Singular and plural, small letter and capital: as the data set has them."""
RATES = {
    1: 0.06,
    2: 0.05,
    4: 0.15,
    5: 0.03,
    6: 0.09,
    9: 0.05,
    12: 0.14,
    15: 0.04,
    17: 0.06,
    20: 0.03,
    25: 0.28,
    26: 0.10,
}
"""Share of frames in which each is of intensity 2 or more; near DISFA's."""
UNITS = tuple(RATES)
"""Action units that have a label file."""
_READ = (1, 2, 4, 6, 9, 12, 25, 26)
"""Those that are read without being asked for; nines in others would not show."""
_PRESENT_FROM = 1.5
_L_SPELLING = 3
"""Every third subject's landmark files are named l00001_lm.mat, from 1."""


@dataclass(frozen=True, kw_only=True)
class Take:
    """The recording of one subject.

    Attributes:
        subject: As the data set names it.
        coded: Number of frames with labels; the video may go on.
        intensity: (F,) of each drawn action unit.
        person: Number of the person.
        seed: Seed of light and motion.
        counts_from_1: Whether the landmark files are named l00001_lm.mat and so on.
        flaws: What is wrong with it.
    """

    subject: str
    coded: int
    intensity: Mapping[int, Array]
    person: int
    seed: int
    counts_from_1: bool
    flaws: Flaws

    @property
    def frames(self) -> int:
        """Frames of the video."""
        return len(self.intensity[1])

    @property
    def place(self) -> str:
        """The video, relative to the source, as all paths here."""
        return self.video("left")

    def video(self, camera: str) -> str:
        """The video of either camera."""
        return VIDEO[camera].format(subject=self.subject)

    @property
    def landmarks(self) -> str:
        """Folder of landmark files."""
        return f"{LANDMARKS}/{self.subject}/{LANDMARK_FOLDER}"

    def landmark_file(self, frame: int) -> str:
        """Of one frame, counted from 0."""
        if self.counts_from_1:
            return f"{self.landmarks}/l0{frame + 1:04d}_lm.mat"
        return f"{self.landmarks}/{self.subject}_{frame:04d}_lm.mat"

    def label_file(self, unit: int) -> str:
        """Of an action unit."""
        return f"{LABELS}/{self.subject}/{self.subject}_au{unit}.txt"

    @property
    def cut_file(self) -> str:
        """The label file that is cut, if one is."""
        return self.label_file(12)

    @property
    def bad_frame(self) -> int:
        """The frame whose landmark file is damaged, if one is: one that has a file of numbers."""
        lost = {*self.flaws.empty, *self.flaws.nan}
        return next(frame for frame in range(self.coded // 2, self.frames) if frame not in lost)

    @property
    def bad_file(self) -> str:
        """The landmark file that is damaged, if one is."""
        return self.landmark_file(self.bad_frame)

    @property
    def nines_files(self) -> tuple[str, ...]:
        """Label files with nines."""
        return tuple(self.label_file(unit) for unit in self.flaws.nines)

    def picture_path(self, frame: int) -> str:
        """The video, whichever the frame."""
        del frame
        return self.place


def plan_takes(*, subjects: int, seed: int, traps: Sequence[str], frames: int) -> tuple[Take, ...]:
    """All recordings with their action units; a subject is the same however many there are."""
    flaws = plan_flaws(
        traps, subjects=subjects, recordings_each=1, frames=frames, units=_READ, seed=seed
    )
    takes: list[Take] = []
    for index, subject in enumerate(subject_names("disfa", subjects)):
        found = flaws[index, 0]
        (intensity,) = plan_intensity(
            [frames + found.surplus],
            rates=RATES,
            present_from=_PRESENT_FROM,
            moods=[{}],
            rng=np.random.default_rng(derive_seed(seed, "disfa", index, "plan")),
        )
        planned = Take(
            subject=subject,
            coded=frames,
            intensity=intensity,
            person=person_of(index, traps=traps),
            seed=derive_seed(seed, "disfa", index),
            counts_from_1=index % _L_SPELLING == _L_SPELLING - 1,
            flaws=found,
        )
        if is_copy(index, 0, traps=traps):
            planned = replace(planned, intensity=takes[0].intensity, seed=takes[0].seed)
        takes.append(planned)
    return tuple(takes)
