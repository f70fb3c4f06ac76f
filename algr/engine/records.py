"""What training a fold yields, as values.

Shape suffixes: N = frames, K = grades or action units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from algr.errors import AlgrError
from algr.metrics import EvaluationCounts, headline

Scores = dict[str, float | None]
"""Figures by name; None where a figure is undefined."""


@dataclass(frozen=True)
class FoldEpoch:
    """One finished epoch of one fold."""

    fold: int
    epoch: int
    """0-based."""
    train: dict[str, float]
    """Loss and its parts, means over the images of the epoch, and the learning rate."""
    validation: Scores
    """Scores of the validation subjects; under protocol `paper` of the test subjects; empty for a
    refit."""
    seconds: float
    """Wall time of training and scoring."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint."""
        return {
            "fold": self.fold,
            "epoch": self.epoch,
            "train": dict(self.train),
            "validation": dict(self.validation),
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`."""
        return cls(**tree)


@dataclass(frozen=True)
class FramePredictions:
    """What the chosen weights say of each test frame."""

    rows_N: npt.NDArray[np.int64]
    """Rows of the dataset, ascending."""
    probability_NK: npt.NDArray[np.float32]
    """Per grade (rows sum to 1) or per action unit (mean of local and whole head)."""
    landmark_error_N: npt.NDArray[np.float64] | None = None
    """Mean point distance over the inter-ocular distance; NaN where the truth is unknown. None from
    a network without landmarks."""
    local_NK: npt.NDArray[np.float32] | None = None
    """Of the heads of the units' own regions, where the network has them."""
    whole_NK: npt.NDArray[np.float32] | None = None
    """Of the head of the whole face, where the network has one."""


@dataclass(frozen=True)
class FoldResult:
    """A finished fold, scored once on its test subjects; a refit has none and scores nothing."""

    fold: int
    chosen_epoch: int
    """0-based."""
    test: Scores
    test_subjects: int
    counts: EvaluationCounts | None
    """What `test` was computed from; None for a refit."""
    predictions: FramePredictions | None


@dataclass(frozen=True)
class FoldFailure:
    """Why a fold could not be trained."""

    fold: int
    epoch: int
    step: int
    """0-based, within the epoch."""
    kind: Literal["diverged", "out_of_memory"]
    reason: str


class FoldFailedError(AlgrError):
    """A fold whose configuration does not train; no figure of it may enter a mean."""

    exit_code = 3

    def __init__(self, failure: FoldFailure, *, advice: str = "") -> None:
        self.failure = failure
        super().__init__(
            f"fold {failure.fold}, epoch {failure.epoch}, step {failure.step}: {failure.reason}",
            advice=advice,
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle with the failure, so that it crosses process borders whole."""
        return (_rebuild, (self.failure, self.advice))


def _rebuild(failure: FoldFailure, advice: str) -> FoldFailedError:
    return FoldFailedError(failure, advice=advice)


def mean_defined(values: Sequence[float | None]) -> float | None:
    """Mean of the defined values; None if there is none."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def epoch_value(epochs: Sequence[FoldEpoch], kind: Literal["au", "grade"]) -> float | None:
    """Mean over folds of the validation headline: what a search optimises and its pruner sees."""
    return mean_defined([entry.validation.get(headline(kind)) for entry in epochs])
