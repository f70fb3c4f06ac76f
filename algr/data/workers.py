"""Processes that decode videos side by side, and what they tell the one that waits."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait as wait_for_sentinels
from typing import Any, TypeVar

from algr.data.jobs import Control
from algr.data.refusal import BrokenOffError

T = TypeVar("T")
R = TypeVar("R")
_POLL_S = 0.5


@dataclass(frozen=True)
class _SharedControl:
    """A counter and a flag in shared memory."""

    counter: Any
    stop: Any

    def count_frame(self) -> None:
        with self.counter.get_lock():
            self.counter.value += 1

    def is_stopped(self) -> bool:
        return bool(self.stop.is_set())


_control: Control | None = None
"""Of a worker process; set when it starts."""


def _begin(counter: Any, stop: Any) -> None:
    global _control  # noqa: PLW0603 - a worker process has one
    _control = _SharedControl(counter, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the waiting process decides
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait_for_sentinels([parent.sentinel])
        os._exit(1)


def _call(work: Callable[[T, Control], R], item: T) -> R:
    if _control is None:
        raise RuntimeError("not a worker process")
    return work(item, _control)


class _LocalControl:
    """For work in this process: Ctrl-C ends it, and each frame may be reported."""

    def __init__(self, tick: Callable[[int], None]) -> None:
        self._tick = tick
        self._frames = 0

    def count_frame(self) -> None:
        self._frames += 1
        self._tick(self._frames)

    def is_stopped(self) -> bool:
        return False


def work_through(
    work: Callable[[T, Control], R],
    items: list[T],
    *,
    jobs: int,
    tick: Callable[[int], None],
) -> Generator[tuple[int, R], None, None]:
    """Call `work` on each item, in several processes when `jobs` is above 1.

    Args:
        work: A function of a module, so that it can be sent to a process.
        items: Are sent to the processes too.
        jobs: How many processes.
        tick: Told the number of frames that were counted so far, now and then.

    Yields:
        Position of the item and result, in the order in which they finish.

    Raises:
        DataError: A process died.
    """
    if jobs <= 1 or len(items) <= 1:
        control = _LocalControl(tick)
        for position, item in enumerate(items):
            yield position, work(item, control)
        return
    context = multiprocessing.get_context("spawn")
    counter, stop = context.Value("q", 0), context.Event()
    pool = ProcessPoolExecutor(
        max_workers=min(jobs, len(items)),
        mp_context=context,
        initializer=_begin,
        initargs=(counter, stop),
    )
    try:
        position_of: dict[Future[R], int] = {
            pool.submit(_call, work, item): position for position, item in enumerate(items)
        }
        waiting = set(position_of)
        while waiting:
            done, waiting = wait(waiting, timeout=_POLL_S, return_when=FIRST_COMPLETED)
            tick(counter.value)
            for future in done:
                yield position_of[future], future.result()
    except BrokenProcessPool as error:
        raise BrokenOffError(
            "a process that decodes videos was ended from outside",
            expected="enough memory for all of them",
            advice="run the same command again with fewer --jobs; finished videos are kept",
        ) from error
    finally:
        stop.set()
        pool.shutdown(wait=True, cancel_futures=True)
