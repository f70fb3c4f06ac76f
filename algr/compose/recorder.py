"""What a search tells the tracker and the display, while it runs."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, Protocol

from algr.config import flatten
from algr.distributed import SearchJob
from algr.engine import FoldEpoch
from algr.errors import Interrupted
from algr.metrics import headline
from algr.tracking import RunHandle, SearchTracking, Tracker, context_tags, run_key
from algr.tune import VALIDATION, Objective, TrialRecord


class SearchDisplay(Protocol):
    """Shows a search while it runs."""

    def restore(self, records: Sequence[TrialRecord]) -> None:
        """Show what an earlier command did."""

    def on_trial_start(self, number: int, params: Mapping[str, Any]) -> None:
        """A trial begins."""

    def on_epoch(
        self, number: int, epoch: int, value: float | None, fold_epochs: Sequence[FoldEpoch]
    ) -> None:
        """An epoch of every fold is done."""

    def on_trial_end(self, record: TrialRecord) -> None:
        """A trial is over."""


class SearchDisplayFactory(Protocol):
    """Opens the display of a search."""

    def __call__(
        self, *, total: int, num_epochs: int, objective: Objective
    ) -> AbstractContextManager[SearchDisplay]:
        """From the number of trials, the epochs of each, and what is optimised first."""


def default_objectives(kind: Literal["au", "grade"]) -> tuple[Objective, ...]:
    """What a search optimises where nothing else was asked for."""
    return (Objective(f"{VALIDATION}{headline(kind)}"),)


class StudyRecorder:
    """Passes what happens on to the tracker and the display; ends the study's run when it fails.

    The run is started with the first event, when the study's folder exists.
    """

    def __init__(
        self, tracker: Tracker, job: SearchJob, display: SearchDisplay, *, tags: Mapping[str, str]
    ) -> None:
        self._tracker = tracker
        self._tags = tags
        self._job = job
        self._display = display
        self._tracking: SearchTracking | None = None
        self._study: RunHandle | None = None

    @property
    def study(self) -> RunHandle:
        """The study's run."""
        if self._study is None:
            job = self._job
            self._study = self._tracker.start_run(
                "study",
                name=job.study_directory.name,
                key=run_key(job.study_directory),
                tags=context_tags(
                    protocol=job.plan.protocol,
                    folds_hash=job.plan.folds_hash,
                    seed=job.config.seed,
                    study=job.study_directory.name,
                )
                | dict(self._tags),
                params=_constants(job),
            )
        return self._study

    @property
    def _trials(self) -> SearchTracking:
        if self._tracking is None:
            objectives = self._job.objectives or default_objectives(self._job.plan.kind)
            metric = objectives[0].metric
            self._tracking = SearchTracking(self._tracker, study=self.study, metric=metric)
        return self._tracking

    def on_trial_start(self, number: int, params: Mapping[str, Any]) -> None:
        """A trial begins."""
        self._trials.on_trial_start(number, params)
        self._display.on_trial_start(number, params)

    def on_epoch(
        self, number: int, epoch: int, value: float | None, fold_epochs: Sequence[FoldEpoch]
    ) -> None:
        """An epoch of every fold is done."""
        self._trials.on_epoch(number, epoch, value, fold_epochs)
        self._display.on_epoch(number, epoch, value, fold_epochs)

    def on_trial_end(self, record: TrialRecord) -> None:
        """A trial is over."""
        self._trials.on_trial_end(record)
        self._display.on_trial_end(record)

    def __enter__(self) -> "StudyRecorder":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None or self._study is None:
            return
        if issubclass(kind, KeyboardInterrupt | Interrupted):
            self.interrupt()
        else:
            self._trials.interrupt()
            self._study.end(status="FAILED", state="FAIL")

    def interrupt(self) -> None:
        """End the runs of a search that goes on another time."""
        self._trials.interrupt()
        self.study.end(status="KILLED", state="INTERRUPTED")


def _constants(job: SearchJob) -> dict[str, Any]:
    """The configuration that all trials share; what is searched stands on the trials."""
    return {
        key: value for key, value in flatten(job.config).items() if key not in job.space.parameters
    }
