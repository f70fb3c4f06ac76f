"""The folds of one configuration as one Ray Train run."""

import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algr.cv import EpochListener, FoldsJob
from algr.distributed.mailbox import (
    EpochMessage,
    FailureMessage,
    HelloMessage,
    ProgressMessage,
    start_mailbox,
)
from algr.distributed.mesh import Seat, default_workers, seats, worker_share
from algr.distributed.results import take_results
from algr.distributed.session import Devices, cluster_devices
from algr.distributed.survivors import devices_to_share
from algr.engine import FoldEpoch, FoldResult, ProgressListener, unheard
from algr.errors import AlgrError, ClusterError, Interrupted

if TYPE_CHECKING:
    from ray.actor import ActorHandle

_MAX_RESTARTS = 3
_POLL_S = 0.5
_LAST_WORDS_S = 10.0


class RayTrainExecutor:
    """Runs the folds of a job on the workers of a Ray cluster, within `ray_session`.

    The numbers do not depend on the number of workers, as long as a fold has one of them.

    Args:
        workers: How many; by default one per fold, as far as there are GPUs or CPUs. Twice, three
            times … as many as folds share the batches of each fold.
    """

    def __init__(self, *, workers: int | None = None) -> None:
        self._workers = workers

    def execute(
        self,
        job: FoldsJob,
        *,
        on_epoch: EpochListener,
        on_progress: ProgressListener = unheard,
    ) -> tuple[FoldResult, ...]:
        """Train and score every fold of the job; see `FoldsExecutor`.

        Raises:
            UsageError: The workers cannot be shared out over the folds.
            ClusterError: Workers died too often.
            Interrupted: The user stopped it; running the job again goes on.
        """
        devices = cluster_devices()
        workers = self._workers or default_workers(len(job.folds), devices)
        seated = seats(job.folds, workers=workers)
        relay = EpochRelay(job.folds, on_epoch, on_progress)
        for _ in range(1 + _MAX_RESTARTS):
            death = _run_once(job, seated, devices, relay)
            if death is None:
                return take_results(job)
            devices = devices_to_share(devices)
        raise ClusterError(
            f"the workers of {job.run_directory.name} died {1 + _MAX_RESTARTS} times: {death}",
            expected="processes that live as long as the training",
            advice=f"memory may be short: lower train.batch_size ({job.config.train.batch_size}) "
            "or --workers, then repeat with --resume",
        )


class EpochRelay:
    """Puts the folds of an epoch together and tells them once, in order, whoever sent them.

    Progress within an epoch is passed on as it comes.
    """

    def __init__(
        self,
        folds: tuple[int, ...],
        on_epoch: EpochListener,
        on_progress: ProgressListener = unheard,
    ) -> None:
        self._folds, self._on_epoch, self.on_progress = folds, on_epoch, on_progress
        self._waiting: dict[int, dict[int, FoldEpoch]] = {}
        self._next = 0

    def add(self, entries: tuple[FoldEpoch, ...]) -> None:
        """Some folds of an epoch are done; an epoch that was told already is left out."""
        for entry in entries:
            if entry.epoch >= self._next:
                self._waiting.setdefault(entry.epoch, {})[entry.fold] = entry
        while len(row := self._waiting.get(self._next, {})) == len(self._folds):
            self._on_epoch(tuple(row[fold] for fold in self._folds))
            del self._waiting[self._next]
            self._next += 1


class _Fit(threading.Thread):
    """`trainer.fit()`, which blocks, beside the thread that listens."""

    def __init__(self, trainer: Any) -> None:
        super().__init__(name="algr-train", daemon=True)
        self._trainer = trainer
        self.error: Exception | None = None

    def run(self) -> None:
        """Wait for the end of the training."""
        try:
            self._trainer.fit()
        except Exception as error:  # noqa: BLE001 - judged in the main thread
            self.error = error


@dataclass
class _Heard:
    """What the workers of a run have said besides epochs."""

    workers: list["ActorHandle[Any]"] = field(default_factory=list)
    failures: list[FailureMessage] = field(default_factory=list)


