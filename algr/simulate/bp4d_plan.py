"""What a simulated BP4D holds: who does which task, with which action units and which flaws."""

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

PICTURES = "Sequences(2D+3D)"
OCCURRENCE = "AUCoding/AU_OCC"
INTENSITY = "AUCoding/AU_INT"
LANDMARKS = "2DFeatures"
GRADED = (6, 10, 12, 14, 17)
"""Action units whose intensity is coded too."""
RATES = {
    1: 0.21,
    2: 0.17,
    4: 0.20,
    5: 0.04,
    6: 0.46,
    7: 0.55,
    9: 0.06,
    10: 0.59,
    12: 0.56,
    14: 0.47,
    15: 0.17,
    17: 0.34,
    20: 0.03,
    23: 0.17,
    24: 0.15,
    25: 0.12,
    26: 0.07,
}
"""Share of frames in which each is present; near BP4D's for the twelve that are used there."""
USED = (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)
"""Those twelve."""
_PRESENT_FROM = 0.5
MOODS: dict[str, Mapping[str, float]] = {
    "T1": {"joy": 1.0},
    "T2": {"sadness": 1.0, "joy": -0.6},
    "T3": {"surprise": 1.0},
    "T4": {"embarrassment": 0.9, "joy": 0.4},
    "T5": {"fear": 1.0},
    "T6": {"disgust": 0.6, "anger": 0.5, "joy": -0.5},
    "T7": {"anger": 1.0, "joy": -0.6},
    "T8": {"disgust": 1.0},
}
"""Tasks, with what each calls forth."""
_UNCODED = 2
"""Pictures after the coded segment; in reality most of a clip."""


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One task of one subject.

    Attributes:
        subject: As the data set names it.
        task: T1 to T8.
        first: Number of the first coded frame.
        coded: Number of coded frames; pictures may follow.
        intensity: (F,) of each drawn action unit.
        person: Number of the person.
        seed: Seed of light and motion.
        flaws: What is wrong with it.
    """

    subject: str
    task: str
    first: int
    coded: int
    intensity: Mapping[int, Array]
    person: int
    seed: int
    flaws: Flaws

    @property
    def stem(self) -> str:
        """As its files are named."""
        return f"{self.subject}_{self.task}"

    @property
    def pictures(self) -> int:
        """Number of pictures."""
        return len(self.intensity[1])

    def picture_name(self, frame: int) -> str:
        """File name of the frame's picture, frames counted from 0."""
        return f"{self.first + frame + self.flaws.shift:0{self.flaws.digits}d}.jpg"

    @property
    def place(self) -> str:
        """Folder of its pictures, relative to the source, as all paths here."""
        return f"{PICTURES}/{self.subject}/{self.task}"

    @property
    def occurrence(self) -> str:
        """Its table of occurrences."""
        return f"{OCCURRENCE}/{self.stem}.csv"

    @property
    def landmarks(self) -> str:
        """Its landmark file."""
        return f"{LANDMARKS}/{self.stem}.mat"

    @property
    def cut_file(self) -> str:
        """The table that is cut, if one is."""
        return self.occurrence

    @property
    def bad_file(self) -> str:
        """The landmark file that is damaged, if one is."""
        return self.landmarks

    @property
    def nines_files(self) -> tuple[str, ...]:
        """Tables with nines; the tables of intensities have the same ones."""
        return (self.occurrence,) if self.flaws.nines else ()

    def intensities(self, unit: int) -> str:
        """Its table of an action unit's intensities."""
        return f"{INTENSITY}/AU{unit:02d}/{self.stem}_AU{unit:02d}.csv"

    def picture_path(self, frame: int) -> str:
        """Of one picture."""
        return f"{self.place}/{self.picture_name(frame)}"


def plan_clips(
    *, subjects: int, seed: int, traps: Sequence[str], tasks: int, frames: int
) -> tuple[Clip, ...]:
    """All clips with their action units; a subject is the same however many there are."""
    flaws = plan_flaws(
        traps, subjects=subjects, recordings_each=tasks, frames=frames, units=USED, seed=seed
    )
    clips: list[Clip] = []
    for index, subject in enumerate(subject_names("bp4d", subjects)):
        person = person_of(index, traps=traps)
        rng = np.random.default_rng(derive_seed(seed, "bp4d", index, "plan"))
        chosen = sorted(f"T{(3 * index + task) % len(MOODS) + 1}" for task in range(tasks))
        uncoded = 0 if any(flaws[index, task].shift for task in range(tasks)) else _UNCODED
        courses = plan_intensity(
            [frames + uncoded] * tasks,
            rates=RATES,
            present_from=_PRESENT_FROM,
            moods=[MOODS[task] for task in chosen],
            rng=rng,
        )
        for number, (task, intensity) in enumerate(zip(chosen, courses, strict=True)):
            wide, low = int(rng.integers(2, 2600)), int(rng.integers(2, 60))
            found = flaws[index, number]
            planned = Clip(
                subject=subject,
                task=task,
                first=low if found.digits < 4 else wide,
                coded=frames,
                intensity=intensity,
                person=person,
                seed=derive_seed(seed, "bp4d", index, task),
                flaws=found,
            )
            if is_copy(index, number, traps=traps):
                planned = replace(planned, intensity=clips[0].intensity, seed=clips[0].seed)
            clips.append(planned)
    return tuple(clips)
