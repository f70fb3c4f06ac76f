"""Processes, what they started, and waiting for what they do."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

DEADLINE_S = 180


def below(pid: int) -> list[int]:
    """A living process and all that it started; nothing if it ended."""
    found = [pid] if Path(f"/proc/{pid}").exists() else []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += below(int(child))
    return found


def kill_all(pids: Iterable[int]) -> None:
    """As a power cut would, at once."""
    doomed = [one for pid in pids for one in below(pid)]
    for pid in doomed:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def wait_until(condition: Callable[[], object], *, seconds: float = DEADLINE_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not come to that")
        time.sleep(0.05)
