"""`algr tune`: a search, and what follows it."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from algr.compose.finish import Finisher, SearchResult
from algr.compose.gpu_share import largest_need, settle_share
from algr.compose.recorder import SearchDisplayFactory, StudyRecorder, default_objectives
from algr.compose.requests import (
    EpochDisplayFactory,
    Material,
    TrainingRequest,
    free_name,
    open_material,
)
from algr.compose.start import StartListener, StartNotice, StartSettler, settle_start
from algr.config import SearchSpace, load_points, load_search_space
from algr.distributed import (
    RayTrainExecutor,
    SearchJob,
    ray_session,
    run_search,
)
from algr.errors import StudyError
from algr.metrics import EvaluationCounts, headline, scores
from algr.reports import draw_plots
from algr.tracking import (
    RunHandle,
    Tracker,
)
from algr.tune import (
    Limits,
    Objective,
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
            recorder = StudyRecorder(tracker, job, display, tags=start.tags if start else {})
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
    if plots.left_out:
        logger.info("plots left out: %s", "; ".join(plots.left_out))
    if plots.files:
        run.log_artifact(directory / "plots")


def wanted_trials(job: SearchJob) -> int:
    """How many trials the study shall have, by this command or by those before it."""
    if job.trials is not None:
        return job.trials
    return read_progress(job.study_directory).wanted


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
    if job.storage_url is not None and job.storage_url != header.storage:
        place = header.storage or "the study's folder"
        differences.append(f"storage: {place} in the study, {job.storage_url} now")
    if differences:
        raise StudyError(
            f"study {name!r} is about something else",
            problems=differences,
            advice="repeat the options of the first start, or begin another study with --name",
        )
