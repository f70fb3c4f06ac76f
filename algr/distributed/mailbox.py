"""Messages from the workers of a run to whoever started it, in the order in which each sent them.

A worker's metrics go this way because Ray Train hands them to a controller in another process. One
mailbox serves any number of runs; it also knows what would go on running if nobody listened.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from algr.engine import FoldEpoch, FoldProgress

if TYPE_CHECKING:
    from ray.actor import ActorHandle


@dataclass(frozen=True)
class EpochMessage:
    """The folds of one worker after one epoch."""

    entries: tuple[FoldEpoch, ...]


@dataclass(frozen=True)
class ProgressMessage:
    """How far a fold of a worker is within an epoch."""

    progress: FoldProgress


@dataclass(frozen=True)
class CostsMessage:
    """What the network of a trial costs; sent before the last epoch."""

    costs: Mapping[str, float]


@dataclass(frozen=True)
class FailureMessage:
    """Why a worker gave up."""

    rank: int
    error: Exception
    trace: str


Message = EpochMessage | ProgressMessage | CostsMessage | FailureMessage


@dataclass
class _Line:
    """What belongs to one run."""

    owner: int
    queue: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    controllers: list["ActorHandle[Any]"] = field(default_factory=list)
    epochs_allowed: int = 0
    moved: asyncio.Condition = field(default_factory=asyncio.Condition)


class Mailbox:
    """An actor that keeps messages until they are taken. A run that was closed is not heard."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._is_shut = False

    async def open(self, run: str, owner: int) -> bool:
        """Begin to listen to a run; false if no run may begin any more."""
        if not self._is_shut:
            self._lines[run] = _Line(owner)
        return not self._is_shut

    async def announce(self, run: str, controller: "ActorHandle[Any]") -> bool:
        """Note what directs a run; false if it is not wanted any more."""
        if run in self._lines:
            self._lines[run].controllers.append(controller)
        return run in self._lines

    async def put(self, run: str, message: Message) -> None:
        """Leave a message."""
        if run in self._lines:
            await self._lines[run].queue.put(message)

    async def take(self, run: str, timeout_s: float) -> list[Message]:
        """All messages of a run; waits for the first one."""
        found: list[Message] = []
        if run not in self._lines:
            return found
        queue = self._lines[run].queue
        with contextlib.suppress(TimeoutError):
            found.append(await asyncio.wait_for(queue.get(), timeout_s))
        while not queue.empty():
            found.append(queue.get_nowait())
        return found

    async def allow(self, run: str, epochs: int) -> None:
        """Let the workers of a run begin so many epochs in all."""
        if run in self._lines:
            line = self._lines[run]
            async with line.moved:
                line.epochs_allowed = max(line.epochs_allowed, epochs)
                line.moved.notify_all()

    async def wait_for_turn(self, run: str, epoch: int) -> None:
        """Return when the epoch may begin; at once where nobody listens any more."""
        if run in self._lines:
            line = self._lines[run]
            async with line.moved:
                await line.moved.wait_for(lambda: line.epochs_allowed > epoch)

    async def close(self, owner: int) -> list["ActorHandle[Any]"]:
        """Listen no more to the runs of an owner; what directed them."""
        return self._close(lambda line: line.owner == owner)

    async def shut(self) -> list["ActorHandle[Any]"]:
        """Let no run begin any more, and close all."""
        self._is_shut = True
        return self._close(lambda _: True)

    def _close(self, is_meant: Callable[[_Line], bool]) -> list["ActorHandle[Any]"]:
        closed = [run for run, line in self._lines.items() if is_meant(line)]
        return [one for run in closed for one in self._lines.pop(run).controllers]


@dataclass(frozen=True)
class Mail:
    """One run's part of a mailbox, for those who write to it and for the one who reads it."""

    mailbox: "ActorHandle[Any]"
    run: str

    def send(self, message: Message) -> None:
        """Leave a message."""
        self._call("put", message)

    def take(self, timeout_s: float) -> list[Message]:
        """All messages; waits for the first one."""
        found: list[Message] = self._call("take", timeout_s)
        return found

    def allow(self, epochs: int) -> None:
        """Let the workers begin so many epochs in all."""
        self._call("allow", epochs)

    def wait_for_turn(self, epoch: int) -> None:
        """Return when the epoch may begin."""
        self._call("wait_for_turn", epoch)

    def open(self, owner: int) -> bool:
        """Begin to listen; false if no run may begin any more."""
        return bool(self._call("open", owner))

    def announce(self, controller: "ActorHandle[Any]") -> bool:
        """Note what directs the run; false if the run is not wanted any more."""
        return bool(self._call("announce", controller))

    def _call(self, method: str, *arguments: Any) -> Any:
        import ray

        return ray.get(getattr(self.mailbox, method).remote(self.run, *arguments))


def start_mailbox() -> "ActorHandle[Any]":
    """A mailbox that lives as long as the process that started it holds it, on that one's node.

    So the death of another node does not take it away.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(num_cpus=0, scheduling_strategy=here)(Mailbox).remote()
