"""What a search would cost: measured, added up, and nothing written."""

import dataclasses
import time
from pathlib import Path

import pytest

from algr.cli.estimate import print_estimate
from algr.compose import SearchOptions, estimate_search
from algr.compose.measured import PointCost, measure_points, points_to_measure
from algr.compose.search import plan_search
from algr.compose.within_limits import LimitForecast, forecast_limits
from algr.config import Config, SearchSpace, with_values
from algr.distributed import Devices
from algr.errors import ConfigError, DataError, UsageError
from algr.tune import Limits, open_study


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


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpus_per_trial": 0.5}, "this machine has no GPU"),
        ({"limits": Limits(gpu_hours=1.0)}, "--max-gpu-hours 1: this session has no GPU"),
    ],
)
def test_the_dry_run_refuses_what_the_start_refuses(make_request, monkeypatch, options, message):
    monkeypatch.setattr("algr.compose.estimate.measure_points", _nothing_is_measured)
    monkeypatch.setattr("algr.compose.gpu_share.on_gpu", lambda: False)
    monkeypatch.setattr("algr.compose.estimate.devices_at", lambda _: Devices(cpus=2, gpus=0))

    with pytest.raises(UsageError, match=message):
        estimate_search(
            make_request("before", None), SearchOptions(trials=4, space="bp4d", **options)
        )


@pytest.mark.parametrize(
    ("ends_in_hours", "gpu_hours", "expected"),
    [
        (None, None, None),
        (3.0, None, LimitForecast("", 10)),
        (2.0, None, LimitForecast("--max-hours", 5)),  # one hour until the first trial begins
        (0.5, None, LimitForecast("--max-hours", 0)),
        (2.0, 3.0, LimitForecast("--max-gpu-hours 3", 3)),
    ],
)
def test_limits_cut_off_what_does_not_fit(ends_in_hours, gpu_hours, expected):
    limits = Limits(
        ends_at=ends_in_hours and 1000.0 + 3600 * ends_in_hours,
        ends_because="--max-hours",
        gpu_hours=gpu_hours,
    )

    found = forecast_limits(
        limits, now=1000.0, hours=3.0, gpu_hours=10.0, start_hours=1.0, trials=10
    )

    assert found == expected


def test_an_estimate_says_how_many_trials_the_limits_leave(make_request, monkeypatch, capsys):
    monkeypatch.setattr("algr.compose.estimate.measure_points", _costs)
    request = make_request("before", None, tune__pruner="none")
    options = SearchOptions(trials=10, space="bp4d", max_concurrent=1)
    ends_at = time.time() + 12 + 55  # ten trials of ten seconds, after the start
    limits = Limits(ends_at=ends_at, ends_because="--max-hours 1")

    free = estimate_search(request, options)
    limited = estimate_search(request, dataclasses.replace(options, limits=limits))
    print_estimate(limited)

    assert free.to_dict()["limit"] is None
    assert limited.to_dict()["limit"] == {"by": "--max-hours 1", "trials": 5}
    assert (
        "limits: --max-hours 1 would end the search after about 5 of 10 trials, and nothing would "
        "follow it"
    ) in capsys.readouterr().out


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


def test_a_point_that_contradicts_itself_is_told_in_place_of_its_cost(tmp_path):
    point = {"train.num_epochs": 1, "tune.grace_epochs": 3}

    ((cost,),) = measure_points(
        [point], config=Config(), directory=tmp_path, plans=[None], copies=1
    )

    assert cost.failure == (
        "configuration: 1 problem; tune.grace_epochs (3) is larger than train.num_epochs (1)"
    )


def _nothing_is_measured(*_, **__):
    raise AssertionError("refused too late")


def _costs(points, *, plans, **_):
    costs = tuple(PointCost(point, 10.0, 2.0, 10**9, 10**8) for point in points)
    return (costs,) * len(plans)


def _failures(points, *, plans, **_):
    costs = tuple(PointCost(point, 0, 0, 0, 0, failure="out of memory") for point in points)
    return (costs,) * len(plans)
