"""Memory that runs out: in a trial, which then fails, and on a machine, which ends the search."""

import dataclasses
from pathlib import Path

import pytest
from drivers import FINISHED
from step_driver import STUDY, StepOrder
from steps import GREED_BYTES, read_steps, undisturbed_study, without_seconds

from algr.config import DataHome
from algr.tune import read_records

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]

SMALL = {"train.batch_size": 4}
LARGE = {"train.batch_size": 12}


def _undisturbed(order: StepOrder, folder: Path):
    calm = dataclasses.replace(order, log=str(folder / "calm"), short_of_memory=[], greedy=[])
    job = dataclasses.replace(calm.job(), study_directory=folder / "alone")
    return without_seconds(undisturbed_study(job, calm.factory()))


def test_a_trial_that_runs_out_of_memory_fails_with_its_batch_size_and_changes_no_other(
    tmp_path, home, drivers
):
    order = StepOrder(
        home=str(home),
        log=str(tmp_path / "log"),
        trials=5,
        choices={key: [SMALL[key], LARGE[key]] for key in SMALL},
        points=[SMALL, SMALL, LARGE, SMALL, SMALL],
        short_of_memory=[2],
    )

    ended = drivers.run(order)

    records = without_seconds(read_records(DataHome(home).studies / STUDY))
    undisturbed = _undisturbed(dataclasses.replace(order, points=[SMALL] * 5), tmp_path)
    assert ended == FINISHED
    assert (records[2].state, records[2].value, records[2].reason) == (
        "FAIL",
        None,
        "fold 0, epoch 0, step 1: out of memory on cpu with train.batch_size 12",
    )
    assert records[2].params == undisturbed[2].params | LARGE
    assert records[:2] + records[3:] == undisturbed[:2] + undisturbed[3:]
    assert len({step.pid for step in read_steps(tmp_path / "log")}) == 1
    assert drivers.left() == []


def _memory() -> tuple[int, int]:
    """Total and available bytes, as the kernel counts them."""
    rows = [line.split() for line in Path("/proc/meminfo").read_text().splitlines()]
    sizes = {row[0]: int(row[1]) * 1024 for row in rows}
    return sizes["MemTotal:"], sizes["MemAvailable:"]


def test_a_machine_that_runs_low_on_memory_ends_the_search_which_then_goes_on_as_if_undisturbed(
    tmp_path, home, drivers
):
    total, available = _memory()
    if available < 2 * GREED_BYTES:
        pytest.skip(f"needs {2 * GREED_BYTES} bytes of free memory, found {available}")
    order = StepOrder(home=str(home), log=str(tmp_path / "log"), trials=4)
    greedy = dataclasses.replace(order, greedy=[1], seconds=0.2)
    threshold = (total - available + GREED_BYTES * 2 / 3) / total

    drivers.more_environment["RAY_memory_usage_threshold"] = f"{threshold:.3f}"
    code, _, errors = drivers.run(greedy)
    left = [record.state for record in read_records(DataHome(home).studies / STUDY)]
    del drivers.more_environment["RAY_memory_usage_threshold"]
    again = drivers.run(order)

    assert code == 7, errors
    assert errors.startswith("a machine ran low on memory, and Ray ended a worker there\n")
    assert "train.batch_size" in errors
    assert "repeat with --resume" in errors
    assert left == ["COMPLETE", "RUNNING"]
    assert again == FINISHED
    records = without_seconds(read_records(DataHome(home).studies / STUDY))
    assert records == _undisturbed(order, tmp_path)
