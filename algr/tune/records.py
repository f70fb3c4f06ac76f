"""What a study knows about each trial, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from optuna.trial import FrozenTrial

TrialState = Literal["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]

SECONDS = "seconds"
REASON = "reason"


@dataclass(frozen=True)
class TrialRecord:
    """One trial of a study."""

    number: int
    state: TrialState
    params: Mapping[str, Any]
    """By configuration key."""
    value: float | None
    """Of the best epoch so far; None before the first epoch and for a failed trial."""
    epochs: int
    """Finished epochs."""
    seconds: float
    """Spent in those epochs, over all folds; 0 while the trial runs."""
    reason: str = ""
    """Why it failed."""

    def to_dict(self) -> dict[str, Any]:
        """The entry of `trials` in the JSON of `algr tune`."""
        return {
            "number": self.number,
            "state": self.state,
            "params": dict(self.params),
            "value": self.value,
            "epochs": self.epochs,
            "seconds": self.seconds,
        }


def record_of(trial: FrozenTrial) -> TrialRecord:
    """The record of one of Optuna's trials."""
    failed = trial.state.name == "FAIL"
    fixed = trial.system_attrs.get("fixed_params", {})
    return TrialRecord(
        number=trial.number,
        state=trial.state.name,
        params=trial.params or fixed,
        value=None if failed else max(trial.intermediate_values.values(), default=None),
        epochs=len(trial.intermediate_values),
        seconds=round(float(trial.user_attrs.get(SECONDS, 0.0)), 3),
        reason=str(trial.user_attrs.get(REASON, "")),
    )


def best_of(records: tuple[TrialRecord, ...]) -> TrialRecord | None:
    """The complete trial with the highest value, the earlier one of equals."""
    complete = [record for record in records if record.state == "COMPLETE"]
    return max(complete, key=lambda record: (record.value, -record.number), default=None)
