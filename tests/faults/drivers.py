"""Drivers in processes of their own, whose every descendant can be found."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from fault_driver import Order
from processes import DEADLINE_S, wait_until
from step_driver import StepOrder

HERE = Path(__file__).parent
FAKES = HERE.parent / "distributed"
MARK = "ALGR_FAULT_TEST"
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


def files_of(study: Path) -> list[str]:
    return sorted(str(path.relative_to(study)) for path in study.rglob("*") if path.is_file())


def _here(*words: str) -> list[str]:
    return list(words)


class Drivers:
    """Starts drivers, one after the other, and finds what they left."""

    def __init__(self, folder: Path) -> None:
        self.mark = str(folder)
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.more_environment: dict[str, str] = {}
        self._started: list[subprocess.Popen[str]] = []

    def start(
        self, order: Order | StepOrder, *, on: Callable[..., list[str]] = _here
    ) -> subprocess.Popen[str]:
        """Start one, in its own process group."""
        driver = subprocess.Popen(
            on(sys.executable, str(HERE / order.script), order.to_json()),
            env={**os.environ, **self.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(driver)
        return driver

    def environment(self) -> dict[str, str]:
        """What a driver has in it, and a node that runs its workers."""
        return {
            "PYTHONPATH": os.pathsep.join([str(HERE), str(FAKES), *sys.path[1:]]),
            MARK: self.mark,
            "TMPDIR": str(self.temporary),
            "RAY_TMPDIR": "/tmp",  # the path of Ray's sockets has to be short
            **self.more_environment,
        }

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
