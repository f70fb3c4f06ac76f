"""The folds of one configuration as one Ray Train run."""

from collections.abc import Sequence

from algr.config import Config
from algr.cv import EpochListener, FoldsJob, Numerics
from algr.distributed.mailbox import EpochMessage, ProgressMessage, start_mailbox
from algr.distributed.mesh import Seat, default_workers, seats, worker_share
from algr.distributed.numerics import worker_numerics
from algr.distributed.results import take_results
from algr.distributed.session import Devices, cluster_devices
from algr.distributed.survivors import devices_to_share
from algr.engine import FoldEpoch, FoldResult, ProgressListener, unheard
from algr.errors import ClusterError, Interrupted

MAX_RESTARTS = 3
"""Of workers that died: those of a cross-validation, or of one trial."""


class RayTrainExecutor:
    """Runs the folds of a job on the workers of a Ray cluster, within `ray_session`.

    The numbers do not depend on the number of workers, as long as a fold has one of them.

    Args:
        workers: How many; by default one per fold, as far as there are GPUs or CPUs. Twice, three
            times … as many as folds share the batches of each fold.
    """

    def __init__(self, *, workers: int | None = None) -> None:
        self._workers = workers

    def numerics(self, config: Config, folds: Sequence[int]) -> Numerics:
        """How the workers would make the numbers of a job; see `FoldsExecutor`.

        Workers that die leave this as it is: those who start again sit as those before them did.
        """
        devices = cluster_devices()
        workers = self._workers or default_workers(len(folds), devices)
        replicas = len(seats(folds, workers=workers)[0].replicas)
        return worker_numerics(config, replicas=replicas, with_gpu=devices.gpus > 0)

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
        for _ in range(1 + MAX_RESTARTS):
            death = _run_once(job, seated, devices, relay)
            if death is None:
                return take_results(job)
            devices = devices_to_share(devices)
        raise ClusterError(
            f"the workers of {job.run_directory.name} died {1 + MAX_RESTARTS} times: {death}",
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
    from algr.distributed.guard import draw_ticket
    from algr.distributed.train_run import TrainRun, deaths, last_line
    from algr.distributed.worker import Order

    training = TrainRun(
        Order(job, seated),
        share=worker_share(len(seated), threads=job.config.train.threads_per_fold, devices=devices),
        mailbox=start_mailbox(),
        scratch=job.run_directory / "train",
        ticket=draw_ticket(),
    )
    try:
        with training as run:
            for message in run.news():
                if isinstance(message, EpochMessage):
                    relay.add(message.entries)
                elif isinstance(message, ProgressMessage):
                    relay.on_progress(message.progress)
    except KeyboardInterrupt:
        raise Interrupted(
            f"{job.run_directory.name} stopped; its finished epochs are kept",
            advice=f"go on with the same command and --resume --name {job.run_directory.name}",
        ) from None
    except deaths() as error:  # of the mailbox, as when a node's memory is short
        return last_line(error)
    return training.verdict()
