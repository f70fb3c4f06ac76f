"""Waiting for what other processes do."""

import time
from collections.abc import Callable

DEADLINE_S = 180


def wait_until(condition: Callable[[], object], *, seconds: float = DEADLINE_S) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it did not come to that")
        time.sleep(0.05)
