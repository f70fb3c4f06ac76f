"""What a trial of several workers holds, and how many fit."""

import pytest

from algr.config import Config, with_values
from algr.distributed import Devices, trial_resources, trials_at_once
from algr.errors import UsageError

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
