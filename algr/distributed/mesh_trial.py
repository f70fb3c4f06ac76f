"""A trial of several workers: a guarded Ray Train run, told to the search one epoch at a time."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

from algr.cv import FoldsJob
from algr.data import FoldPlan
from algr.distributed.executor import MAX_RESTARTS, EpochRelay
from algr.distributed.guard import draw_ticket, end_runs
from algr.distributed.mailbox import CostsMessage, EpochMessage, start_mailbox
from algr.distributed.mesh import Seat, Share, trial_seats
from algr.distributed.runner import TrialDiedError, TrialEpoch, TrialSpec, trial_epoch
from algr.distributed.session import Devices
from algr.distributed.train_run import News, TrainRun, deaths, last_line
from algr.distributed.trainable import SPEC, is_device_lost
from algr.distributed.worker import Order, SeatRunFactory, open_seat_run
from algr.engine import FoldEpoch
from algr.errors import ClusterError, StudyError
from algr.metrics import headline
from algr.tune import VALIDATION, Objective

if TYPE_CHECKING:
    from ray.actor import ActorHandle

    from algr.distributed.search_job import SearchJob


@dataclass(frozen=True)
class MeshRunnerFactory:
    """Trains the folds of a plan on several workers per trial.

    Args:
        dataset_directory: Where the command has it.
        dataset_place: What it was named by, if by its place.
        plan: All folds.
        start_file: What `train.init_from` names, if anything.
        objectives: At least one.
        seats: Of the workers, by rank.
        share: What each worker holds.
        mailbox: Of the search.
        scratch: A folder of the search's own, which it removes at its end.
        ticket: Of the search; a trial's number is added to it.
        open_run: What a worker trains.
    """

    dataset_directory: Path
    dataset_place: str
    plan: FoldPlan
    start_file: Path | None
    objectives: tuple[Objective, ...]
    seats: tuple[Seat, ...]
    share: Share
    mailbox: "ActorHandle[Any]"
    scratch: Path
    ticket: int
    open_run: SeatRunFactory

    def __call__(self, spec: TrialSpec) -> "MeshRunner":
        """The runner of one trial."""
        return MeshRunner(self, spec)

    def run(self, spec: TrialSpec) -> TrainRun:
        """The Ray Train run of a trial, not started; it goes on from the trial's checkpoint."""
        job = FoldsJob(
            config=spec.config,
            dataset_directory=self.dataset_directory,
            dataset_place=self.dataset_place,
            plan=self.plan,
            folds=tuple(fold.index for fold in self.plan.folds),
            run_directory=spec.checkpoint.parent,
            identity=spec.identity,
            start_file=self.start_file,
        )
        costs = tuple(one.name for one in self.objectives[1:] if not one.is_score)
        order = Order(job, self.seats, is_trial=True, costs=costs, open_run=self.open_run)
        return TrainRun(
            order,
            share=self.share,
            mailbox=self.mailbox,
            scratch=self.scratch / str(spec.number),
            ticket=self.ticket + spec.number,
            owner=spec.number,
        )

    def end(self, number: int) -> None:
        """Give back what a trial's runs hold, whoever started them and has died since."""
        controllers = ray.get(self.mailbox.close.remote(number))
        end_runs(controllers, tickets=(self.ticket + number,))


def mesh_factory(
    job: "SearchJob", *, devices: Devices, scratch: Path, open_run: SeatRunFactory | None
) -> MeshRunnerFactory:
    """What trains the trials of a search, with a mailbox and a ticket of their own.

    Raises:
        UsageError: The workers cannot be shared out over the folds.
    """
    return MeshRunnerFactory(
        dataset_directory=job.dataset_directory,
        dataset_place=job.dataset_place,
        plan=job.plan,
        start_file=job.start_file,
        objectives=job.objectives or (Objective(f"{VALIDATION}{headline(job.plan.kind)}"),),
        seats=trial_seats(job.plan, workers=job.workers_per_trial),
        share=Share(cpus=job.config.train.threads_per_fold, gpus=1 if devices.gpus else 0),
        mailbox=start_mailbox(),
        scratch=scratch,
        ticket=draw_ticket(),
        open_run=open_run or open_seat_run,
    )