def _run_once(
    job: FoldsJob, seated: tuple[Seat, ...], devices: Devices, relay: EpochRelay
) -> str | None:
    """One Ray Train run.

    Returns:
        None if it finished, or why a process died.

    Raises:
        AlgrError: What a worker raised, as it was.
        Exception: A defect that a worker met, with the worker's traceback as its note.
    """
    from ray.exceptions import OutOfMemoryError, RayActorError
    from ray.train import TrainingFailedError

    deaths = (RayActorError, OutOfMemoryError)
    mailbox = start_mailbox()
    with _scratch_folder(job.run_directory) as scratch:
        fit = _Fit(_trainer(job, seated, devices, mailbox, scratch))
        heard = _Heard()
        fit.start()
        try:
            _listen(fit, mailbox, relay, heard)
        except KeyboardInterrupt:
            raise Interrupted(
                f"{job.run_directory.name} stopped; its finished epochs are kept",
                advice=f"go on with the same command and --resume --name {job.run_directory.name}",
            ) from None
        except deaths as error:  # of the mailbox, as when a node's memory is short
            return _last_line(error)
        finally:
            _end(fit, heard.workers)
    if heard.failures:
        raise _most_telling(heard.failures)
    if fit.error is None:
        return None
    if not isinstance(fit.error, (TrainingFailedError, *deaths)):
        raise fit.error
    return _last_line(fit.error)


def _listen(fit: _Fit, mailbox: "ActorHandle[Any]", relay: EpochRelay, heard: _Heard) -> None:
    """Pass on what the workers say until the training ends."""
    import ray

    is_over = False
    while not is_over:
        is_over = not fit.is_alive()
        for message in ray.get(mailbox.take.remote(0 if is_over else _POLL_S)):
            match message:
                case HelloMessage():
                    heard.workers.append(message.actor)
                case EpochMessage():
                    relay.add(message.entries)
                case ProgressMessage():
                    relay.on_progress(message.progress)
                case FailureMessage():
                    heard.failures.append(message)


def _end(fit: _Fit, workers: list["ActorHandle[Any]"]) -> None:
    """Leave no training behind when the driver stops listening before its end."""
    import ray

    if not fit.is_alive():
        return
    for worker in workers:
        ray.kill(worker)
    fit.join(_LAST_WORDS_S)


def _trainer(
    job: FoldsJob,
    seated: tuple[Seat, ...],
    devices: Devices,
    mailbox: "ActorHandle[Any]",
    scratch: Path,
) -> Any:
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.torch import TorchConfig, TorchTrainer

    from algr.distributed.worker import Order, work

    share = worker_share(len(seated), threads=job.config.train.threads_per_fold, devices=devices)
    resources = {"CPU": share.cpus} | ({"GPU": share.gpus} if share.gpus else {})
    return TorchTrainer(
        work,
        train_loop_config={"order": Order(job, seated), "mailbox": mailbox},
        torch_config=TorchConfig(backend=share.backend),
        scaling_config=ScalingConfig(
            num_workers=len(seated),
            use_gpu=share.gpus > 0,
            resources_per_worker=resources,
            placement_strategy="PACK",
        ),
        run_config=RunConfig(
            name="folds", storage_path=str(scratch), failure_config=FailureConfig(max_failures=0)
        ),
    )


def _most_telling(failures: list[FailureMessage]) -> Exception:
    """What the user can mend, else the first defect."""
    for failure in sorted(failures, key=lambda failure: failure.rank):
        if isinstance(failure.error, AlgrError):
            return failure.error
    first = failures[0]
    first.error.add_note(f"in the worker of rank {first.rank}:\n{first.trace}")
    return first.error


def _last_line(error: Exception) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__


@contextmanager
def _scratch_folder(run_directory: Path) -> Iterator[Path]:
    """A folder for what Train writes and nobody reads; a dead process's leftovers go first."""
    parent = run_directory / "train"
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir(parents=True)
    try:
        yield Path(tempfile.mkdtemp(dir=parent))
    finally:
        shutil.rmtree(parent, ignore_errors=True)
