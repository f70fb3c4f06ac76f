"""Searches whose driver is killed or interrupted, and what the next one makes of them."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import wait_until
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


def _wait_for(log: Path, moment: tuple[int, int]) -> None:
    """Until this epoch of this trial was begun."""
    wait_until(lambda: log.exists() and moment in _begun(log))


def _begun(log: Path) -> list[tuple[int, int]]:
    return [entry[:2] for entry in read_log(log)]


def _states(study: Path) -> list[str]:
    return [record.state for record in read_records(study)]


@dataclass(frozen=True)
class Stopped:
    """What a driver left that was told to stop."""

    code: int
    output: str
    errors: str
    seconds: float
    states: list[str]


@pytest.mark.usefixtures("cluster")
def test_a_search_that_is_killed_interrupted_and_terminated_ends_as_if_undisturbed(
    tmp_path, start_driver
):
    study, log = tmp_path / "s", tmp_path / "log"

    def stop(moment: tuple[int, int], how: Callable[[int], None]) -> Stopped:
        driver = start_driver(trials=3, seconds=0.4)
        _wait_for(log, moment)
        started = time.monotonic()
        how(driver.pid)
        output, errors = driver.communicate(timeout=DEADLINE_S)
        seconds = time.monotonic() - started
        return Stopped(driver.returncode, output, errors, seconds, _states(study))

    killed = stop((0, 2), lambda pid: os.kill(pid, signal.SIGKILL))
    interrupted = stop((1, 1), lambda pid: os.killpg(pid, signal.SIGINT))
    terminated = stop((1, 4), lambda pid: os.kill(pid, signal.SIGTERM))
    outcome = run_search(
        search_job(study, trials=3, resume=True),
        listener=Diary.empty(),
        factory=FakeFactory(log=log),
    )

    assert (killed.code, killed.states) == (-signal.SIGKILL, ["RUNNING"])
    assert (interrupted.code, interrupted.output, interrupted.errors) == (
        130,
        "",
        "study 's' stopped with 1 of 3 trials done, 1 half done\n"
        "  to do: go on with `algr resume s`",
    )
    assert interrupted.states == ["COMPLETE", "RUNNING"]
    assert dataclasses.replace(terminated, seconds=0) == dataclasses.replace(interrupted, seconds=0)
    assert max(interrupted.seconds, terminated.seconds) < 30
    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=3)
    times = Counter(_begun(log))
    assert max(times.values()) <= 2
    assert not {moment for moment, count in times.items() if count > 1} & {(0, 0), (0, 1), (1, 0)}
