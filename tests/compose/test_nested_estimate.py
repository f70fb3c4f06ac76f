"""What a nested search would cost: every outer fold, with its own frames."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from algr.cli.estimate import print_nested_estimate
from algr.compose import SearchOptions, estimate_nested
from algr.compose.nested import plan_nested_search
from algr.compose.trial_shape import TRAIN_RUN_S
from algr.cv import LocalExecutor
from algr.engine import Rehearsal
from algr.errors import DataError, StudyError, UsageError
from algr.tune import Limits, best_of, open_study, read_records

STEP = Rehearsal(
    start_s=0.0,
    train_step_s=1.0,
    score_batch_s=0.0,
    save_s=0.0,
    state_bytes=1000,
    resident_bytes=10,
    peak_bytes=100,
)
"""A second a step, and nothing else."""
OPTIONS = SearchOptions(trials=4, max_concurrent=1, space="bp4d")


class PoolHere:
    """In the place of processes: every configuration costs `STEP`."""

    def __init__(self, *_: object, **__: object) -> None: ...

    def __enter__(self) -> "PoolHere":
        return self

    def __exit__(self, *_: object) -> None: ...

    def submit(self, *_: object) -> "PoolHere":
        return self

    def result(self) -> Rehearsal:
        return STEP


@pytest.fixture
def request_of(make_request, monkeypatch) -> Callable[..., Any]:
    """A nested search of two epochs in steps of two frames, that nobody measures."""
    monkeypatch.setattr("algr.compose.measured.ProcessPoolExecutor", PoolHere)
    values = {"cv__protocol": "nested", "train__num_epochs": 2, "train__batch_size": 2}

    def make(name: str, **others: object):
        request = make_request("before", None, **(values | others))
        return dataclasses.replace(request, name=name)

    return make


def _files(folder: Path) -> set[tuple[str, int]]:
    return {(str(path), path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_each_search_counts_its_inner_folds_and_the_final_training_its_outer_fold(request_of):
    request = request_of("measured", tune__pruner="none")
    before = _files(request.home.root)

    found = estimate_nested(request, OPTIONS)

    # six people of three frames: two are tested, one chooses the epoch, three are trained on. Each
    # of three inner folds trains on two of these in 3 steps, the final training on three in 4
    assert [search.mean_trial_s for search in found.searches] == [3 * 3 * 2.0] * 3
    assert [3600 * search.hours_unpruned for search in found.searches] == [12 + 4 * 18.0] * 3
    finals = [3600 * search.finish_hours for search in found.searches]
    assert finals == pytest.approx([4 * 2.0 + TRAIN_RUN_S] * 3)
    whole = found.whole
    assert (whole.study, whole.trials, whole.folds, whole.epochs) == ("measured", 12, 3, 2)
    assert 3600 * whole.hours_unpruned == pytest.approx(3 * (12 + 72))
    assert 3600 * whole.finish_hours == pytest.approx(sum(finals))
    tree = found.to_dict()
    assert [one["study"] for one in tree["outer"]] == [f"measured-outer-{k}" for k in range(3)]
    assert tree["trials"] == 12
    assert _files(request.home.root) == before


def test_what_is_done_is_skipped_for_each_outer_fold(request_of, capsys):
    request = request_of("begun-nested")
    planned = plan_nested_search(request, OPTIONS)
    first, second = (planned.search_job(fold) for fold in planned.folds[:2])
    for job, trials in ((first, 4), (second, 1)):
        with open_study(
            job.study_directory, identity=job.identity, dataset="before", trials=4, resume=False
        ) as store:
            for _ in range(trials):
                number = store.take().number
                store.report(number, epoch=0, value=0.5)
                store.complete(number, seconds=1.0)
            if job is second:
                store.report(store.take().number, epoch=0, value=0.4)
    best = best_of(read_records(first.study_directory), store.objectives[0])
    final = planned.final_job(planned.folds[0], best)
    LocalExecutor(device=torch.device("cpu")).execute(final, on_epoch=lambda _: None)

    found = estimate_nested(dataclasses.replace(request, resume=True), OPTIONS)
    print_nested_estimate(found)

    assert [search.ended for search in found.searches] == [{"COMPLETE": 4}, {"COMPLETE": 1}, {}]
    assert found.whole.ended == {"COMPLETE": 5}
    assert found.whole.half_done == ("begun-nested-outer-1, trial 1: goes on after 1 epochs",)
    hours = [3600 * search.hours_unpruned for search in found.searches]
    assert hours == pytest.approx([0, 12 + 3 * 18 - 9, 12 + 4 * 18])
    assert [search.finish_hours > 0 for search in found.searches] == [False, True, True]
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == (
        "3 outer folds x (4 trials x 3 inner folds + 1 final training) x 2 epochs = 78 fold epochs "
        "at most"
    )
    assert printed[2:4] == [
        "skipped on --resume: 5 complete",
        "  begun-nested-outer-1, trial 1: goes on after 1 epochs",
    ]
    assert any(
        line.startswith("outer fold 0 (begun-nested-outer-0): 4 of 4 trials done; search 0.0 s")
        for line in printed
    )


def test_outer_folds_never_have_unequal_numbers_of_trials(request_of):
    request = request_of("equal")
    job = plan_nested_search(request, OPTIONS).search_job(
        plan_nested_search(request, OPTIONS).folds[0]
    )
    with open_study(
        job.study_directory, identity=job.identity, dataset="before", trials=4, resume=False
    ) as store:
        for _ in range(3):
            store.take()
    resumed = dataclasses.replace(request, resume=True)

    with pytest.raises(StudyError, match="--trials 2: an outer fold has begun more") as caught:
        plan_nested_search(resumed, dataclasses.replace(OPTIONS, trials=2))
    wanted = [
        plan_nested_search(one, dataclasses.replace(OPTIONS, trials=trials)).common.trials
        for one, trials in ((resumed, 3), (resumed, None), (request_of("unbegun"), None))
    ]

    assert caught.value.problems == ("equal-outer-0: 3 begun",)
    assert wanted == [3, 4, 50]


def test_the_dry_run_of_a_nested_search_refuses_what_its_start_refuses(request_of):
    options = dataclasses.replace(OPTIONS, limits=Limits(gpu_hours=1.0))
    with pytest.raises(UsageError, match="this session has no GPU"):
        estimate_nested(request_of("measured"), options)
    with pytest.raises(UsageError, match="this machine has no GPU"):
        estimate_nested(request_of("measured"), dataclasses.replace(OPTIONS, gpus_per_trial=0.5))


def test_the_limits_of_a_nested_search_count_the_tests_between_its_searches(request_of, capsys):
    request = request_of("measured", tune__pruner="none")
    whole = estimate_nested(request, OPTIONS).whole
    hours = whole.hours_pruned + whole.finish_hours
    limits = Limits(ends_at=time.time() + 3600 * hours * 0.6, ends_because="--max-hours 1")

    found = estimate_nested(request, dataclasses.replace(OPTIONS, limits=limits))
    print_nested_estimate(found)

    assert whole.limit is None
    assert found.to_dict()["limit"]["by"] == "--max-hours 1"
    assert 5 <= found.whole.limit.trials <= 7
    assert "limits: --max-hours 1 would end the search after about" in capsys.readouterr().out


def test_a_full_disk_refuses_a_nested_search_before_it_starts(request_of, monkeypatch):
    monkeypatch.setattr("algr.compose.estimate.free_disk", lambda _: 1000)

    with pytest.raises(DataError, match="about .* GB for checkpoints"):
        estimate_nested(request_of("full"), OPTIONS)
