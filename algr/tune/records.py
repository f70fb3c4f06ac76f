"""What a study knows about each trial, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from optuna.trial import FrozenTrial

from algr.errors import ConfigError
from algr.tune.objectives import Objective, pareto_front

TrialState = Literal["COMPLETE", "PRUNED", "FAIL", "RUNNING", "WAITING"]

SECONDS = "seconds"
WALL_SECONDS = "wall_seconds"
REASON = "reason"
EPOCH = "epoch-"
ADOPTED = "adopted"
VERDICT = "verdict"

_CONTRADICTION = "values that contradict each other"


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
    values: Mapping[str, float] = field(default_factory=dict)
    """By objective, of a complete trial of a study with several."""
    adopted: str = ""
    """`STUDY/NUMBER` of a trial that another study trained."""
    wall_s: float = field(default=0.0, compare=False)
    """From begin to end, whatever its workers did at the same time; 0 while the trial runs."""

    @property
    def is_contradictory(self) -> bool:
        """Whether it failed without training, because its values do not go together."""
        return self.reason.startswith(_CONTRADICTION)

    def to_dict(self) -> dict[str, Any]:
        """The entry of `trials` in the JSON of `algr tune`."""
        return {
            "number": self.number,
            "state": self.state,
            "params": dict(self.params),
            "value": self.value,
            "epochs": self.epochs,
            "seconds": self.seconds,
            **({"adopted": self.adopted} if self.adopted else {}),
            **({"values": dict(self.values)} if self.values else {}),
        }


def contradiction(error: ConfigError) -> str:
    """Why a trial failed whose configuration cannot be trained."""
    return f"{_CONTRADICTION}: {error.reason}"


def epoch_values(trial: FrozenTrial) -> dict[int, float]:
    """Value of the first objective by finished epochs.

    Optuna keeps intermediate values of studies with one objective only; those of others are
    user attributes.
    """
    if trial.intermediate_values:
        return dict(trial.intermediate_values)
    kept = {
        int(name.removeprefix(EPOCH)): figures["value"]
        for name, figures in trial.user_attrs.items()
        if name.startswith(EPOCH)
    }
    return dict(sorted(kept.items()))


def record_of(trial: FrozenTrial, objectives: Sequence[Objective]) -> TrialRecord:
    """The record of one of Optuna's trials."""
    values = epoch_values(trial)
    told = trial.values if len(objectives) > 1 and trial.state.name == "COMPLETE" else None
    failed = trial.state.name == "FAIL"
    fixed = trial.system_attrs.get("fixed_params", {})
    seconds = float(trial.user_attrs.get(SECONDS, 0.0))
    return TrialRecord(
        number=trial.number,
        state=trial.state.name,
        params=trial.params or fixed,
        value=None if failed else max(values.values(), key=objectives[0].key, default=None),
        epochs=len(values),
        seconds=round(seconds, 3),
        reason=str(trial.user_attrs.get(REASON, "")),
        adopted=str(trial.user_attrs.get(ADOPTED, "")),
        wall_s=round(float(trial.user_attrs.get(WALL_SECONDS, seconds)), 3),
        values={}
        if told is None
        else {one.name: value for one, value in zip(objectives, told, strict=True)},
    )


def best_of(records: Sequence[TrialRecord], objective: Objective) -> TrialRecord | None:
    """The complete trial with the best first objective, the earlier one of equals."""
    complete = [
        (objective.key(record.value), -record.number, record)
        for record in records
        if record.state == "COMPLETE" and record.value is not None
    ]
    return max(complete, key=lambda entry: entry[:2])[2] if complete else None


def front_of(
    records: Sequence[TrialRecord], objectives: Sequence[Objective]
) -> tuple[TrialRecord, ...]:
    """The complete trials that no other one beats, of a study with several objectives."""
    values = {one.number: tuple(one.values.values()) for one in records if one.values}
    front = pareto_front(values, objectives)
    return tuple(record for record in records if record.number in front)


def has_begun(records: Sequence[TrialRecord]) -> bool:
    """Whether a trial of the study itself was begun, other than those that it adopted."""
    return any(record.state != "WAITING" and not record.adopted for record in records)
