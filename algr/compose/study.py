"""One study: what may go on with it, and who is told what its search does."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

from algr.compose.start import StartInUse
from algr.compose.training import log_files
from algr.config import flatten
from algr.cv import write_run_files
from algr.distributed import SearchJob, SearchListener, SearchOutcome, run_search
from algr.engine import FoldEpoch
from algr.errors import Interrupted
from algr.metrics import headline
from algr.reports import draw_plots
from algr.tracking import RunHandle, SearchTracking, Tracker, context_tags, run_key
from algr.tune import (
    VALIDATION,
    Objective,
    TrialRecord,
    load_study,
    read_progress,
    read_records,
    refuse_other_study,
)

logger = logging.getLogger(__name__)

STUDY_FILE = "study.json"


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


class SearchRunner(Protocol):
    """Runs the missing trials of a study; `run_search` is one."""

    def __call__(self, job: SearchJob, *, listener: SearchListener) -> SearchOutcome:
        """What all trials found."""


def run_study(
    job: SearchJob,
    recorder: "StudyRecorder",
    search_display: SearchDisplayFactory,
    *,
    runner: SearchRunner = run_search,
) -> SearchOutcome:
    """Run what is missing of a study, before everyone's eyes, and draw what it found.

    The study's run stays open for what follows, unless the search was told to end.
    """
    directory = job.study_directory
    objectives = objectives_of(job)
    with search_display(
        total=wanted_trials(job),
        num_epochs=job.config.train.num_epochs,
        objective=objectives[0],
    ) as display:
        if (directory / STUDY_FILE).exists():
            display.restore(read_records(directory))
        with recorder.shown_on(display):
            outcome = runner(job, listener=recorder)
            _draw(directory, recorder, objectives=objectives)
    if outcome.stopped is not None:
        recorder.interrupt()
    return outcome


def default_objectives(kind: Literal["au", "grade"]) -> tuple[Objective, ...]:
    """What a search optimises where nothing else was asked for."""
    return (Objective(f"{VALIDATION}{headline(kind)}"),)


def objectives_of(job: SearchJob) -> tuple[Objective, ...]:
    """What a search optimises, by name."""
    return job.objectives or default_objectives(job.plan.kind)


def wanted_trials(job: SearchJob) -> int:
    """How many trials the study shall have, by this command or by those before it."""
    if job.trials is not None:
        return job.trials
    return read_progress(job.study_directory).wanted


def _draw(directory: Path, recorder: "StudyRecorder", *, objectives: tuple[Objective, ...]) -> None:
    """Draw what was found into the study's folder, and upload it with the study's run."""
    plots = draw_plots(
        load_study(directory),
        directory / "plots",
        objectives=objectives,
        simulated=recorder.is_simulated,
    )
    if plots.left_out:
        logger.info("plots left out: %s", "; ".join(plots.left_out))
    if plots.files:
        recorder.study.log_artifact(directory / "plots")


class StudyRecorder:
    """Passes what happens on to the tracker and the display; ends the study's run when it fails.

    The run is started with the first event, when the study's folder exists.

    Args:
        tracker: Of the dataset.
        job: The search.
        tags: Further tags of the study's run.
        parent: The run above it.
        start: What its trials start from, to be noted in its folder.
    """

    def __init__(
        self,
        tracker: Tracker,
        job: SearchJob,
        *,
        tags: Mapping[str, str],
        parent: RunHandle | None = None,
        start: StartInUse | None = None,
    ) -> None:
        self._tracker = tracker
        self._tags = tags
        self._job = job
        self._parent = parent
        self._start = start
        self._display: SearchDisplay | None = None
        self._tracking: SearchTracking | None = None
        self._study: RunHandle | None = None

    @property
    def is_simulated(self) -> bool:
        """Whether the faces are nobody's."""
        return self._tracker.dataset.simulated

    @property
    def study(self) -> RunHandle:
        """The study's run."""
        if self._study is None:
            job = self._job
            self._study = self._tracker.start_run(
                "study",
                name=job.study_directory.name,
                key=run_key(job.study_directory),
                parent=self._parent,
                tags=context_tags(
                    protocol=job.plan.protocol,
                    folds_hash=job.plan.folds_hash,
                    seed=job.config.seed,
                    study=job.study_directory.name,
                )
                | dict(self._tags),
                params=_constants(job),
            )
            log_files(self._study, job.study_directory)
        return self._study

    @property
    def _trials(self) -> SearchTracking:
        if self._tracking is None:
            metric = objectives_of(self._job)[0].metric
            self._tracking = SearchTracking(self._tracker, study=self.study, metric=metric)
        return self._tracking

    def on_begin(self) -> None:
        """The study is ours: say in its folder what it was asked to do."""
        directory = self._job.study_directory
        write_run_files(directory, config=self._job.config, plan=self._job.plan)
        if self._start is not None:
            self._start.record(directory)

    def on_trial_start(self, number: int, params: Mapping[str, Any]) -> None:
        """A trial begins, or goes on from its checkpoint."""
        self._trials.on_trial_start(number, params)
        if self._display is not None:
            self._display.on_trial_start(number, params)

    def on_epoch(
        self, number: int, epoch: int, value: float | None, fold_epochs: Sequence[FoldEpoch]
    ) -> None:
        """An epoch of every fold is done."""
        self._trials.on_epoch(number, epoch, value, fold_epochs)
        if self._display is not None:
            self._display.on_epoch(number, epoch, value, fold_epochs)

    def on_trial_end(self, record: TrialRecord) -> None:
        """A trial is over."""
        self._trials.on_trial_end(record)
        if self._display is not None:
            self._display.on_trial_end(record)

    @contextmanager
    def shown_on(self, display: SearchDisplay) -> Iterator[None]:
        """Tell this display too; what ends the block with an error ends the study's run."""
        self._display = display
        try:
            yield
        except BaseException as error:
            if self._study is not None:
                self._end(interrupted=isinstance(error, KeyboardInterrupt | Interrupted))
            raise
        finally:
            self._display = None

    def interrupt(self) -> None:
        """End the runs of a search that goes on another time."""
        self._end(interrupted=True)

    def _end(self, *, interrupted: bool) -> None:
        self._trials.interrupt()
        if interrupted:
            self.study.end(status="KILLED", state="INTERRUPTED")
        else:
            self.study.end(status="FAILED", state="FAIL")


def refuse_other(job: SearchJob) -> None:
    """Say that a study cannot be continued before anything is started; see `refuse_other_study`."""
    refuse_other_study(
        job.study_directory,
        identity=job.identity,
        resume=job.resume,
        storage_url=job.storage_url,
    )


def _constants(job: SearchJob) -> dict[str, Any]:
    """The configuration that all trials share; what is searched stands on the trials."""
    return {
        key: value for key, value in flatten(job.config).items() if key not in job.space.parameters
    }