class MeshRunner:
    """One trial. Workers that die are started again, and go on from the last checkpoint."""

    def __init__(self, factory: MeshRunnerFactory, spec: TrialSpec) -> None:
        self._factory, self._spec = factory, spec
        self._ready: deque[tuple[FoldEpoch, ...]] = deque()
        folds = tuple(fold.index for fold in factory.plan.folds)
        self._relay = EpochRelay(folds, self._ready.append)
        self._run: TrainRun | None = None
        self._news: Iterator[News] = iter(())
        self._costs: dict[str, float] = {"train_seconds": 0.0}
        self._returned = 0
        self._num_deaths = 0

    @property
    def is_finished(self) -> bool:
        """Whether `step` has returned the last epoch."""
        return self._returned == self._spec.config.train.num_epochs

    def step(self) -> TrialEpoch:
        """The next epoch of every fold. The workers begin none that is not asked for."""
        while not self._ready:
            try:
                death = self._listen()
            except deaths() as error:
                raise ClusterError(
                    f"the mailbox of the search died: {last_line(error)}",
                    expected="a process that lives as long as the search",
                    advice="memory may be short; repeat the command with --resume",
                ) from None
            except OSError as error:
                raise StudyError(
                    f"{self._factory.scratch} cannot be written: {error.strerror or error}",
                    expected="room for what Ray Train writes there",
                    advice="make room there, then repeat the command with --resume",
                ) from error
            if death is not None:
                self._bury(death)
        folds = self._ready.popleft()
        self._returned += 1
        self._costs["train_seconds"] += sum(fold.seconds for fold in folds)
        if self.is_finished:
            self.close()
        return trial_epoch(
            folds,
            objectives=self._factory.objectives,
            costs=self._costs,
            wall_s=wall_seconds(folds, self._factory.seats),
        )

    def close(self) -> None:
        """End the run, if one is under way, with all that it holds."""
        run, self._run, self._news = self._run, None, iter(())
        if run is not None:
            run.__exit__(None, None, None)

    def _listen(self) -> str | None:
        """Take the workers' next message.

        Returns:
            Why they died, if they did.
        """
        if self._run is None:
            self._factory.end(self._spec.number)  # of a trial actor that died
            run = self._factory.run(self._spec)
            self._run, self._news = run.__enter__(), run.news()
        self._run.allow(self._returned + 1)
        match next(self._news, None):
            case EpochMessage(entries):
                self._relay.add(entries)
            case CostsMessage(costs):
                self._costs |= costs
            case None:
                return self._verdict(self._run)
        return None

    def _verdict(self, run: TrainRun) -> str:
        self.close()
        try:
            death = run.verdict()
        except RuntimeError as error:
            if not is_device_lost(error):
                raise
            return last_line(error)
        assert death is not None, "the workers finished without telling all epochs"
        return death

    def _bury(self, death: str) -> None:
        self.close()
        self._num_deaths += 1
        if self._num_deaths > MAX_RESTARTS:
            size = self._spec.config.train.batch_size
            raise TrialDiedError(
                f"its workers died {self._num_deaths} times ({death}); with train.batch_size "
                f"{size} memory may be short"
            )


def wall_seconds(folds: tuple[FoldEpoch, ...], seated: tuple[Seat, ...]) -> float:
    """How long an epoch took: that of the worker with the most to do."""
    seconds = {entry.fold: entry.seconds for entry in folds}
    return max(sum(seconds[fold] for fold in seat.folds) for seat in seated)


class RunGuard(Callback):  # type: ignore[misc]
    """In the driver: ends the runs of trials whose own processes cannot do so any more."""

    def __init__(self, factory: MeshRunnerFactory) -> None:
        self._factory = factory
        self._numbers: set[int] = set()

    def on_trial_start(self, trial: Trial, **_: Any) -> None:
        """Note which trials there were."""
        self._numbers.add(trial.config[SPEC].number)

    def on_trial_error(self, trial: Trial, **_: Any) -> None:
        """The trial's process died for good."""
        self._factory.end(trial.config[SPEC].number)

    def end_all(self) -> None:
        """The search is over: no run goes on, and none begins."""
        controllers = ray.get(self._factory.mailbox.shut.remote())
        end_runs(controllers, tickets=[self._factory.ticket + one for one in self._numbers])
