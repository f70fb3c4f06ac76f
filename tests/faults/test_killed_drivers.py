"""A search whose driver is killed again and again, anywhere."""

import os
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from drivers import Drivers, files_of
from fault_driver import Order
from processes import wait_until
from search_fakes import read_log, search_without_ray

from algr.tune import read_records

TRIALS = 30

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]


@dataclass(frozen=True)
class _Moment:
    """When a driver is killed: after so many epochs were begun, and so many seconds."""

    epochs: int
    seconds: float


def _moments(seed: int) -> list[_Moment]:
    """One in five while the driver starts, the others within or between epochs."""
    chance = random.Random(seed)
    return [
        _Moment(0, chance.uniform(0, 4))
        if index % 5 == 4
        else _Moment(chance.randint(1, 4), chance.uniform(0, 0.6))
        for index in range(10)
    ]


def _begun(log: Path) -> list[tuple[int, int]]:
    return [entry[:2] for entry in read_log(log)] if log.exists() else []


def _run_and_kill(drivers: Drivers, order: Order, moment: _Moment) -> tuple[int, tuple[int, int]]:
    """Exit code, and the epoch that was under way."""
    log = Path(order.log)
    before = len(_begun(log))
    driver = drivers.start(order)
    wait_until(lambda: len(_begun(log)) >= before + moment.epochs)
    time.sleep(moment.seconds)
    os.kill(driver.pid, signal.SIGKILL)
    driver.communicate()
    drivers.wait_for_workers()
    return driver.returncode, (_begun(log) or [(-1, -1)])[-1]


def test_a_search_that_is_killed_ten_times_ends_as_if_undisturbed(tmp_path, drivers):
    study, log = tmp_path / "s", tmp_path / "log"
    order = Order(study=str(study), log=str(log), trials=TRIALS, seconds=0.6)

    kills = [_run_and_kill(drivers, order, moment) for moment in _moments(seed=0)]
    code, _, errors = drivers.run(order)
    drivers.wait_for_nobody()

    assert [code for code, _ in kills] == [-signal.SIGKILL] * 10
    assert (code, errors) == (0, "")
    records = read_records(study)
    assert records == search_without_ray(tmp_path / "alone", trials=TRIALS)
    begun = Counter(_begun(log))
    assert set(begun) == {
        (record.number, epoch) for record in records for epoch in range(record.epochs)
    }
    assert {key for key, times in begun.items() if times > 1} <= {epoch for _, epoch in kills}
    assert begun.total() - len(begun) <= len(kills)
    best = max(records, key=lambda record: record.value)
    assert files_of(study) == [
        "environment.json",
        "lock",
        "numerics.json",
        "study.journal",
        "study.json",
        f"trials/{best.number}/checkpoint.pt",
    ]
    assert drivers.left() == []
