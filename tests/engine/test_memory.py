"""Memory: what a step frees stays with the process, and peaks are counted."""

import mmap
import platform
import subprocess
import sys

import pytest

from algr.engine.memory import forget_peak_resident, peak_resident_bytes

MEBIBYTE = 2**20
FAULTS_OF_TOUCHING_AGAIN = """
import resource
import torch
from algr.engine.memory import keep_freed_memory
assert not {keeps} or keep_freed_memory()
for _ in range(4):
    torch.ones(64 * 2**20, dtype=torch.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
torch.ones(64 * 2**20, dtype=torch.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults_of_touching_again(*, keeps: bool) -> int:
    code = FAULTS_OF_TOUCHING_AGAIN.format(keeps=keeps)
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can be told")
def test_memory_that_was_freed_is_not_cleared_again() -> None:
    assert faults_of_touching_again(keeps=True) < 100 < faults_of_touching_again(keeps=False)


@pytest.mark.skipif(platform.system() != "Linux", reason="only Linux forgets a peak")
def test_a_peak_is_counted_from_where_it_was_forgotten() -> None:
    before = forget_peak_resident()
    with mmap.mmap(-1, 64 * MEBIBYTE) as block:
        block.write(b"1" * (64 * MEBIBYTE))
        risen = peak_resident_bytes() - before

    assert 60 * MEBIBYTE < risen < 160 * MEBIBYTE
    assert forget_peak_resident() < before + risen
