"""Labels and grades counted, beside what was published of them.

Shape suffixes: N = frames, A = action units.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from algr.data.adapters import Recording
from algr.faces import GRADES

PUBLISHED_WEIGHTS = {
    "AU1": 1.3451,
    "AU2": 1.6916,
    "AU4": 1.2479,
    "AU6": 0.5613,
    "AU7": 0.43292,
    "AU10": 0.43562,
    "AU12": 0.457,
    "AU14": 0.54098,
    "AU15": 1.4068,
    "AU17": 0.7221,
    "AU23": 1.4918,
    "AU24": 1.667,
}
"""Of BP4D's parts 1 and 2, as JÂA-Net's repository ships them: inverse rates up to one factor."""
RATES_SOURCE = (
    "JÂA-Net's published weights of BP4D parts 1 and 2; they give rates up to one factor, "
    "which is fitted here"
)

MIN_COMPARED = 3
"""Action units from which on the comparison says something: one factor is fitted to them."""
TOO_FEW_RATES = (
    f"published rates are not shown: they are known up to one factor, which fewer than "
    f"{MIN_COMPARED} action units cannot tell from a difference"
)


@dataclass(frozen=True, kw_only=True)
class LabelCount:
    """One action unit over all frames."""

    name: str
    present: int
    absent: int
    unknown: int
    subjects: int
    """In whom it occurs."""
    published_rate: float | None

    @property
    def rate(self) -> float | None:
        """Share of the known labels that are 1; None where none is known."""
        known = self.present + self.absent
        return self.present / known if known else None


@dataclass(frozen=True, kw_only=True)
class GradeCount:
    """One grade."""

    name: str
    subjects: int
    recordings: int
    frames: int


def count_labels(
    recordings: Sequence[Recording], names: Sequence[str], *, layout: str
) -> tuple[LabelCount, ...]:
    """Each action unit's counts, in the order of the names."""
    present = np.zeros(len(names), np.int64)
    absent = np.zeros(len(names), np.int64)
    total = 0
    subjects: dict[int, set[str]] = defaultdict(set)
    for recording in recordings:
        labels_NA = recording.labels_NA
        occurs_A = (labels_NA == 1).sum(axis=0)
        present += occurs_A
        absent += (labels_NA == 0).sum(axis=0)
        total += len(labels_NA)
        for place in np.flatnonzero(occurs_A).tolist():
            subjects[place].add(recording.subject)
    rates = {
        name: int(present[i]) / int(present[i] + absent[i])
        for i, name in enumerate(names)
        if present[i] + absent[i]
    }
    published = published_rates(rates) if layout == "bp4d" else {}
    return tuple(
        LabelCount(
            name=name,
            present=int(present[i]),
            absent=int(absent[i]),
            unknown=int(total - present[i] - absent[i]),
            subjects=len(subjects[i]),
            published_rate=published.get(name),
        )
        for i, name in enumerate(names)
    )


def published_rates(own: Mapping[str, float]) -> dict[str, float]:
    """The published rates of those action units, scaled so that their mean is that of the own.

    Empty where fewer than `MIN_COMPARED` are there: the factor alone would make them agree.
    """
    common = [name for name in own if name in PUBLISHED_WEIGHTS]
    if len(common) < MIN_COMPARED:
        return {}
    inverse = {name: 1.0 / PUBLISHED_WEIGHTS[name] for name in common}
    factor = sum(own[name] for name in common) / sum(inverse.values())
    return {name: factor * value for name, value in inverse.items()}


def count_grades(recordings: Sequence[Recording]) -> tuple[GradeCount, ...]:
    """Each grade's counts, mildest first, then those without one.

    A subject counts under the highest grade of its recordings, as for the folds.
    """
    of_subject: dict[str, int] = {}
    frames: Counter[int] = Counter()
    owned: Counter[int] = Counter()
    for recording in recordings:
        grade = recording.grade
        of_subject[recording.subject] = max(grade, of_subject.get(recording.subject, -1))
        frames[grade] += len(recording.number_N)
        owned[grade] += 1
    subjects = Counter(of_subject.values())
    named = [*enumerate(GRADES), (-1, "unknown")]
    return tuple(
        GradeCount(
            name=name, subjects=subjects[grade], recordings=owned[grade], frames=frames[grade]
        )
        for grade, name in named
        if grade >= 0 or owned[grade]
    )
