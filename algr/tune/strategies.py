"""How values are drawn and weak trials stopped, such that a crash changes neither.

A suggestion depends on (seed, trial number, parameter, history), a stop on the reported values
alone. Optuna's own TPE sampler keeps a random state from trial to trial, and its successive
halving leaves notes in the trial before its verdict is known; a process that dies in between would
go on differently.
"""

import math
from collections.abc import Mapping
from typing import Any, Literal, assert_never

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.pruners import BasePruner, MedianPruner, NopPruner
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from algr.config import Parameter, SearchSpace, TuneConfig
from algr.config.spaces import CategoricalParameter, FloatParameter, IntParameter
from algr.errors import ConfigError
from algr.seeding import derive_seed

_SEED_LIMIT = 2**32


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Optuna's distribution of each parameter.

    Raises:
        ConfigError: Optuna refuses some of them; all are named.
    """
    found: dict[str, BaseDistribution] = {}
    problems = []
    for key, rule in space.parameters.items():
        try:
            found[key] = _distribution(rule)
        except ValueError as error:
            problems.append(f"{key}: {error}")
    if problems:
        raise ConfigError("search space: refused parameters", problems=problems)
    return found


def suggest(trial: optuna.trial.Trial, space: SearchSpace) -> dict[str, Any]:
    """Values by configuration key; those that the trial has already are returned, not redrawn."""
    values: dict[str, Any] = {}
    for key in space.order():
        if key in space.active(values):
            values[key] = _suggest_one(trial, key, space.parameters[key])
    return {key: values[key] for key in space.parameters if key in values}


class NumberedSampler(BaseSampler):  # type: ignore[misc]
    """Tree-structured Parzen estimator, seeded anew for each trial number and parameter.

    Running trials count as bad ones (constant liar), so that trials at the same time spread out.
    """

    def __init__(self, *, seed: int, startup_trials: int) -> None:
        self._seed = seed
        self._startup_trials = startup_trials

    def infer_relative_search_space(
        self, study: optuna.Study, trial: FrozenTrial
    ) -> dict[str, BaseDistribution]:
        """The parameters that are drawn together."""
        space: dict[str, BaseDistribution] = self._sampler(
            trial.number, "together"
        ).infer_relative_search_space(study, trial)
        return space

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Values of the parameters that are drawn together."""
        values: dict[str, Any] = self._sampler(trial.number, "together").sample_relative(
            study, trial, search_space
        )
        return values

    def sample_independent(
        self,
        study: optuna.Study,
        trial: FrozenTrial,
        param_name: str,
        param_distribution: BaseDistribution,
    ) -> Any:
        """The value of one parameter."""
        sampler = self._sampler(trial.number, param_name)
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def _sampler(self, number: int, purpose: str) -> TPESampler:
        return TPESampler(
            seed=derive_seed(self._seed, "suggest", number, purpose) % _SEED_LIMIT,
            n_startup_trials=self._startup_trials,
            constant_liar=True,
        )


class RungPruner(BasePruner):  # type: ignore[misc]
    """Asynchronous successive halving from the reported values alone.

    The rule of `optuna.pruners.SuccessiveHalvingPruner`: after `grace * factor**k` epochs a trial
    goes on if its value is among the best 1/factor of all trials that came so far.
    """

    def __init__(self, *, grace: int, factor: int) -> None:
        self._grace = grace
        self._factor = factor

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether the trial stops after its last reported step (finished epochs)."""
        step = trial.last_step
        if step is None or not self._is_rung(step):
            return False
        sign = 1 if study.direction == StudyDirection.MAXIMIZE else -1
        value = sign * trial.intermediate_values[step]
        others = [
            sign * other.intermediate_values[step]
            for other in study.get_trials(deepcopy=False)
            if other.number != trial.number and step in other.intermediate_values
        ]
        competing = sorted([*others, value], reverse=True)
        promoted = max(len(competing) // self._factor, 1)
        return bool(value < competing[promoted - 1])

    def _is_rung(self, step: int) -> bool:
        rung = self._grace
        while rung < step:
            rung *= self._factor
        return rung == step


def build_pruner(tune: TuneConfig) -> BasePruner:
    """The rule that the configuration names; steps are finished epochs."""
    rule: Literal["asha", "median", "none"] = tune.pruner
    match rule:
        case "asha":
            return RungPruner(grace=tune.grace_epochs, factor=tune.reduction_factor)
        case "median":
            return MedianPruner(n_warmup_steps=tune.grace_epochs)
        case "none":
            return NopPruner()
        case _:
            assert_never(rule)


def is_finite(value: float | None) -> bool:
    """Whether a value can be told to a study."""
    return value is not None and math.isfinite(value)


def point_values(point: Mapping[str, Any], space: SearchSpace) -> dict[str, Any]:
    """A point of `enqueue` with each value in its parameter's own type."""
    rules = space.parameters
    return {
        key: float(value) if isinstance(rules[key], FloatParameter) else value
        for key, value in point.items()
    }


def _suggest_one(trial: optuna.trial.Trial, key: str, rule: Parameter) -> Any:
    match rule:
        case FloatParameter():
            return trial.suggest_float(key, rule.low, rule.high, log=rule.log)
        case IntParameter():
            return trial.suggest_int(key, rule.low, rule.high, step=rule.step, log=rule.log)
        case CategoricalParameter():
            return trial.suggest_categorical(key, list(rule.choices))
        case _:
            assert_never(rule)


def _distribution(rule: Parameter) -> BaseDistribution:
    match rule:
        case FloatParameter():
            return FloatDistribution(rule.low, rule.high, log=rule.log)
        case IntParameter():
            return IntDistribution(rule.low, rule.high, step=rule.step, log=rule.log)
        case CategoricalParameter():
            return CategoricalDistribution(rule.choices)
        case _:
            assert_never(rule)
