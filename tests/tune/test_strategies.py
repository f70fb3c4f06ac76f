"""Suggestions and early stops."""

import math
import random
from dataclasses import replace

import optuna
import pytest

from algr.config import Config, SearchSpace, TuneConfig
from algr.errors import ConfigError
from algr.tune import NumberedSampler, RungPruner, StudyIdentity, build_pruner, suggest
from algr.tune.strategies import distributions

optuna.logging.set_verbosity(optuna.logging.WARNING)


def _stops(pruner, curves) -> list[int]:
    """Epochs that each curve is allowed, one trial after the other."""
    study = optuna.create_study(direction="maximize", pruner=pruner)
    allowed = []
    for values in curves:
        trial = study.ask()
        for step, value in enumerate(values, start=1):
            trial.report(value, step)
            if trial.should_prune():
                break
        allowed.append(step)
        study.tell(trial, values[step - 1])
    return allowed


@pytest.mark.parametrize(("grace", "factor"), [(1, 3), (1, 2), (2, 3), (3, 4)])
def test_rungs_stop_the_trials_that_optunas_successive_halving_stops(grace, factor):
    draw = random.Random(grace * 10 + factor)
    curves = [[draw.random() for _ in range(20)] for _ in range(40)]
    reference = optuna.pruners.SuccessiveHalvingPruner(min_resource=grace, reduction_factor=factor)

    assert _stops(RungPruner(grace=grace, factor=factor), curves) == _stops(reference, curves)


def test_a_stop_is_the_same_when_it_is_asked_for_again():
    study = optuna.create_study(direction="maximize", pruner=RungPruner(grace=1, factor=3))
    first, second = study.ask(), study.ask()
    first.report(0.9, 1)
    first.should_prune()
    second.report(0.1, 1)

    assert [second.should_prune() for _ in range(3)] == [True, True, True]


def test_equal_values_all_go_on():
    assert _stops(RungPruner(grace=1, factor=3), [[0.5] * 9] * 6) == [9] * 6


def test_no_pruner_stops_nothing():
    curves = [[1.0] * 9, [0.0] * 9]

    assert _stops(build_pruner(TuneConfig(pruner="none")), curves) == [9, 9]


def test_the_median_pruner_waits_for_the_grace_epochs():
    curves = [[1.0] * 9] * 5 + [[0.0] * 9]

    assert _stops(build_pruner(TuneConfig(pruner="median", grace_epochs=4)), curves)[-1] == 4


def _space(**parameters) -> SearchSpace:
    return SearchSpace.model_validate({"parameters": parameters})


SPACE = _space(
    a={"type": "float", "low": 1e-3, "high": 1e-1, "log": True},
    b={"type": "int", "low": 1, "high": 9, "step": 2},
    c={"type": "categorical", "choices": ["x", "y", True]},
)


@pytest.mark.parametrize("history", [0, 12])
def test_values_do_not_depend_on_which_were_drawn_before_a_crash(history):
    def draw(order) -> dict:
        sampler = NumberedSampler(seed=5, startup_trials=3)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        for _ in range(history):
            trial = study.ask()
            params = suggest(trial, SPACE)
            study.tell(trial, math.sin(params["a"] * 100) + params["b"])
        trial = study.ask()
        space = SearchSpace(parameters={key: SPACE.parameters[key] for key in order})
        return suggest(trial, space)

    assert draw("abc") == draw("cba")


def test_trials_get_different_values_and_another_seed_other_ones():
    def draw(seed: int) -> list[dict]:
        study = optuna.create_study(sampler=NumberedSampler(seed=seed, startup_trials=9))
        return [suggest(study.ask(), SPACE) for _ in range(4)]

    first = draw(0)
    assert len({params["a"] for params in first}) == 4
    assert draw(0) == first
    assert draw(1) != first


def test_parameters_that_optuna_refuses_are_all_named():
    space = _space(
        a={"type": "int", "low": 1, "high": 9, "step": 2, "log": True},
        b={"type": "int", "low": 1, "high": 9, "step": 4, "log": True},
    )

    with pytest.raises(ConfigError) as caught:
        distributions(space)

    assert [problem[:2] for problem in caught.value.problems] == ["a:", "b:"]


def test_a_trials_identity_depends_on_its_configuration_and_not_on_the_space():
    identity = StudyIdentity(
        config=Config(), space=SPACE, folds_hash="0" * 64, fingerprint="1" * 64
    )
    wider = replace(identity, space=_space(a={"type": "int", "low": 1, "high": 99}))

    assert wider.digest != identity.digest
    assert wider.trial_digest(Config()) == identity.trial_digest(Config())
    assert identity.trial_digest(Config(seed=1)) != identity.trial_digest(Config())
