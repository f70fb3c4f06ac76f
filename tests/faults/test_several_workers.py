"""Searches whose trials have several workers, killed, stopped, or left by their driver."""

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from drivers import Drivers, descendants, files_of, wait_until
from fault_driver import Order
from search_fakes import read_log, search_without_ray

from algr.tune import read_records

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]

DEADLINE_S = 2400
TRIALS = 24
OF_TRAINING = (b"ray::RayTrainWorker", b"ray::TrainController", b"ray::PlacementGroupCleaner")
STOPS_MANY = {"tune.reduction_factor": 2}


def _named(mark: str, *names: bytes) -> list[int]:
    """Living descendants of a driver whose process is called so."""
    found = []
    for pid in descendants(mark):
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if command.startswith(names):
            found.append(pid)
    return found


def _begun(log: Path) -> list[tuple[int, int]]:
    return [entry[:2] for entry in read_log(log)] if log.exists() else []


def _more_than_once(log: Path) -> set[tuple[int, int]]:
    return {key for key, times in Counter(_begun(log)).items() if times > 1}


def _run(drivers: Drivers, order: Order) -> tuple[int, str, str]:
    driver = drivers.start(order)
    output, errors = driver.communicate(timeout=DEADLINE_S)
    drivers.wait_for_nobody()
    return driver.returncode, output, errors


def test_twenty_stopped_trials_leave_nothing(tmp_path, drivers):
    study, log = tmp_path / "s", tmp_path / "log"
    order = Order(
        study=str(study), log=str(log), trials=TRIALS, workers=2, seconds=0.2, values=STOPS_MANY
    )
    driver = drivers.start(order)
    most = 0
    while driver.poll() is None:
        most = max(most, len(_named(drivers.mark, *OF_TRAINING)))
        time.sleep(2)
    output, errors = driver.communicate()
    drivers.wait_for_nobody()

    records = read_records(study)
    assert (driver.returncode, errors) == (0, "")
    assert json.loads(output) == {"placement_groups": 0}
    assert sum(record.state == "PRUNED" for record in records) >= 20
    assert records == search_without_ray(tmp_path / "alone", trials=TRIALS, **STOPS_MANY)
    assert most <= 2 * (2 + 2)  # of one trial, and of one that is just ending
    assert _more_than_once(log) == set()
    best = max(
        (record for record in records if record.state == "COMPLETE"),
        key=lambda record: record.value,
    )
    assert files_of(study) == [
        "environment.json",
        "lock",
        "numerics.json",
        "study.journal",
        "study.json",
        f"trials/{best.number}/checkpoint.pt",
    ]
    assert [path.name for path in (study / "trials").iterdir()] == [str(best.number)]
    assert drivers.left() == []


def test_workers_and_the_process_of_a_trial_that_are_killed_change_no_number(tmp_path, drivers):
    study, log = tmp_path / "s", tmp_path / "log"
    order = Order(
        study=str(study),
        log=str(log),
        trials=3,
        workers=2,
        seconds=1.0,
        faults=[(0, 0, "killed"), (1, 3, "killed")],
        values=STOPS_MANY,
    )
    driver = drivers.start(order)
    wait_until(lambda: (0, 3) in _begun(log), seconds=DEADLINE_S)
    (of_trial,) = _named(drivers.mark, b"ray::ResourceTrainable")

    os.kill(of_trial, signal.SIGKILL)
    output, errors = driver.communicate(timeout=DEADLINE_S)
    drivers.wait_for_nobody()

    assert (driver.returncode, errors) == (0, "")
    assert json.loads(output) == {"placement_groups": 0}
    assert read_records(study) == search_without_ray(tmp_path / "alone", trials=3, **STOPS_MANY)
    assert {(0, 0), (1, 3)} <= _more_than_once(log) <= {(0, 0), (0, 3), (0, 4), (1, 3)}
    assert files_of(study)[:3] == ["lock", "study.journal", "study.json"]
    assert len(files_of(study)) == 4
    assert drivers.left() == []


def test_a_search_whose_driver_is_killed_within_a_trial_ends_as_if_undisturbed(tmp_path, drivers):
    study, log = tmp_path / "s", tmp_path / "log"
    order = Order(
        study=str(study), log=str(log), trials=3, workers=2, seconds=0.6, values=STOPS_MANY
    )
    for moment in ((0, 2), (1, 0)):
        driver = drivers.start(order)
        wait_until(lambda moment=moment: moment in _begun(log), seconds=DEADLINE_S)
        os.kill(driver.pid, signal.SIGKILL)
        driver.communicate()
        drivers.wait_for_workers()
    left = [record.state for record in read_records(study)]

    code, output, errors = _run(drivers, order)

    assert left == ["COMPLETE", "RUNNING"]
    assert (code, errors) == (0, "")
    assert json.loads(output) == {"placement_groups": 0}
    assert read_records(study) == search_without_ray(tmp_path / "alone", trials=3, **STOPS_MANY)
    assert _more_than_once(log) <= {(0, 2), (1, 0)}
    assert files_of(study)[:3] == ["lock", "study.journal", "study.json"]
    assert len(files_of(study)) == 4
    assert drivers.left() == []


def test_a_score_that_is_no_number_and_workers_that_always_die_fail_their_trial_alone(
    tmp_path, drivers
):
    # suggestions at random do not depend on what other trials found
    values = {"tune.pruner": "none", "tune.startup_trials": 3}
    study, log = tmp_path / "s", tmp_path / "log"
    order = Order(
        study=str(study),
        log=str(log),
        trials=3,
        workers=2,
        deaths=9,
        faults=[(0, 1, "nan"), (1, 1, "killed")],
        values=values,
    )

    code, output, errors = _run(drivers, order)

    records = read_records(study)
    assert (code, errors) == (0, "")
    assert json.loads(output) == {"placement_groups": 0}
    assert [record.state for record in records] == ["FAIL", "FAIL", "COMPLETE"]
    assert records[0].reason == "epoch 1: the validation score is undefined"
    assert records[1].reason.startswith("its workers died 4 times (")
    assert records[2] == search_without_ray(tmp_path / "alone", trials=3, **values)[2]
    assert Counter(_begun(log))[1, 1] == 4
    assert drivers.left() == []
