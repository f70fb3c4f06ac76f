"""What a trial of several workers holds, and how many fit."""

from dataclasses import replace

import pytest
from search_fakes import Diary, search_job, search_without_ray

from algr.config import Config, with_values
from algr.distributed import Devices, run_search, trial_resources, trials_at_once
from algr.errors import UsageError
from algr.tune import Halt, Limits

TWO_THREADS = with_values(Config(), {"train.threads_per_fold": 2})


def test_each_worker_of_a_trial_counts_with_its_threads_and_a_whole_gpu():
    found = trial_resources(TWO_THREADS, Devices(cpus=64, gpus=8), workers=3)

    assert found == {"cpu": 6, "gpu": 3}


@pytest.mark.parametrize(
    ("devices", "workers", "at_once"),
    [
        (Devices(cpus=64, gpus=8), 3, 2),
        (Devices(cpus=10, gpus=8), 2, 2),
        (Devices(cpus=12, gpus=0), 3, 2),
        (Devices(cpus=6, gpus=3), 3, 1),
    ],
)
def test_no_more_trials_of_several_workers_than_fit(devices, workers, at_once):
    resources = trial_resources(TWO_THREADS, devices, workers=workers)

    assert trials_at_once(resources, devices) == at_once


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        (Devices(cpus=5, gpus=0), "a trial needs 6 CPUs, this session has 5 CPUs"),
        (
            Devices(cpus=64, gpus=2),
            "a trial needs 6 CPUs and 3 GPUs, this session has 64 CPUs and 2 GPUs",
        ),
    ],
)
def test_a_trial_that_is_too_large_for_the_session_is_refused(devices, message):
    with pytest.raises(UsageError, match=f"--workers-per-trial 3: {message}"):
        trial_resources(TWO_THREADS, devices, workers=3)


@pytest.mark.parametrize(
    ("workers", "limits", "message"),
    [
        (3, Limits(), "a trial needs 3 CPUs, this session has 2 CPUs"),
        (1, Limits(gpu_hours=1.0), "--max-gpu-hours 1: this session has no GPU"),
    ],
)
def test_a_search_that_a_session_has_no_room_for_leaves_nothing(
    tmp_path, monkeypatch, workers, limits, message
):
    monkeypatch.setattr("algr.distributed.search.cluster_devices", lambda: Devices(cpus=2, gpus=0))
    job = replace(search_job(tmp_path / "s", trials=2, workers=workers), limits=limits)

    with pytest.raises(UsageError, match=message):
        run_search(job, listener=Diary.empty())

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("limits", "stopped"),
    [
        (Limits(ends_at=100.0, ends_because="--max-hours 1"), Halt("limit", "--max-hours 1")),
        (Limits(ends_at=101.0, ends_because="--max-hours 1"), None),
    ],
)
def test_nothing_follows_a_search_that_is_over_after_its_limit(
    tmp_path, monkeypatch, limits, stopped
):
    monkeypatch.setattr("algr.distributed.search.cluster_devices", lambda: Devices(cpus=2, gpus=0))
    search_without_ray(tmp_path / "s", trials=2)
    job = replace(search_job(tmp_path / "s", trials=None, resume=True), limits=limits)

    outcome = run_search(job, listener=Diary.empty(), clock=lambda: 100.0)

    assert outcome.stopped == stopped
    assert outcome.is_complete
    assert len(outcome.trials) == 2
