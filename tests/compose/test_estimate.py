"""What a search would cost: measured, added up, and nothing written."""

import dataclasses
from pathlib import Path

import pytest

from algr.compose import SearchOptions, estimate_search
from algr.compose.measured import PointCost, points_to_measure
from algr.compose.search import plan_search
from algr.config import Config, SearchSpace, with_values
from algr.errors import ConfigError, DataError
from algr.tune import open_study


def _space(**parameters) -> SearchSpace:
    return SearchSpace.model_validate(
        {"parameters": {key.replace("__", "."): rule for key, rule in parameters.items()}}
    )


def _files(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_only_parameters_that_change_size_or_speed_are_measured():
    space = _space(
        train__learning_rate={"type": "float", "low": 0.001, "high": 0.1},
        train__batch_size={"type": "int", "low": 8, "high": 32},
        model__bilstm={"type": "categorical", "choices": ["skip", "none"]},
    )

    assert points_to_measure(space, Config()) == (
        {},
        {"train.batch_size": 32},
        {"model.bilstm": "none"},
    )


def test_two_sizes_are_also_measured_at_their_largest_together():
    space = _space(
        model__width={"type": "float", "low": 0.5, "high": 1.0},
        train__batch_size={"type": "int", "low": 8, "high": 32},
    )

    assert points_to_measure(space, Config())[1] == {"model.width": 1.0, "train.batch_size": 32}


@pytest.mark.slow
def test_an_estimate_writes_nothing_and_counts_what_is_left(make_request):
    request = make_request("before", None)
    options = SearchOptions(trials=4, max_concurrent=1, space="bp4d")
    planned = plan_search(dataclasses.replace(request, name="half"), options)
    with open_study(
        planned.job.study_directory,
        identity=planned.job.identity,
        dataset="before",
        trials=4,
        resume=False,
    ) as store:
        store.report(store.take().number, epoch=0, value=0.5)
        store.complete(0, seconds=1.0)
        store.take()
    before = _files(request.home.root)

    found = estimate_search(dataclasses.replace(request, name="half", resume=True), options)

    assert _files(request.home.root) == before
    assert found.ended == {"COMPLETE": 1}
    assert found.half_done == ("trial 1: goes on after 0 epochs",)
    assert (found.trials, found.folds, found.epochs) == (4, 3, 1)
    (own,) = found.points
    assert own.failure == ""
    assert 3600 * found.hours_unpruned == pytest.approx(12 + 3 * own.trial_s, rel=0.01)
    assert found.memory_bytes > 10**8
    assert found.to_dict()["skipped"] == {"COMPLETE": 1}


def test_a_full_disk_refuses_the_search_before_it_starts(make_request, monkeypatch):
    monkeypatch.setattr("algr.compose.estimate.free_disk", lambda _: 1000)
    monkeypatch.setattr("algr.compose.estimate.measure_points", _costs)

    with pytest.raises(DataError, match="about .* GB for checkpoints"):
        estimate_search(make_request("before", None), SearchOptions(trials=4, space="bp4d"))


def test_a_configuration_that_cannot_be_trained_is_refused(make_request, monkeypatch):
    monkeypatch.setattr("algr.compose.estimate.measure_points", _failures)

    with pytest.raises(ConfigError, match="out of memory"):
        estimate_search(make_request("before", None), SearchOptions(trials=4, space="bp4d"))


def test_a_study_of_something_else_is_refused_as_the_start_would(make_request):
    request = dataclasses.replace(make_request("before", None), name="other")
    options = SearchOptions(trials=4, space="bp4d")
    job = plan_search(request, options).job
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=4, resume=False
    ):
        pass
    changed = with_values(request.config, {"train.num_epochs": 2})

    with pytest.raises(Exception, match=r"train\.num_epochs: 1 in the study, 2 now"):
        estimate_search(dataclasses.replace(request, config=changed, resume=True), options)


def _costs(points, *, plans, **_):
    costs = tuple(PointCost(point, 10.0, 2.0, 10**9, 10**8) for point in points)
    return (costs,) * len(plans)


def _failures(points, *, plans, **_):
    costs = tuple(PointCost(point, 0, 0, 0, 0, failure="out of memory") for point in points)
    return (costs,) * len(plans)
