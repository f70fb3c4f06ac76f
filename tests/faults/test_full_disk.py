"""A disk that is full when a checkpoint is written: a real file system of a few megabytes."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from drivers import FINISHED
from fault_driver import Order
from fault_fakes import FILLER
from search_fakes import read_log, search_without_ray

from algr.engine.checkpoint import load_tensors
from algr.tune import read_records

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs the right to mount a small file system: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize(
    "bytes_left",
    [pytest.param(512 * 1024, id="half-a-checkpoint"), pytest.param(0, id="nothing")],
)
def test_a_full_disk_stops_the_search_which_then_goes_on_as_if_undisturbed(
    tmp_path, disk, drivers, bytes_left
):
    study, log = disk / "s", tmp_path / "log"
    order = Order(study=str(study), log=str(log), trials=5)
    full = Order(
        study=str(study), log=str(log), trials=5, faults=[(1, 2, "full")], bytes_left=bytes_left
    )

    code, _, errors = drivers.run(full)
    left = [record.state for record in read_records(study)]
    kept = load_tensors(study / "trials" / "1" / "checkpoint.pt")
    (disk / FILLER).unlink()
    again = drivers.run(order)

    assert code == 5
    assert errors == (
        f"{study}/trials/1/checkpoint.pt cannot be written: No space left on device\n"
        "  expected: room for a checkpoint, in a folder that may be written\n"
        "  to do: make room there, then repeat the command with --resume; the checkpoint before "
        "this one is whole"
    )
    assert left == ["COMPLETE", "RUNNING"]
    assert len(kept["values"]) == 2
    assert again == FINISHED
    assert read_records(study) == search_without_ray(tmp_path / "alone", trials=5)
    begun = Counter(entry[:2] for entry in read_log(log))
    assert {key: times for key, times in begun.items() if times > 1} == {(1, 2): 2}
    drivers.check_nothing_left(study)
