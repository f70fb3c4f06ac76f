"""Messages from the workers of a run to its driver, in the order in which each worker sent them.

A worker's metrics go this way because Ray Train hands them to a controller in another process.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from algr.engine import FoldEpoch, FoldProgress

if TYPE_CHECKING:
    from ray.actor import ActorHandle


@dataclass(frozen=True)
class HelloMessage:
    """A worker has begun."""

    actor: "ActorHandle[Any]"
    """By which the driver can end it."""


@dataclass(frozen=True)
class EpochMessage:
    """The folds of one worker after one epoch."""

    entries: tuple[FoldEpoch, ...]


@dataclass(frozen=True)
class ProgressMessage:
    """How far a fold of a worker is within an epoch."""

    progress: FoldProgress


@dataclass(frozen=True)
class FailureMessage:
    """Why a worker gave up."""

    rank: int
    error: Exception
    trace: str


Message = HelloMessage | EpochMessage | ProgressMessage | FailureMessage


class Mailbox:
    """An actor that keeps messages until the driver takes them."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue()

    async def put(self, message: Message) -> None:
        """Leave a message."""
        await self._queue.put(message)

    async def take(self, timeout_s: float) -> list[Message]:
        """All messages; waits for the first one."""
        found: list[Message] = []
        with contextlib.suppress(TimeoutError):
            found.append(await asyncio.wait_for(self._queue.get(), timeout_s))
        while not self._queue.empty():
            found.append(self._queue.get_nowait())
        return found


def start_mailbox() -> "ActorHandle[Any]":
    """A mailbox that lives as long as the driver holds it, on the driver's node.

    So the death of another node does not take it away.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(Mailbox).remote()
