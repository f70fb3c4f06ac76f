"""The result of a cross-validation: figures per fold, their mean and spread, pooled ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import add
from statistics import median
from typing import Any

from algr.cv.statistics import Statistics, sample_deviation
from algr.data import FoldPlan
from algr.engine import FoldResult, Scores, mean_defined
from algr.metrics import scores


@dataclass(frozen=True)
class FoldScores:
    """One fold's figures on its test subjects."""

    fold: int
    test_subjects: int
    chosen_epoch: int
    """0-based."""
    metrics: Scores
    part: int = 0
    """The published part that it tests, 1-3; 0 where the folds were drawn."""


@dataclass(frozen=True)
class CrossValidation:
    """Figures of all folds.

    The mean and the sample standard deviation (over n - 1) are over the folds in which a figure is
    defined; `defined_folds` says in how many. Pooled figures come from the counts of all folds
    added up.
    """

    run_id: str
    name: str
    protocol: str
    fingerprint: str
    folds_hash: str
    folds: tuple[FoldScores, ...]
    mean: Scores
    sd: Scores
    """None below two defined folds."""
    pooled: Scores
    defined_folds: dict[str, int] = field(default_factory=dict)
    statistics: Statistics | None = None
    """From `statistics_of`; None where only counts are known."""

    def to_dict(self) -> dict[str, Any]:
        """What `algr cv --json` prints."""
        return {
            "run_id": self.run_id,
            "name": self.name,
            "protocol": self.protocol,
            "fingerprint": self.fingerprint,
            "folds_hash": self.folds_hash,
            "folds": [
                {
                    "fold": fold.fold,
                    "test_subjects": fold.test_subjects,
                    "chosen_epoch": fold.chosen_epoch,
                    "metrics": dict(fold.metrics),
                    **({"part": fold.part} if fold.part else {}),
                }
                for fold in self.folds
            ],
            "mean": dict(self.mean),
            "sd": dict(self.sd),
            "pooled": dict(self.pooled),
            **(self.statistics.to_dict() if self.statistics else {}),
        }


def summarise(
    results: Sequence[FoldResult],
    *,
    run_id: str,
    name: str,
    plan: FoldPlan,
    statistics: Statistics | None = None,
) -> CrossValidation:
    """Put the folds' results together; their order does not matter."""
    ordered = sorted(results, key=lambda result: result.fold)
    counts = [result.counts for result in ordered if result.counts is not None]
    assert len(counts) == len(ordered) > 0, "a fold without test subjects has no place here"
    names = list(ordered[0].test)
    parts = {fold.index: fold.part for fold in plan.folds}
    columns = {key: [result.test[key] for result in ordered] for key in names}
    return CrossValidation(
        run_id=run_id,
        name=name,
        protocol=plan.protocol,
        fingerprint=plan.fingerprint,
        folds_hash=plan.folds_hash,
        folds=tuple(
            FoldScores(
                fold=result.fold,
                test_subjects=result.test_subjects,
                chosen_epoch=result.chosen_epoch,
                metrics=result.test,
                part=parts.get(result.fold, 0),
            )
            for result in ordered
        ),
        mean={key: mean_defined(column) for key, column in columns.items()},
        sd={key: sample_deviation(column) for key, column in columns.items()},
        pooled=scores(reduce(add, counts)),
        defined_folds={
            key: sum(value is not None for value in column) for key, column in columns.items()
        },
        statistics=statistics,
    )


def refit_epochs(results: Sequence[FoldResult]) -> int:
    """How long to train on all subjects: the folds' median number of epochs, halves upward."""
    epochs = median(result.chosen_epoch + 1 for result in results)
    return math.floor(epochs + 0.5)
