"""Processes, what they started, and waiting for what they do."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
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


@contextlib.contextmanager
def second_node_of_cluster(more_environment: Mapping[str, str]) -> Iterator[subprocess.Popen]:
    """A node of one CPU that joins the cluster of all tests, and leaves it afterwards."""
    import ray

    address = ray.get_runtime_context().gcs_address
    options = ["--num-cpus", "1", "--block", "--disable-usage-stats"]
    words = ["start", "--address", address, *options]
    node = subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | more_environment,
    )
    wait_until(lambda: ray.cluster_resources()["CPU"] == 3)
    yield node
    kill_all([node.pid])
    node.wait()
    wait_until(lambda: ray.cluster_resources()["CPU"] == 2)
