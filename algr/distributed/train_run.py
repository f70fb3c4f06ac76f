"""One Ray Train run under way: started, listened to, and ended whatever happens."""

import contextlib
import shutil
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from algr.distributed.guard import Announcement, end_runs
from algr.distributed.mailbox import (
    CostsMessage,
    EpochMessage,
    FailureMessage,
    Mail,
    ProgressMessage,
)
from algr.distributed.mesh import Share
from algr.distributed.worker import Order, work
from algr.errors import AlgrError

if TYPE_CHECKING:
    from ray.actor import ActorHandle

_POLL_S = 0.5
_LAST_WORDS_S = 10.0

News = EpochMessage | ProgressMessage | CostsMessage


class TrainRun:
    """The training of an order, as a context: its end gives back all that it holds.

    Args:
        order: What the workers do.
        share: What each of them asks of the cluster.
        mailbox: Where they write to.
        scratch: A folder of the run's own for what Train writes and nobody reads.
        ticket: By which its placement group is found; see `guard`.
        owner: Whose run it is, in the mailbox.
    """

    def __init__(
        self,
        order: Order,
        *,
        share: Share,
        mailbox: "ActorHandle[Any]",
        scratch: Path,
        ticket: int,
        owner: int = 0,
    ) -> None:
        self._order, self._share, self._scratch = order, share, scratch
        self._mailbox, self._ticket, self._owner = mailbox, ticket, owner
        self._mail = Mail(mailbox, uuid.uuid4().hex)
        self._failures: list[FailureMessage] = []
        self._thread = threading.Thread(target=self._fit, name="algr-train", daemon=True)
        self._error: Exception | None = None
        self._opened = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Start."""
        if not self._mail.open(self._owner):
            raise RuntimeError("nobody listens to runs any more")
        folder = self._opened.enter_context(_scratch_folder(self._scratch))
        self._trainer = self._make_trainer(folder)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave no process and no placement group behind."""
        import ray
        from ray.exceptions import RayError

        with self._opened:
            controllers = []
            with contextlib.suppress(RayError):  # the mailbox itself may be what died
                controllers = ray.get(self._mailbox.close.remote(self._owner))
            end_runs(controllers if self._thread.is_alive() else [], tickets=(self._ticket,))
            self._thread.join(_LAST_WORDS_S)

    def allow(self, epochs: int) -> None:
        """Let the workers of a paced order begin so many epochs in all."""
        self._mail.allow(epochs)

    def news(self) -> Iterator[News]:
        """What the workers tell, until the training ends."""
        is_over = False
        while not is_over:
            is_over = not self._thread.is_alive()
            for message in self._mail.take(0 if is_over else _POLL_S):
                if isinstance(message, FailureMessage):
                    self._failures.append(message)
                else:
                    yield message

    def verdict(self) -> str | None:
        """How the training ended.

        Returns:
            None if it finished, or why a process died.

        Raises:
            AlgrError: What a worker raised, as it was.
            Exception: A defect that a worker met, with the worker's traceback as its note.
        """
        from ray.train import TrainingFailedError

        if self._failures:
            raise _most_telling(self._failures)
        if self._error is None:
            return None
        if not isinstance(self._error, (TrainingFailedError, *deaths())):
            raise self._error
        return last_line(self._error)

    def _fit(self) -> None:
        """`trainer.fit()`, which blocks, beside the thread that listens."""
        try:
            self._trainer.fit()
        except Exception as error:  # noqa: BLE001 - judged by `verdict`
            self._error = error

    def _make_trainer(self, folder: Path) -> Any:
        from ray.train import FailureConfig, RunConfig, ScalingConfig
        from ray.train.torch import TorchConfig

        from algr.distributed.lean_trainer import LeanTrainer

        share = self._share
        resources = {"CPU": share.cpus, "memory": self._ticket}
        return LeanTrainer(
            work,
            train_loop_config={"order": self._order, "mail": self._mail},
            torch_config=TorchConfig(backend=share.backend),
            scaling_config=ScalingConfig(
                num_workers=len(self._order.seats),
                use_gpu=share.gpus > 0,
                resources_per_worker=resources | ({"GPU": share.gpus} if share.gpus else {}),
                placement_strategy="PACK",
            ),
            run_config=RunConfig(
                name="folds",
                storage_path=str(folder),
                failure_config=FailureConfig(max_failures=0),
                callbacks=[Announcement(self._mail)],
            ),
        )


def deaths() -> tuple[type[Exception], ...]:
    """What Ray raises for a process that is gone."""
    from ray.exceptions import OutOfMemoryError, RayActorError

    return (RayActorError, OutOfMemoryError)


def last_line(error: Exception) -> str:
    """What an error says, without its traceback."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


def _most_telling(failures: list[FailureMessage]) -> Exception:
    """What the user can mend, else the first defect."""
    for failure in sorted(failures, key=lambda failure: failure.rank):
        if isinstance(failure.error, AlgrError):
            return failure.error
    first = failures[0]
    first.error.add_note(f"in the worker of rank {first.rank}:\n{first.trace}")
    return first.error


@contextlib.contextmanager
def _scratch_folder(parent: Path) -> Iterator[Path]:
    """A new folder in the parent, which is the run's own; a dead process's leftovers go first."""
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(parents=True)
    try:
        yield Path(tempfile.mkdtemp(dir=parent))
    finally:
        shutil.rmtree(parent, ignore_errors=True)
