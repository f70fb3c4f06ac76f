"""What several workers make of a trial that was measured as one process."""

import dataclasses

import pytest

from algr.compose import SearchOptions, estimate_search
from algr.compose.measured import PointCost
from algr.compose.search import plan_search
from algr.compose.trial_shape import TRAIN_RUN_S, TrialShape
from algr.data import Fold, FoldPlan
from algr.errors import ConfigError, UsageError

PLAN = FoldPlan(
    dataset="none",
    kind="au",
    fingerprint="0" * 64,
    protocol="honest",
    seed=0,
    folds=tuple(Fold(index=i, train=("a",), validation=("b",), test=(f"c{i}",)) for i in range(3)),
)
COST = PointCost(
    {}, trial_s=90.0, epoch_s=30.0, memory_bytes=700, checkpoint_bytes=1, fold_bytes=100
)


@pytest.mark.parametrize(
    ("workers", "wall_s", "fixed_s"),
    [(1, 90.0, 0.0), (2, 60.0, TRAIN_RUN_S), (3, 30.0, TRAIN_RUN_S), (6, 15.0, TRAIN_RUN_S)],
)
def test_a_trial_lasts_as_long_as_the_worker_with_the_most_folds(workers, wall_s, fixed_s):
    shape = TrialShape.of(PLAN, workers=workers)

    assert (shape.wall_s(COST.trial_s), shape.fixed_s) == (wall_s, fixed_s)


@pytest.mark.parametrize(
    ("workers", "machine", "gpu"), [(1, 700, 700), (2, 1100, 600), (3, 1500, 500), (6, 3000, 500)]
)
def test_each_worker_is_a_process_with_the_folds_that_it_holds(workers, machine, gpu):
    shape = TrialShape.of(PLAN, workers=workers)

    assert shape.memory_bytes([COST], on_gpu=False) == machine
    assert shape.memory_bytes([COST], on_gpu=True) == gpu


def test_an_estimate_counts_all_workers_of_a_trial(make_request, monkeypatch):
    monkeypatch.setattr("algr.compose.estimate.measure_points", lambda *_, **__: ((COST,),))
    monkeypatch.setattr("algr.distributed.session.os.cpu_count", lambda: 6)
    options = SearchOptions(trials=4, space="bp4d", workers_per_trial=3)

    found = estimate_search(make_request("before", None), options)

    assert (found.at_once, found.workers_per_trial) == (2, 3)
    assert found.mean_trial_s == 30.0
    assert 3600 * found.hours_unpruned == pytest.approx(12 + 2 * (30 + TRAIN_RUN_S))


def test_a_trial_that_does_not_fit_is_refused_by_the_dry_run(make_request, monkeypatch):
    monkeypatch.setattr("algr.distributed.session.os.cpu_count", lambda: 2)
    options = SearchOptions(trials=4, space="bp4d", workers_per_trial=3)

    with pytest.raises(UsageError, match="a trial needs 3 CPUs, this session has 2 CPUs"):
        estimate_search(make_request("before", None), options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers_per_trial": 4}, "--workers-per-trial 3 or --workers-per-trial 6"),
        ({"workers_per_trial": 3, "gpus_per_trial": 0.5}, "each of several workers has a whole"),
    ],
)
def test_workers_that_cannot_be_are_refused_before_anything_starts(make_request, options, message):
    with pytest.raises(UsageError, match=message):
        plan_search(make_request("before", None), SearchOptions(trials=4, space="bp4d", **options))


def test_replicas_need_a_configuration_that_they_can_share(make_request):
    request = make_request("before", None, loss__dice="official")

    with pytest.raises(ConfigError, match="official sums over the whole batch"):
        plan_search(request, SearchOptions(trials=4, space="bp4d", workers_per_trial=6))


SPACE = """
parameters:
  model.cell_state: {type: categorical, choices: [neighbour, gated_sum]}
  model.bilstm: {type: categorical, choices: [skip, plain]}
"""
BAD = "- {model.cell_state: gated_sum, model.bilstm: plain}\n"


@pytest.fixture
def cells(tmp_path, make_request):
    """A request, and how its search is planned from a list of points and one of `enqueue`."""

    def planned(*, points: str, enqueue: str):
        (tmp_path / "space.yaml").write_text(f"{SPACE}enqueue:\n{enqueue}")
        (tmp_path / "points.yaml").write_text(points)
        options = SearchOptions(
            trials=4, space=str(tmp_path / "space.yaml"), points=tmp_path / "points.yaml"
        )
        request = make_request("before", None, model__kind="algrnet", train__batch_size=8)
        return request, options

    return planned


@pytest.mark.parametrize(
    ("points", "enqueue", "message"),
    [
        (f"- {{model.cell_state: neighbour}}\n{BAD}", "- {model.bilstm: skip}\n", "points.yaml"),
        ("- {model.bilstm: plain}\n", f"- {{model.bilstm: skip}}\n{BAD}", "enqueue of the search"),
    ],
)
def test_a_point_that_contradicts_itself_is_refused_before_anything_starts(
    cells, points, enqueue, message
):
    with pytest.raises(ConfigError, match=f"{message}.*: points that contradict") as caught:
        estimate_search(*cells(points=points, enqueue=enqueue))

    assert caught.value.problems == (
        "point 2 (model.cell_state: gated_sum, model.bilstm: plain): model.cell_state: gated_sum "
        "needs the gates of model.bilstm=skip",
    )


def test_a_point_that_leaves_the_other_value_open_is_no_contradiction(cells):
    request, options = cells(
        points="- {model.bilstm: plain}\n", enqueue=BAD.replace("plain", "skip")
    )

    assert plan_search(request, options).job.points == ({"model.bilstm": "plain"},)


def test_a_study_with_replicas_goes_on_with_as_many(make_request):
    options = SearchOptions(trials=4, space="bp4d", replicas=2)

    job = plan_search(make_request("before", None), options).job

    assert job.workers_per_trial == 6
    assert dataclasses.replace(job, workers_per_trial=12).identity.replicas == 4
