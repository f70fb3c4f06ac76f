"""What each worker of a Ray Train run does: its folds, epoch by epoch, into one checkpoint."""

import time
import traceback
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import ray
import torch
import torch.distributed as dist
from ray import train
from ray.train.torch import get_device

from algr.cv import CHECKPOINT_FILE, MODEL_FILE, FoldsJob, open_job_dataset
from algr.distributed.mailbox import (
    CostsMessage,
    EpochMessage,
    FailureMessage,
    Mail,
    ProgressMessage,
)
from algr.distributed.mesh import Seat
from algr.distributed.results import write_result
from algr.distributed.runner import network_costs
from algr.engine import (
    Checkpoint,
    Collectives,
    FoldEpoch,
    FoldProgress,
    FoldsRun,
    ProgressListener,
    TorchCollectives,
    export_weights,
    load_checkpoint,
    merge_checkpoints,
    save_checkpoint,
    unheard,
)
from algr.errors import AlgrError

_SECONDS_BETWEEN_NEWS = 2.0
_PATIENCE = timedelta(days=7)
"""For workers with more folds than others have; one that dies is noticed at once."""
_PEER_GONE = ("gloo", "NCCL", "Connection closed by peer", "Connection reset by peer")


class SeatRun(Protocol):
    """The folds of one worker, epoch by epoch; the engine's `FoldsRun` is one."""

    @property
    def is_finished(self) -> bool:
        """Whether `step` has returned the last epoch."""

    def step(self) -> tuple[FoldEpoch, ...]:
        """The next epoch of each fold, recorded or trained now."""

    def snapshot(self) -> Checkpoint:
        """Everything needed to go on."""

    def resume(self, checkpoint: Checkpoint) -> None:
        """Go on from what all workers of a run had."""


class SeatRunFactory(Protocol):
    """Makes the run of one worker, there. Travels by pickle."""

    def __call__(
        self,
        job: FoldsJob,
        seat: Seat,
        *,
        device: torch.device,
        collectives: Collectives | None,
        on_progress: ProgressListener,
    ) -> SeatRun:
        """The run, at its first epoch."""


def open_seat_run(
    job: FoldsJob,
    seat: Seat,
    *,
    device: torch.device,
    collectives: Collectives | None,
    on_progress: ProgressListener,
) -> FoldsRun:
    """The engine's run of the folds of one seat."""
    return FoldsRun(
        config=job.config,
        dataset=open_job_dataset(job),
        plan=job.plan,
        folds=seat.folds,
        device=device,
        collectives_of_fold=dict.fromkeys(seat.folds, collectives) if collectives else None,
        identity=job.identity,
        start_file=job.start_file,
        on_progress=on_progress,
    )


@dataclass(frozen=True)
class Order:
    """What all workers of a run are told."""

    job: FoldsJob
    seats: tuple[Seat, ...]
    """By rank."""
    is_trial: bool = False
    """Each epoch waits for its turn, and no test subject is scored at the end."""
    costs: tuple[str, ...] = ()
    """Of the network of a trial: what is measured before the last epoch is told."""
    open_run: SeatRunFactory = open_seat_run


def work(config: dict[str, Any]) -> None:
    """The training function of the run; errors are sent to its listener as what they are."""
    order: Order = config["order"]
    mail: Mail = config["mail"]
    rank = train.get_context().get_world_rank()
    try:
        _train_seat(order, rank=rank, mail=mail)
    except AlgrError as error:
        mail.send(FailureMessage(rank, error, ""))
        raise
    except Exception as error:
        if not _is_peer_gone(error):
            mail.send(FailureMessage(rank, portable(error), traceback.format_exc()))
        raise


class _News:
    """Sends progress now and then."""

    def __init__(self, mail: Mail) -> None:
        self._mail, self._sent_at = mail, time.monotonic()

    def __call__(self, progress: FoldProgress) -> None:
        if time.monotonic() - self._sent_at >= _SECONDS_BETWEEN_NEWS:
            self._mail.send(ProgressMessage(progress))
            self._sent_at = time.monotonic()


def portable(error: Exception) -> Exception:
    """The error, or one that says the same where it cannot travel."""
    try:
        ray.cloudpickle.loads(ray.cloudpickle.dumps(error))
    except Exception:  # noqa: BLE001 - pickling runs code of any class
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _train_seat(order: Order, *, rank: int, mail: Mail) -> None:
    job, seat = order.job, order.seats[rank]
    leads = seat.replicas[0] == rank
    device = get_device()
    collectives = _collectives(order, rank=rank, device=device)
    hosts = dist.new_group(backend="gloo", timeout=_PATIENCE)
    run = order.open_run(
        job,
        seat,
        device=device,
        collectives=collectives,
        on_progress=_News(mail) if leads and not order.is_trial else unheard,
    )
    file = job.run_directory / CHECKPOINT_FILE
    recorded = 0
    if file.exists():
        checkpoint = load_checkpoint(file, identity=job.identity)
        recorded = checkpoint.epoch
        run.resume(checkpoint)
    dist.barrier(group=hosts)  # nobody writes the file while another one reads it
    epoch = 0
    while not run.is_finished:
        if order.is_trial:
            mail.wait_for_turn(epoch)
        entries = run.step()
        epoch = entries[0].epoch + 1
        if epoch > recorded:
            _save_together(run.snapshot() if leads else None, file, group=hosts)
        if rank == 0 and order.costs and epoch == job.config.train.num_epochs:
            mail.send(CostsMessage(_costs(run, order, device=device)))
        if leads:
            mail.send(EpochMessage(entries))
    if not order.is_trial:
        _score(run, job, leads=leads)


def _score(run: SeatRun, job: FoldsJob, *, leads: bool) -> None:
    """Score the test subjects, and leave what the job asks for."""
    assert isinstance(run, FoldsRun), "only the engine scores"
    results = run.results()
    if not leads:
        return
    for result in results:
        write_result(job, result)
    if job.export_model:
        export_weights(job.run_directory / MODEL_FILE, run.trainer(job.folds[0]).final_model())


def _costs(run: SeatRun, order: Order, *, device: torch.device) -> dict[str, float]:
    assert isinstance(run, FoldsRun), "only the engine has a network"
    model = run.trainer(order.seats[0].folds[0]).final_model()
    return network_costs(model, order.job.config, names=order.costs, device=device)


def _collectives(order: Order, *, rank: int, device: torch.device) -> Collectives | None:
    """The replicas of this worker's fold. Every rank makes every group, as torch demands."""
    mine = None
    for replicas in dict.fromkeys(seat.replicas for seat in order.seats):
        if len(replicas) > 1:
            group = dist.new_group(list(replicas))
            if rank in replicas:
                mine = TorchCollectives(group, device=device)
    return mine


def _save_together(part: Checkpoint | None, file: Path, *, group: dist.ProcessGroup) -> None:
    """Write one checkpoint with the folds of all workers; rank 0 does."""
    is_writer = dist.get_rank() == 0
    parts: list[Checkpoint | None] | None = [None] * dist.get_world_size() if is_writer else None
    dist.gather_object(part, parts, dst=0, group=group)
    if parts is not None:
        save_checkpoint(file, merge_checkpoints([one for one in parts if one is not None]))


def _is_peer_gone(error: Exception) -> bool:
    """Whether the worker failed because another one did.

    When one dies, Ray takes the process group away from the others while they train.
    """
    return (
        isinstance(error, dist.DistError)
        or (isinstance(error, RuntimeError) and any(word in str(error) for word in _PEER_GONE))
        or not dist.is_initialized()
    )
