"""`algr tune`: a search, and what follows it."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Protocol

from algr.compose.finish import Finisher, SearchResult
from algr.compose.gpu_share import largest_need, settle_share
from algr.compose.requests import (
    EpochDisplayFactory,
    Material,
    TrainingRequest,
    free_name,
    open_material,
)
from algr.compose.start import StartListener, StartNotice, StartSettler, settle_start
from algr.config import SearchSpace, flatten, load_points, load_search_space
from algr.distributed import (
    RayTrainExecutor,
    SearchJob,
    ray_session,
    run_search,
)
from algr.engine import FoldEpoch
from algr.errors import Interrupted, StudyError
from algr.metrics import EvaluationCounts, headline, scores
from algr.reports import draw_plots
from algr.tracking import (
    RunHandle,
    SearchTracking,
    Tracker,
    context_tags,
    run_key,
)
from algr.tune import (
    VALIDATION,
    Limits,
    Objective,
    TrialRecord,
    check_storage,
    load_study,
    parse_objectives,
    read_header,
    read_progress,
    read_records,
    read_warm_start,
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


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What `algr tune` is asked for besides the request."""

    trials: int | None
    """In all; None for as many as the study already wants."""
    max_concurrent: int | None = None
    space: str | SearchSpace | None = None
    """A name, a file, or the space itself; None for the dataset's."""
    objectives: tuple[str, ...] = ()
    """As they are typed; empty for the headline."""
    points: Path | None = None
    """A file of points that are tried first."""
    warm_start: str | None = None
    """An earlier study."""
    storage: str | None = None
    """A database for the trials of a new study."""
    limits: Limits = field(default_factory=Limits)
    gpus_per_trial: float | Literal["auto"] | None = None
    """None for a whole one."""
    gate: Literal["mean", "interval"] = "mean"


