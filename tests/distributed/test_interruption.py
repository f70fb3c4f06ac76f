"""Searches whose driver is killed or interrupted, and what the next one makes of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from search_fakes import Diary, FakeFactory, read_log, search_job, search_without_ray

from algr.distributed import run_search
from algr.tune import read_records

HERE = Path(__file__).parent
DEADLINE_S = 120

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def start_driver(tmp_path: Path) -> Callable[..., subprocess.Popen]:
    """Start a search in its own process group."""

    def start(*, trials: int, seconds: float) -> subprocess.Popen:
        words = [tmp_path / "s", trials, seconds, tmp_path / "log"]
        return subprocess.Popen(
            [sys.executable, str(HERE / "search_driver.py"), *map(str, words)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE), *sys.path[1:]])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return start


def _wait_for(log: Path, number: int, epoch: int) -> None:
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if log.exists() and (number, epoch) in [entry[:2] for entry in read_log(log)]:
            return
        time.sleep(0.05)
    raise TimeoutError(f"epoch {epoch} of trial {number} was never begun")


def test_a_search_that_is_killed_twice_ends_as_if_undisturbed(tmp_path, start_driver, cluster):
    for moment in ((1, 2), (2, 0)):
        driver = start_driver(trials=5, seconds=0.2)
        _wait_for(tmp_path / "log", *moment)
        os.kill(driver.pid, signal.SIGKILL)
        driver.communicate()
    left = [record.state for record in read_records(tmp_path / "s")]

    outcome = run_search(
        search_job(tmp_path / "s", trials=5, resume=True),
        listener=Diary.empty(),
        factory=FakeFactory(log=tmp_path / "log"),
    )

    assert left[2] == "RUNNING"
    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=5)
    first = [entry for entry in read_log(tmp_path / "log") if entry[:2] in ((0, 5), (1, 0))]
    assert len(first) == 2


@pytest.mark.parametrize(
    "stop",
    [
        pytest.param(lambda pid: os.killpg(pid, signal.SIGINT), id="ctrl-c"),
        pytest.param(lambda pid: os.kill(pid, signal.SIGTERM), id="terminate"),
    ],
)
def test_a_stop_leaves_a_study_that_goes_on_and_says_how(tmp_path, start_driver, cluster, stop):
    driver = start_driver(trials=3, seconds=0.5)
    _wait_for(tmp_path / "log", 1, 1)

    started = time.monotonic()
    stop(driver.pid)
    output, errors = driver.communicate(timeout=DEADLINE_S)
    seconds = time.monotonic() - started
    left = [record.state for record in read_records(tmp_path / "s")]
    outcome = run_search(
        search_job(tmp_path / "s", trials=3, resume=True),
        listener=Diary.empty(),
        factory=FakeFactory(),
    )

    assert driver.returncode == 130
    assert output == ""
    assert errors == (
        "study 's' stopped with 1 of 3 trials done, 1 half done\n"
        "  to do: go on with `algr resume s`"
    )
    assert left == ["COMPLETE", "RUNNING"]
    assert seconds < 30
    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=3)
