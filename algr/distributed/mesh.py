"""Who trains what: workers as a mesh of folds and replicas."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from algr.data import FoldPlan
from algr.distributed.session import Devices
from algr.errors import ClusterError, UsageError


@dataclass(frozen=True)
class Seat:
    """The place of one worker, by its rank."""

    folds: tuple[int, ...]
    """Trained here, interleaved epoch by epoch; one if there are replicas."""
    replicas: tuple[int, ...]
    """Ranks that train these folds together; the first one saves and reports."""


@dataclass(frozen=True)
class Share:
    """What one worker asks of the cluster."""

    cpus: float
    gpus: float

    @property
    def backend(self) -> str:
        """Carrier of the collectives: NCCL refuses two ranks on one GPU."""
        return "nccl" if self.gpus == 1 else "gloo"


def seats(folds: Sequence[int], *, workers: int, option: str = "--workers") -> tuple[Seat, ...]:
    """The seat of each rank.

    Fewer workers than folds take turns; a multiple of the folds gives each fold replicas, of
    neighbouring ranks, which Ray places on one node where it can.

    Raises:
        UsageError: More workers than folds, and no multiple of them.
    """
    num_folds = len(folds)
    if workers <= num_folds:
        return tuple(Seat(tuple(folds[rank::workers]), (rank,)) for rank in range(workers))
    if workers % num_folds:
        lower = workers - workers % num_folds
        raise UsageError(
            f"{option} {workers} cannot be shared out over {num_folds} folds",
            expected=f"at most {num_folds}, or a multiple of it",
            advice=f"{option} {lower} or {option} {lower + num_folds}",
        )
    per_fold = workers // num_folds
    firsts = range(0, workers, per_fold)
    return tuple(
        Seat((fold,), tuple(range(first, first + per_fold)))
        for fold, first in zip(folds, firsts, strict=True)
        for _ in range(per_fold)
    )


def trial_seats(plan: FoldPlan, *, workers: int) -> tuple[Seat, ...]:
    """The seats of a trial's workers.

    Raises:
        UsageError: They cannot be shared out over the folds.
    """
    folds = [fold.index for fold in plan.folds]
    return seats(folds, workers=workers, option="--workers-per-trial")


def default_workers(num_folds: int, devices: Devices) -> int:
    """One worker per fold, as far as there are devices."""
    return max(1, min(num_folds, devices.count))


def worker_share(workers: int, *, threads: int, devices: Devices) -> Share:
    """What each worker asks for, such that all of them run at the same time.

    Raises:
        ClusterError: The cluster has no CPUs.
    """
    if devices.cpus < 1:
        raise ClusterError("the Ray cluster has no CPUs", expected="at least one node with a CPU")
    cpus = _fraction(workers, devices.cpus, most=threads)
    return Share(cpus=cpus, gpus=_fraction(workers, devices.gpus, most=1) if devices.gpus else 0)


def _fraction(workers: int, units: int, *, most: int) -> float:
    """Whole units where there are enough, else an even part of one."""
    return min(most, units // workers) if workers <= units else 1 / ceil(workers / units)
