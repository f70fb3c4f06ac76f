"""What a new study takes over from an earlier one, and why not more."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState, create_trial

from algr.config import SearchSpace, check_point
from algr.errors import ConfigError
from algr.tune.folder import look_into, read_header
from algr.tune.identity import StudyIdentity
from algr.tune.objectives import recorded_objectives
from algr.tune.records import ADOPTED, epoch_values
from algr.tune.strategies import distributions, point_values

MOST_POINTS = 10
"""Points that are tried again where the earlier values do not count."""


@dataclass(frozen=True)
class WarmStart:
    """Finished trials of an earlier study, as this one can use them."""

    study: str
    observed: tuple[FrozenTrial, ...] = ()
    """Trained on the very same: their values count."""
    points: tuple[Mapping[str, Any], ...] = ()
    """Trained on something else: only worth trying, the best first."""
    because: tuple[str, ...] = ()
    """What is not the same, where values do not count."""
    left_out: int = 0
    """Finished trials with values outside this space."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """For people."""
        outside = f"; {self.left_out} lie outside this space" if self.left_out else ""
        if self.because:
            return (
                f"warm start from {self.study}: its best points ({len(self.points)}) are tried "
                f"first, their values do not count{outside}, since",
                *(f"  {line}" for line in self.because),
            )
        return (
            f"warm start from {self.study}: {len(self.observed)} finished trials count as "
            f"observed{outside}",
        )


def read_warm_start(directory: Path, *, identity: StudyIdentity) -> WarmStart:
    """What a study of this identity can use of the one in the folder.

    Raises:
        StudyError: There is no such study.
        ConfigError: It varies other parameters.
    """
    header = read_header(directory)
    space, theirs = identity.space, set(header.identity["space"]["parameters"])
    _check_parameters(directory.name, set(space.parameters), theirs)
    storage = look_into(directory)
    study_id = storage.get_study_id_from_name(header.name)
    finished = [
        trial
        for trial in storage.get_all_trials(study_id, deepcopy=False)
        if trial.state in (TrialState.COMPLETE, TrialState.PRUNED)
    ]
    fitting = [trial for trial in finished if _fits(trial.params, space)]
    because = _differences(identity, header.identity)
    left_out = len(finished) - len(fitting)
    if not because:
        observed = tuple(
            _adopted(trial, space, origin=f"{directory.name}/{trial.number}") for trial in fitting
        )
        return WarmStart(directory.name, observed, left_out=left_out)
    first = recorded_objectives(header.identity)[0]
    ranked = sorted(
        (trial for trial in fitting if trial.state == TrialState.COMPLETE),
        key=lambda trial: -max(map(first.key, epoch_values(trial).values())),
    )
    points = tuple(dict(trial.params) for trial in ranked[:MOST_POINTS])
    return WarmStart(directory.name, (), points, tuple(because), left_out)


def _check_parameters(study: str, ours: set[str], theirs: set[str]) -> None:
    problems = [f"{key}: only in this space" for key in sorted(ours - theirs)]
    problems += [f"{key}: only in that of {study}" for key in sorted(theirs - ours)]
    if problems:
        raise ConfigError(
            f"--warm-start {study}: it varies other parameters",
            problems=problems,
            expected="a study with the same parameters; their bounds may differ",
        )


def _fits(params: Mapping[str, Any], space: SearchSpace) -> bool:
    return not check_point(params, space) and set(space.active(params)) == set(params)


def _differences(identity: StudyIdentity, recorded: Mapping[str, Any]) -> list[str]:
    """What a trial's value depends on besides its parameters."""
    varied = {key for key, rule in identity.space.parameters.items() if not rule.when}
    ours, theirs = identity.as_begun(recorded).to_dict(), recorded
    lines = [
        f"{key}: {theirs.get(key, 'not set')} there, {ours.get(key, 'not set')} here"
        for key in ("schema", "fingerprint", "folds_hash", "objectives", "replicas")
        if ours.get(key) != theirs.get(key)
    ]
    keys = sorted(ours["config"].keys() | theirs["config"].keys())
    for key in keys:
        there, here = theirs["config"].get(key, "not set"), ours["config"].get(key, "not set")
        if there != here and key not in varied and not key.startswith("tune."):
            lines.append(f"{key}: {there} there, {here} here")
    return lines


def _adopted(trial: FrozenTrial, space: SearchSpace, *, origin: str) -> FrozenTrial:
    known = distributions(space)
    params = point_values(trial.params, space)
    return create_trial(
        state=trial.state,
        params=params,
        distributions={key: known[key] for key in params},
        values=trial.values if trial.state == TrialState.COMPLETE else None,
        intermediate_values=trial.intermediate_values,
        user_attrs={**trial.user_attrs, ADOPTED: trial.user_attrs.get(ADOPTED, origin)},
    )
