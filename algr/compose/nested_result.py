"""What `algr tune --protocol nested` found, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from algr.compose.training import CrossValidated
from algr.distributed import SearchOutcome
from algr.engine import FoldResult


@dataclass(frozen=True)
class OuterFold:
    """One outer fold: its search on inner folds, and the test of what the search chose."""

    study: str
    outcome: SearchOutcome
    result: FoldResult
    seconds: float
    """That the epochs of the test's training took."""

    def to_dict(self) -> dict[str, Any]:
        """An entry of `nested.folds`."""
        best = self.outcome.best
        return {
            "fold": self.result.fold,
            "study": self.study,
            "trials": [record.to_dict() for record in self.outcome.trials],
            "best": {"number": best.number, "params": dict(best.params), "value": best.value},
            "chosen_epoch": self.result.chosen_epoch,
            "test_subjects": self.result.test_subjects,
            "metrics": dict(self.result.test),
        }


@dataclass(frozen=True)
class Spread:
    """What the outer folds chose for one parameter."""

    values: tuple[Any, ...]
    """By outer fold."""
    low: float | None
    """None unless all values are numbers."""
    high: float | None

    @classmethod
    def of(cls, values: tuple[Any, ...]) -> "Spread":
        """From the values of one parameter."""
        is_numeric = all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in values
        )
        return cls(values, min(values), max(values)) if is_numeric else cls(values, None, None)

    def to_dict(self) -> dict[str, Any]:
        """An entry of `nested.spread`."""
        return {"values": list(self.values), "low": self.low, "high": self.high}


@dataclass(frozen=True)
class NestedResult:
    """A finished nested cross-validation: an estimate of search and training together."""

    folds: tuple[OuterFold, ...]
    cross_validated: CrossValidated
    """The outer folds, each with the configuration that its own search chose."""

    @property
    def spread(self) -> Mapping[str, Spread]:
        """How much the chosen configurations differ, by parameter."""
        chosen = [fold.outcome.best.params for fold in self.folds]
        names = dict.fromkeys(name for params in chosen for name in params)
        return {name: Spread.of(tuple(params.get(name) for params in chosen)) for name in names}

    def to_dict(self) -> dict[str, Any]:
        """What `algr tune --protocol nested --json` prints; there is no best trial of all."""
        result, whole = self.cross_validated.result, self.cross_validated.to_dict()
        return {
            "study": result.name,
            "run_id": result.run_id,
            "trials": [],
            "best": None,
            "cv": whole,
            "model_version": None,
            "init": whole["init"],
            "nested": {
                "folds": [fold.to_dict() for fold in self.folds],
                "mean": dict(result.mean),
                "sd": dict(result.sd),
                "spread": {name: spread.to_dict() for name, spread in self.spread.items()},
            },
        }
