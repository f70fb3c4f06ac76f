"""Drivers in processes of their own, whose every descendant can be found."""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from fault_driver import Order
from processes import DEADLINE_S, wait_until
from step_driver import StepOrder

from algr.tune import HEADLINE, Objective, best_of, read_records

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


class Ended(NamedTuple):
    """What a driver that ended has said."""

    code: int
    output: str
    errors: str


FINISHED = Ended(0, '{"placement_groups": 0}', "")
"""A search that did all of its trials, with nothing left in Ray."""


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

    def run(self, order: Order | StepOrder, *, seconds: float = 2 * DEADLINE_S) -> Ended:
        """Run one to its end, and to that of all its descendants."""
        return self.finish(self.start(order), seconds=seconds)

    def finish(self, driver: subprocess.Popen[str], *, seconds: float = 2 * DEADLINE_S) -> Ended:
        """Wait for the end of one, and of all its descendants."""
        output, errors = driver.communicate(timeout=seconds)
        self.wait_for_nobody()
        return Ended(driver.returncode, output, errors)

    def kill(self, driver: subprocess.Popen[str]) -> int:
        """Kill one, and wait until nobody trains or writes for it; its exit code."""
        os.kill(driver.pid, signal.SIGKILL)
        driver.communicate()
        self.wait_for_workers()
        return driver.returncode

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

    def check_nothing_left(self, study: Path, *, objective: Objective = HEADLINE) -> None:
        """Nothing is left of a finished study but its best checkpoint."""
        best = best_of(read_records(study), objective)
        assert best is not None
        assert files_of(study) == [
            "environment.json",
            "lock",
            "numerics.json",
            "study.journal",
            "study.json",
            f"trials/{best.number}/checkpoint.pt",
        ]
        assert [path.name for path in (study / "trials").iterdir()] == [str(best.number)]
        assert self.left() == []

    def ask_for_token(self, file: Path) -> None:
        """From here on nodes and drivers have the token of a cluster, kept in this file."""
        file.write_text(secrets.token_hex(32))
        self.more_environment |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}
