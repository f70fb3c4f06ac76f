"""Intervals by resampling subjects, never frames or folds.

The test subjects of every fold are drawn with replacement, as many as there are; each draw gives
every figure once more. Where a fold has one subject alone, as under leave-one-subject-out, subjects
are drawn among all, for the pooled figures. Draws depend on the content of the subjects (their
digests) and nothing else, so that they are the same whatever the order of subjects or folds, and
the same for every configuration that is tested on these subjects: a comparison is paired.

Shape suffixes: S = subjects, R = draws, F = folds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics.evidence import Evidence
from algr.metrics.ratios import defined_mean
from algr.seeding import derive_seed

DRAWS = 4000
LEVEL = 0.95
LEAST_DEFINED = 0.9
"""A figure that is undefined in more of the draws than this leaves has no interval."""

Draws = dict[str, NDArray[np.float64]]
"""Figures of every draw by name, (R,); NaN for undefined."""


@dataclass(frozen=True)
class Interval:
    """From low to high, both ends included."""

    low: float
    high: float

    def to_list(self) -> list[float]:
        """For JSON."""
        return [self.low, self.high]


@dataclass(frozen=True, eq=False)
class Resampled:
    """Figures of all draws."""

    mean: Draws
    """Mean over the folds in which the figure is defined."""
    pooled: Draws
    """Of the draws of all folds together."""


def draw_weights(
    subjects: Sequence[str], stratum_S: NDArray[np.integer[Any]], *, draws: int = DRAWS
) -> NDArray[np.float64]:
    """How often each subject is in each draw, (R, S).

    Args:
        subjects: Digests, in any order.
        stratum_S: Subjects are drawn within their stratum (fold), as many as it has.
        draws: Number of draws.
    """
    weight_RS = np.zeros((draws, len(subjects)))
    for stratum in np.unique(stratum_S):
        members = sorted(
            np.flatnonzero(stratum_S == stratum).tolist(), key=lambda index: subjects[index]
        )
        names = [subjects[index] for index in members]
        generator = np.random.default_rng(derive_seed(0, "bootstrap", *names))
        shares = np.full(len(members), 1 / len(members))
        weight_RS[:, members] = generator.multinomial(len(members), shares, size=draws)
    return weight_RS


def resample(evidence: Evidence, weight_RS: NDArray[np.float64]) -> Resampled:
    """Every figure of every draw."""
    per_fold = [evidence.figures(weight_RS * (evidence.fold_S == fold)) for fold in evidence.folds]
    return Resampled(
        mean={
            name: defined_mean(np.stack([figures[name] for figures in per_fold], axis=-1))
            for name in per_fold[0]
        },
        pooled=evidence.figures(weight_RS),
    )


def can_resample(stratum_S: NDArray[np.integer[Any]]) -> bool:
    """Whether every stratum has two subjects: one alone is the same in every draw."""
    return bool((np.unique(stratum_S, return_counts=True)[1] >= 2).all())


def percentile_interval(value_R: NDArray[np.float64]) -> Interval | None:
    """The middle 95 % of the draws in which the figure is defined.

    Returns:
        None if it is undefined in too many of them.
    """
    known_R = value_R[~np.isnan(value_R)]
    if len(known_R) < LEAST_DEFINED * len(value_R):
        return None
    tail = 50 * (1 - LEVEL)
    low, high = np.percentile(known_R, [tail, 100 - tail])
    return Interval(float(low), float(high))


def intervals(draws: Draws, points: Mapping[str, float | None]) -> dict[str, Interval | None]:
    """An interval per figure; None where the figure itself is undefined."""
    return {
        name: None if points.get(name) is None else percentile_interval(value_R)
        for name, value_R in draws.items()
    }


def two_sided_p(difference_R: NDArray[np.float64]) -> float | None:
    """How readily the draws put a difference on the other side of 0, or on it.

    Twice the smaller share of draws at or beyond 0, at most 1 and never 0: with R draws nothing
    below 2 / (R + 1) can be told. None if it is undefined in too many draws.
    """
    known_R = difference_R[~np.isnan(difference_R)]
    if len(known_R) < LEAST_DEFINED * len(difference_R):
        return None
    beyond = min((known_R <= 0).sum(), (known_R >= 0).sum())
    return min(1.0, 2 * (int(beyond) + 1) / (len(known_R) + 1))


def holm(values: Sequence[float | None]) -> list[float | None]:
    """p-values adjusted for being several (Holm 1979); None stays None and does not count."""
    order = sorted(
        (index for index, value in enumerate(values) if value is not None),
        key=lambda index: (values[index], index),
    )
    adjusted: list[float | None] = [None] * len(values)
    largest = 0.0
    for rank, index in enumerate(order):
        value = values[index]
        assert value is not None
        largest = max(largest, min(1.0, (len(order) - rank) * value))
        adjusted[index] = largest
    return adjusted
