"""Folds counted: subjects, frames, and rates or grades in each part of each fold.

Shape suffixes: N = frames, A = action units.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from algr.data.folds import Fold, FoldPlan
from algr.data.store import PreparedDataset
from algr.faces import GRADES

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")


@dataclass(frozen=True, kw_only=True)
class PartCount:
    """One part of one fold."""

    part: Part
    subjects: int
    frames: int
    present: dict[str, int]
    """Label or grade to number of frames with it."""
    known: dict[str, int]
    """Label to number of frames in which it is coded; for a grade, frames with any grade."""
    subjects_with: dict[str, int]
    """Label or grade to number of subjects."""

    def rate(self, name: str) -> float | None:
        """Share of the known frames; None where none is known."""
        return self.present[name] / self.known[name] if self.known[name] else None


@dataclass(frozen=True, kw_only=True)
class FoldCount:
    """One fold."""

    index: int
    tests_part: int
    """Of the published folds, 1-3; 0 where the folds are drawn."""
    parts: tuple[PartCount, ...]


@dataclass(frozen=True, kw_only=True)
class FoldReport:
    """All folds of a plan."""

    plan: FoldPlan
    names: tuple[str, ...]
    """Labels or grades."""
    folds: tuple[FoldCount, ...]
    lacking: tuple[str, ...]
    """Parts in which a label or grade never occurs, in words."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`; holds no id."""
        return {
            "dataset": self.plan.dataset,
            "kind": self.plan.kind,
            "protocol": self.plan.protocol,
            "seed": self.plan.seed,
            "fingerprint": self.plan.fingerprint,
            "folds_hash": self.plan.folds_hash,
            "folds": [
                {
                    "fold": fold.index,
                    "tests_part": fold.tests_part,
                    "parts": [
                        {**asdict(part), "rates": {name: part.rate(name) for name in self.names}}
                        for part in fold.parts
                    ],
                }
                for fold in self.folds
            ],
            "lacking": list(self.lacking),
        }


def count_folds(dataset: PreparedDataset, plan: FoldPlan) -> FoldReport:
    """Count each part of each fold; parts without subjects are left out."""
    names = tuple(dataset.label_names) if dataset.kind == "au" else GRADES
    folds = []
    lacking = []
    for fold in plan.folds:
        parts = [
            _count(dataset, part, digests, names=names)
            for part in PARTS
            if (digests := _digests(fold, part))
        ]
        folds.append(FoldCount(index=fold.index, tests_part=fold.part, parts=tuple(parts)))
        lacking += [
            f"{_title(fold)}: {part.part} has no frame with {name}"
            for part in parts
            for name in names
            if not part.present[name]
        ]
    return FoldReport(plan=plan, names=names, folds=tuple(folds), lacking=tuple(lacking))


def _title(fold: Fold) -> str:
    """By the published part that it tests, since the literature numbers folds differently."""
    return f"fold {fold.index}, tests part {fold.part}" if fold.part else f"fold {fold.index}"


def _digests(fold: Fold, part: Part) -> tuple[str, ...]:
    return {"train": fold.train, "validation": fold.validation, "test": fold.test}[part]


def _count(
    dataset: PreparedDataset, part: Part, digests: Sequence[str], *, names: Sequence[str]
) -> PartCount:
    rows = dataset.indices_of(digests)
    subject_N = dataset.frames.subject_index[rows]
    present: dict[str, int] = {}
    known: dict[str, int] = {}
    subjects: dict[str, int] = {}
    grade_N = dataset.frames.grade[rows]
    for place, name in enumerate(names):
        if dataset.kind == "au":
            value_N = dataset.frames.labels[rows, place]
            has_N, known_N = value_N == 1, value_N >= 0
        else:
            has_N, known_N = grade_N == place, grade_N >= 0
        present[name] = int(has_N.sum())
        known[name] = int(known_N.sum())
        subjects[name] = len(set(subject_N[has_N].tolist()))
    return PartCount(
        part=part,
        subjects=len(digests),
        frames=len(rows),
        present=present,
        known=known,
        subjects_with=subjects,
    )
