"""What can be optimised, which way, and several figures at once."""

import dataclasses
import math

import optuna
import pytest

from algr.config import SearchSpace, TuneConfig
from algr.errors import UsageError
from algr.tune import (
    NumberedSampler,
    Objective,
    RungPruner,
    front_of,
    open_study,
    pareto_front,
    parse_objectives,
    read_progress,
    suggest,
)

METRICS = ("f1_macro", "accuracy", "landmark_error", "loss")


def _parse(*texts: str) -> tuple[Objective, ...]:
    return parse_objectives(texts, headline="f1_macro", metrics=METRICS)


def test_the_headline_is_the_default_and_val_may_be_left_out():
    assert _parse() == _parse("f1_macro") == (Objective("val/f1_macro"),)


@pytest.mark.parametrize(
    ("name", "direction"),
    [
        ("val/accuracy", "maximize"),
        ("val/loss", "minimize"),
        ("val/landmark_error", "minimize"),
        ("parameters", "minimize"),
        ("latency_ms", "minimize"),
        ("train_seconds", "minimize"),
    ],
)
def test_each_figure_knows_its_direction(name, direction):
    assert Objective(name).direction == direction


def test_all_wrong_objectives_are_named_together():
    with pytest.raises(UsageError) as caught:
        _parse("latency_ms", "val/f1_makro", "latency_ms")

    assert caught.value.problems == (
        "val/f1_makro: unknown; did you mean 'val/f1_macro'?",
        "latency_ms: given twice",
        "latency_ms: a cost cannot come first, since the first one names the best",
    )


def test_the_front_holds_what_nothing_beats():
    objectives = _parse("f1_macro", "parameters")
    values = {0: (0.5, 10.0), 1: (0.6, 20.0), 2: (0.5, 20.0), 3: (0.6, 20.0), 4: (0.4, 9.0)}

    assert pareto_front(values, objectives) == (0, 1, 3, 4)


def _identity(identity, *names: str):
    return dataclasses.replace(identity, objectives=names)


def test_a_figure_to_be_small_has_its_smallest_epoch_as_value(tmp_path, identity):
    given = {"identity": _identity(identity, "val/loss"), "dataset": "toy", "trials": 2}
    with open_study(tmp_path / "s", **given, resume=False) as store:
        for number, losses in ((store.take().number, (3.0, 1.0, 2.0)), (store.take().number, (9,))):
            for epoch, value in enumerate(losses):
                store.report(number, epoch=epoch, value=value)
            store.complete(number, seconds=1.0)

        assert [record.value for record in store.records()] == [1.0, 9.0]
        assert store.best().number == 0


def test_the_rungs_stop_large_values_of_a_figure_to_be_small():
    study = optuna.create_study(direction="minimize", pruner=RungPruner(grace=1, factor=3))
    low, high = study.ask(), study.ask()
    low.report(0.1, 1)
    high.report(0.9, 1)

    assert (low.should_prune(), high.should_prune()) == (False, True)


@pytest.fixture
def several(tmp_path, identity):
    """A study of two objectives with two complete trials and one half done."""
    names = ("val/f1_macro", "val/loss", "parameters")
    given = {"identity": _identity(identity, *names), "dataset": "toy", "trials": 3}
    with open_study(tmp_path / "s", **given, resume=False) as store:
        for rows in (((0.2, 5.0), (0.6, 4.0), (0.5, 3.0)), ((0.1, 2.0), (0.2, 1.0), (0.1, 3.0))):
            number = store.take().number
            stops = [
                store.report(
                    number,
                    epoch=epoch,
                    value=value,
                    figures={"val/loss": loss} | ({"parameters": 7.0} if epoch == 2 else {}),
                )
                for epoch, (value, loss) in enumerate(rows)
            ]
            assert stops == [False] * 3
            store.complete(number, seconds=1.0)
        store.report(store.take().number, epoch=0, value=0.9, figures={"val/loss": 9.0})
    return tmp_path / "s"


def test_further_scores_are_those_of_the_best_epoch_and_costs_those_of_the_last(several):
    records = read_progress(several).records

    assert records[0].value == 0.6
    assert records[0].values == {"val/f1_macro": 0.6, "val/loss": 4.0, "parameters": 7.0}
    assert [record.epochs for record in records] == [3, 3, 1]
    assert [one.number for one in front_of(records, read_progress(several).objectives)] == [0, 1]


def test_a_half_done_trial_of_several_objectives_keeps_its_epochs(several, identity):
    names = ("val/f1_macro", "val/loss", "parameters")
    given = {"identity": _identity(identity, *names), "dataset": "toy", "trials": 3}
    with open_study(several, **given, resume=True) as store:
        number = store.take().number
        store.report(number, epoch=0, value=0.1, figures={"val/loss": 1.0})

        assert store.record(number).value == 0.9


def test_resuming_with_other_objectives_is_refused(several, identity):
    given = {"dataset": "toy", "trials": 3, "resume": True}
    with (
        pytest.raises(Exception, match="objectives: .*parameters.* in the study, not set now"),
        open_study(several, identity=identity, **given),
    ):
        pass


def test_suggestions_for_two_objectives_depend_on_number_and_history_alone():
    space = SearchSpace.model_validate(
        {"parameters": {"a": {"type": "float", "low": 0.0, "high": 1.0}}}
    )

    def draw() -> list[float]:
        study = optuna.create_study(
            directions=["maximize", "minimize"],
            sampler=NumberedSampler(seed=1, startup_trials=TuneConfig().startup_trials),
        )
        for _ in range(14):
            trial = study.ask()
            value = suggest(trial, space)["a"]
            study.tell(trial, [math.sin(value), value])
        return [trial.params["a"] for trial in study.trials]

    assert draw() == draw()
    assert len(set(draw())) == 14
