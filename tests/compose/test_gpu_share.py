"""Trials that share a GPU, without one."""

import pytest

from algr.compose.gpu_share import parse_share, settle_share
from algr.config import Config
from algr.distributed import Devices, trial_resources, trials_at_once
from algr.errors import ConfigError, UsageError

GIB = 1024**3


@pytest.mark.parametrize(
    ("asked", "need_gib", "share"), [("auto", 20, 1 / 3), ("auto", 1, 1 / 8), (0.5, 30, 0.5)]
)
def test_no_more_trials_share_a_gpu_than_fit(asked, need_gib, share):
    found = settle_share(asked, need_bytes=need_gib * GIB, device_bytes=80 * GIB)

    assert found == pytest.approx(share)


def test_a_part_that_is_too_small_is_refused_with_the_smallest_that_fits():
    with pytest.raises(ConfigError, match="4 trials of 32.2 GB do not fit") as caught:
        settle_share(0.25, need_bytes=30 * GIB, device_bytes=80 * GIB)

    assert caught.value.expected == "at least 0.5"


def test_a_trial_that_does_not_fit_at_all_is_refused():
    with pytest.raises(ConfigError, match="lower train.batch_size"):
        settle_share("auto", need_bytes=79 * GIB, device_bytes=80 * GIB)


@pytest.mark.parametrize("text", ["0", "1.5", "nan", "half"])
def test_what_is_no_part_of_a_gpu_is_refused(text):
    with pytest.raises(UsageError, match=f"--gpus-per-trial {text}"):
        parse_share(text)


@pytest.mark.parametrize(("part", "at_once"), [(1.0, 2), (0.5, 4), (0.4, 4), (1 / 3, 6)])
def test_trials_are_not_cut_over_two_gpus(part, at_once):
    devices = Devices(cpus=16, gpus=2)
    resources = trial_resources(Config(), devices, gpus=part)

    assert trials_at_once(resources, devices) == at_once


def test_a_part_of_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="this session has no GPU"):
        trial_resources(Config(), Devices(cpus=2, gpus=0), gpus=0.5)
