"""Seconds of a step, from as many steps as take a few seconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from algr.engine.batches import Rows

_AIM_S = 4.0
"""About as long as all of it takes."""
_STEPS = range(2, 9)
"""How many steps may be timed."""


@dataclass(frozen=True)
class TimedSteps:
    """What `FoldTrainer.rehearse` has measured, seconds."""

    train_step_s: float
    score_batch_s: float


def seconds_each(work: Callable[[list[Rows]], None], batches: list[Rows]) -> float:
    """Mean seconds per batch, after one to warm up and one to learn how many can be timed."""
    work(batches[:1])
    started = time.monotonic()
    work(batches[:1])
    first = time.monotonic() - started
    wanted = min(max(int(_AIM_S / first), _STEPS.start), _STEPS.stop)
    some = batches[:wanted]
    started = time.monotonic()
    work(some)
    return (time.monotonic() - started) / len(some)
