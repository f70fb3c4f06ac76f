"""Nested folds: for each outer fold a plan of inner folds, to search hyperparameters on.

No subject on whom an outer fold is tested, or its epoch chosen, stands in an inner fold of it.
"""

from dataclasses import dataclass

from algr.config import CvConfig
from algr.data.folds import Fold, FoldPlan
from algr.data.planning import inner_folds
from algr.data.store import PreparedDataset
from algr.errors import DataError


@dataclass(frozen=True, kw_only=True)
class NestedFold:
    """An outer fold and the folds of its training subjects."""

    outer: Fold
    inner: FoldPlan

    def __post_init__(self) -> None:
        known = {
            digest
            for fold in self.inner.folds
            for digest in (*fold.train, *fold.validation, *fold.test)
        }
        for part, members in (("test", self.outer.test), ("validation", self.outer.validation)):
            if found := sorted(known.intersection(members)):
                raise DataError(
                    f"outer fold {self.outer.index}: its {part} subject {found[0]} stands in an "
                    "inner fold",
                    expected="inner folds of training subjects of the outer fold alone",
                    advice="plan the folds again",
                )
        if strange := sorted(known.difference(self.outer.train)):
            raise DataError(
                f"outer fold {self.outer.index}: subject {strange[0]} of an inner fold is not one "
                "of its training subjects",
                expected="inner folds of training subjects of the outer fold alone",
                advice="plan the folds again",
            )


def plan_nested(
    dataset: PreparedDataset, plan: FoldPlan, *, cv: CvConfig
) -> tuple[NestedFold, ...]:
    """The inner folds of every fold of a plan: `cv.num_folds` parts of its training subjects.

    Raises:
        DataError: An outer fold has too few training subjects.
    """
    return tuple(
        NestedFold(
            outer=outer,
            inner=FoldPlan(
                dataset=plan.dataset,
                kind=plan.kind,
                fingerprint=plan.fingerprint,
                protocol="nested",
                seed=plan.seed,
                folds=inner_folds(dataset, outer, num_folds=cv.num_folds, seed=plan.seed),
            ),
        )
        for outer in plan.folds
    )
