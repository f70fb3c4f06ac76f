"""Drivers in processes of their own, whose every descendant can be found."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from fault_driver import Order
from step_driver import StepOrder

HERE = Path(__file__).parent
FAKES = HERE.parent / "distributed"
MARK = "ALGR_FAULT_TEST"
DEADLINE_S = 180
AGENTS = (b"ray::DashboardAgent", b"ray::RuntimeEnvAgent")
"""Ray's, without work of ours: they want to tell Ray's dead server of its death, for a minute."""


def descendants(mark: str, *, but: tuple[bytes, ...] = ()) -> list[int]:
    """Living processes that were started below a driver with this mark."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if f"{MARK}={mark}\0".encode() in environment and not command.startswith(but):
            found.append(int(folder.name))
    return found


def wait_until(condition: Callable[[], object], *, seconds: float = DEADLINE_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not come to that")
        time.sleep(0.05)


def files_of(study: Path) -> list[str]:
    return sorted(str(path.relative_to(study)) for path in study.rglob("*") if path.is_file())


class Drivers:
    """Starts drivers, one after the other, and finds what they left."""

    def __init__(self, folder: Path) -> None:
        self.mark = str(folder)
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self._started: list[subprocess.Popen[str]] = []

    def start(self, order: Order | StepOrder) -> subprocess.Popen[str]:
        """Start one, in its own process group."""
        path = os.pathsep.join([str(HERE), str(FAKES), *sys.path[1:]])
        driver = subprocess.Popen(
            [sys.executable, str(HERE / order.script), order.to_json()],
            env={
                **os.environ,
                "PYTHONPATH": path,
                MARK: self.mark,
                "TMPDIR": str(self.temporary),
                "RAY_TMPDIR": "/tmp",  # the path of Ray's sockets has to be short
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(driver)
        return driver

    def run(self, order: Order | StepOrder) -> tuple[int, str, str]:
        """Run one to its end: exit code, output, errors."""
        driver = self.start(order)
        output, errors = driver.communicate(timeout=2 * DEADLINE_S)
        return driver.returncode, output, errors

    def wait_for_workers(self) -> None:
        """Wait until nothing of a killed driver lives that could train or write."""
        wait_until(lambda: not descendants(self.mark, but=AGENTS), seconds=60)

    def wait_for_nobody(self) -> None:
        """Wait until no descendant lives; without a driver they end by themselves."""
        wait_until(lambda: not descendants(self.mark), seconds=100)

    def close(self) -> None:
        """End what a test that failed left running."""
        for driver in self._started:
            if driver.poll() is None:
                driver.kill()
                driver.communicate()
        self.wait_for_nobody()

    def left(self) -> list[Path]:
        """Temporary files."""
        return [path for path in self.temporary.rglob("*") if path.is_file()]