@dataclass(frozen=True)
class PlannedSearch:
    """Everything that is settled before anything starts."""

    request: TrainingRequest
    material: Material
    job: SearchJob
    notice: StartNotice

    @property
    def name(self) -> str:
        """Of the study."""
        return self.job.study_directory.name

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is optimised, by name."""
        return self.job.objectives or default_objectives(self.job.plan.kind)


def plan_search(
    request: TrainingRequest, options: SearchOptions, *, settle: StartSettler = settle_start
) -> PlannedSearch:
    """Check everything that can be checked at once.

    Raises:
        AlgrError: What the user has to mend.
    """
    material = open_material(request)
    name = _study_name(request)
    directory = request.home.study(name)
    request, notice = settle(request, material, directory=directory, refits=True)
    job = SearchJob(
        config=request.config,
        space=_space(options, request, material),
        plan=material.plan,
        dataset_directory=material.dataset.directory,
        study_directory=directory,
        trials=options.trials,
        max_concurrent=options.max_concurrent,
        resume=request.resume,
        limits=options.limits,
        objectives=_objectives(options, material),
        storage_url=None if options.storage is None else check_storage(options.storage),
        start_file=notice.start.path if notice.start else None,
    )
    _refuse_other_study(job)
    job = _with_points(job, options, request)
    return PlannedSearch(
        request, material, job, replace(notice, remarks=(*notice.remarks, *_remarks(job)))
    )


def _with_points(job: SearchJob, options: SearchOptions, request: TrainingRequest) -> SearchJob:
    if options.points is not None:
        points = load_points(options.points, space=job.space, config=job.config)
        job = replace(job, points=points)
    if options.warm_start is not None:
        directory = request.home.study(options.warm_start)
        job = replace(job, warm=read_warm_start(directory, identity=job.identity))
    return job


def _objectives(options: SearchOptions, material: Material) -> tuple[Objective, ...]:
    """Empty for the headline alone, whether it was typed or not."""
    dataset = material.dataset
    nothing = EvaluationCounts.zeros(kind=dataset.kind, label_names=dataset.label_names)
    found = parse_objectives(
        options.objectives, headline=headline(dataset.kind), metrics=tuple(scores(nothing))
    )
    return () if found == default_objectives(dataset.kind) else found


def default_objectives(kind: Literal["au", "grade"]) -> tuple[Objective, ...]:
    """What a search optimises where nothing else was asked for."""
    return (Objective(f"{VALIDATION}{headline(kind)}"),)


def _remarks(job: SearchJob) -> tuple[str, ...]:
    warm = () if job.warm is None else job.warm.remarks
    if len(job.objectives) < 2 or job.config.tune.pruner == "none":
        return warm
    return (*warm, "with several objectives no trial is stopped early: there is no one order")


def search(
    request: TrainingRequest,
    options: SearchOptions,
    *,
    search_display: SearchDisplayFactory,
    epoch_display: EpochDisplayFactory,
    on_start: StartListener,
) -> SearchResult:
    """Run what is missing of a study and of what follows it.

    Raises:
        AlgrError: Of the part that failed; what was finished is kept for `--resume`.
    """
    planned = plan_search(request, options)
    request, material, job = planned.request, planned.material, planned.job
    start, directory = planned.notice.start, job.study_directory
    on_start(planned.notice)
    if options.gpus_per_trial is not None:
        share = settle_share(options.gpus_per_trial, need_bytes=largest_need(job))
        job = replace(job, gpus_per_trial=share)
    with (
        ray_session(address=request.address),
        Tracker.connect(request.home, dataset=material.info, uri=request.tracking_uri) as tracker,
    ):
        with search_display(
            total=wanted_trials(job),
            num_epochs=request.config.train.num_epochs,
            objective=planned.objectives[0],
        ) as display:
            if (directory / STUDY_FILE).exists():
                display.restore(read_records(directory))
            if start is not None:
                start.record(directory)
            recorder = _StudyRecorder(tracker, job, display, tags=start.tags if start else {})
            with recorder:
                outcome = run_search(job, listener=recorder)
                draw_study(directory, recorder.study, objectives=planned.objectives)
                if outcome.stopped is not None:
                    run_id = recorder.study.run_id or ""
                    recorder.interrupt()
                    return SearchResult(planned.name, run_id, outcome, None, None)
        finisher = Finisher(
            request=request,
            material=material,
            study=recorder.study,
            name=planned.name,
            tracker=tracker,
            executor=RayTrainExecutor(workers=request.workers),
            display=epoch_display,
            start=start,
            objective=planned.objectives[0],
        )
        return finisher.finish(outcome, gate=options.gate)


def draw_study(directory: Path, run: RunHandle, *, objectives: tuple[Objective, ...]) -> None:
    """Draw what was found into the study's folder, and upload it with the study's run."""
    plots = draw_plots(load_study(directory), directory / "plots", objectives=objectives)
    for reason in plots.left_out:
        logger.info("not drawn: %s", reason)
    if plots.files:
        run.log_artifact(directory / "plots")


def wanted_trials(job: SearchJob) -> int:
    """How many trials the study shall have, by this command or by those before it."""
    if job.trials is not None:
        return job.trials
    return read_progress(job.study_directory).wanted


class _StudyRecorder:
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
        self._trials.on_trial_start(number, params)
        self._display.on_trial_start(number, params)

    def on_epoch(
        self, number: int, epoch: int, value: float | None, fold_epochs: Sequence[FoldEpoch]
    ) -> None:
        self._trials.on_epoch(number, epoch, value, fold_epochs)
        self._display.on_epoch(number, epoch, value, fold_epochs)

    def on_trial_end(self, record: TrialRecord) -> None:
        self._trials.on_trial_end(record)
        self._display.on_trial_end(record)

    def __enter__(self) -> "_StudyRecorder":
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


def _space(options: SearchOptions, request: TrainingRequest, material: Material) -> SearchSpace:
    if isinstance(options.space, SearchSpace):
        return options.space
    return load_search_space(
        options.space,
        dataset=request.dataset,
        kind=material.dataset.kind,
        config=request.config,
    )


def _study_name(request: TrainingRequest) -> str:
    if request.name is not None:
        return request.name
    studies = request.home.studies
    last = last_study(studies, dataset=request.dataset) if request.resume else None
    return last or free_name(studies, request.dataset)


def last_study(studies: Path, *, dataset: str) -> str | None:
    """The study of that dataset, whatever its name, that was worked on last."""
    found = [
        directory
        for directory in (path.parent for path in studies.glob(f"*/{STUDY_FILE}"))
        if read_header(directory).dataset == dataset
    ]
    newest = max(found, key=_last_worked_on, default=None)
    return None if newest is None else newest.name


def _last_worked_on(directory: Path) -> int:
    return max(path.stat().st_mtime_ns for path in directory.glob("study.*"))


def _refuse_other_study(job: SearchJob) -> None:
    """Say that a study cannot be continued before anything is started."""
    if not (job.study_directory / STUDY_FILE).exists():
        return
    name = job.study_directory.name
    if not job.resume:
        raise StudyError(
            f"study {name!r} exists",
            expected="a new --name, or --resume",
            advice=f"go on with it: add --resume --name {name}",
        )
    header = read_header(job.study_directory)
    differences = job.identity.differences(header.identity)
    if differences:
        raise StudyError(
            f"study {name!r} is about something else",
            problems=differences,
            advice="repeat the options of the first start, or begin another study with --name",
        )


def _constants(job: SearchJob) -> dict[str, Any]:
    """The configuration that all trials share; what is searched stands on the trials."""
    return {
        key: value for key, value in flatten(job.config).items() if key not in job.space.parameters
    }
