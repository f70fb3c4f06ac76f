"""What each worker of a Ray Train run does: its folds, epoch by epoch, into one checkpoint."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import ray
import torch
import torch.distributed as dist
from ray import train
from ray.train.torch import get_device

from algr.cv import CHECKPOINT_FILE, MODEL_FILE, FoldsJob, open_job_dataset
from algr.distributed.mailbox import (
    EpochMessage,
    FailureMessage,
    HelloMessage,
    Message,
    ProgressMessage,
)
from algr.distributed.mesh import Seat
from algr.distributed.results import write_result
from algr.engine import (
    Checkpoint,
    Collectives,
    FoldProgress,
    FoldsRun,
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


@dataclass(frozen=True)
class Order:
    """What all workers of a run are told."""

    job: FoldsJob
    seats: tuple[Seat, ...]
    """By rank."""


def work(config: dict[str, Any]) -> None:
    """The training function of the run; errors are sent to the driver as what they are."""
    order: Order = config["order"]
    mailbox = config["mailbox"]
    rank = train.get_context().get_world_rank()

    def send(message: Message) -> None:
        ray.get(mailbox.put.remote(message))

    send(HelloMessage(ray.get_runtime_context().current_actor))
    try:
        _train_seat(order, rank=rank, send=send)
    except AlgrError as error:
        send(FailureMessage(rank, error, ""))
        raise
    except Exception as error:
        if not _is_peer_gone(error):
            send(FailureMessage(rank, portable(error), traceback.format_exc()))
        raise


class _News:
    """Sends progress now and then."""

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send, self._sent_at = send, time.monotonic()

    def __call__(self, progress: FoldProgress) -> None:
        if time.monotonic() - self._sent_at >= _SECONDS_BETWEEN_NEWS:
            self._send(ProgressMessage(progress))
            self._sent_at = time.monotonic()


def portable(error: Exception) -> Exception:
    """The error, or one that says the same where it cannot travel."""
    try:
        ray.cloudpickle.loads(ray.cloudpickle.dumps(error))
    except Exception:  # noqa: BLE001 - pickling runs code of any class
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


def _train_seat(order: Order, *, rank: int, send: Any) -> None:
    job, seat = order.job, order.seats[rank]
    leads = seat.replicas[0] == rank
    device = get_device()
    collectives = _collectives(order, rank=rank, device=device)
    hosts = dist.new_group(backend="gloo", timeout=_PATIENCE)
    run = FoldsRun(
        config=job.config,
        dataset=open_job_dataset(job),
        plan=job.plan,
        folds=seat.folds,
        device=device,
        collectives_of_fold=dict.fromkeys(seat.folds, collectives) if collectives else None,
        identity=job.identity,
        start_file=job.start_file,
        on_progress=_News(send) if leads else unheard,
    )
    file = job.run_directory / CHECKPOINT_FILE
    recorded = 0
    if file.exists():
        checkpoint = load_checkpoint(file, identity=job.identity)
        recorded = checkpoint.epoch
        run.resume(checkpoint)
    dist.barrier(group=hosts)  # nobody writes the file while another one reads it
    while not run.is_finished:
        entries = run.step()
        if entries[0].epoch >= recorded:
            _save_together(run.snapshot() if leads else None, file, group=hosts)
        if leads:
            send(EpochMessage(entries))
    results = run.results()
    if leads:
        for result in results:
            write_result(job, result)
        if job.export_model:
            model = run.trainer(job.folds[0]).final_model()
            export_weights(job.run_directory / MODEL_FILE, model)


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
