"""`algr tune`: a search, and what follows it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from algr.compose.finish import Finisher, SearchResult
from algr.compose.gpu_share import largest_need, settle_share
from algr.compose.measured import PointCost
from algr.compose.requests import (
    EpochDisplayFactory,
    Material,
    TrainingRequest,
    free_name,
    goes_on_as,
    open_material,
)
from algr.compose.start import StartInUse, StartListener, StartNotice, StartSettler, settle_start
from algr.compose.study import (
    STUDY_FILE,
    SearchDisplayFactory,
    StudyRecorder,
    default_objectives,
    objectives_of,
    refuse_other,
    run_study,
)
from algr.config import Config, SearchSpace, load_points, load_search_space, with_values
from algr.data import FoldPlan
from algr.data.words import counted
from algr.distributed import RayTrainExecutor, SearchJob, ray_session, trial_seats
from algr.engine import check_buildable
from algr.errors import ConfigError, UsageError
from algr.metrics import EvaluationCounts, headline, scores
from algr.tracking import Tracker
from algr.tune import (
    Limits,
    Objective,
    StudyHeader,
    check_storage,
    parse_objectives,
    read_header,
    read_warm_start,
)

DEFAULT_TRIALS = 50


@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What `algr tune` is asked for besides the request."""

    trials: int | None
    """In all; None for as many as the study already wants, or `DEFAULT_TRIALS` of a new one."""
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
    workers_per_trial: int | None = None
    """None for one, or for as many as `replicas` demand."""
    replicas: int = 1
    """Of each fold in the study that is resumed; its numbers depend on them."""
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
        return objectives_of(self.job)


def plan_search(
    request: TrainingRequest, options: SearchOptions, *, settle: StartSettler = settle_start
) -> PlannedSearch:
    """Check everything that can be checked at once.

    Raises:
        AlgrError: What the user has to mend.
    """
    material = open_material(request, command="tune")
    name = _study_name(request)
    directory = request.home.study(name)
    request, notice = settle(request, material, directory=directory, refits=True)
    if options.trials is None and not (directory / STUDY_FILE).exists():
        options = replace(options, trials=DEFAULT_TRIALS)
    job = described(options, request, material, directory=directory, start=notice.start)
    refuse_other(job)
    job = _with_earlier(with_points(job, options), options, request)
    return PlannedSearch(
        request, material, job, replace(notice, remarks=(*notice.remarks, *_remarks(job)))
    )


def described(
    options: SearchOptions,
    request: TrainingRequest,
    material: Material,
    *,
    directory: Path,
    start: StartInUse | None,
) -> SearchJob:
    """The search of a request on all its folds; without points, an earlier study, a share of a GPU.

    Args:
        options: As they were typed.
        request: Settled.
        material: Dataset and folds.
        directory: Of the study.
        start: The weights that every trial starts from.

    Raises:
        AlgrError: Space, objectives or storage cannot be used.
    """
    job = SearchJob(
        config=request.config,
        space=_search_space(options, request, material),
        plan=material.plan,
        dataset_directory=material.dataset.directory,
        dataset_place=material.place,
        study_directory=directory,
        trials=options.trials,
        max_concurrent=options.max_concurrent,
        resume=request.resume,
        limits=options.limits,
        objectives=_objectives(options, material),
        storage_url=None if options.storage is None else check_storage(options.storage),
        start_file=start.path if start else None,
        workers_per_trial=workers_of(options, material.plan, config=request.config),
    )
    if not isinstance(options.space, SearchSpace):  # that of a study which was begun
        _refuse_contradictions(job, job.space.enqueue, what="enqueue of the search space")
    return job


def workers_of(options: SearchOptions, plan: FoldPlan, *, config: Config) -> int:
    """Workers of a trial.

    Raises:
        UsageError: They cannot be shared out over the folds, or shall share GPUs.
        ConfigError: This configuration cannot be trained by so many per fold.
    """
    of_old = options.replicas * len(plan.folds) if options.replicas > 1 else 1
    workers = options.workers_per_trial or of_old
    seated = trial_seats(plan, workers=workers)
    fresh = with_values(config, {"train.init_from": None})  # settled by `settle_start`
    check_buildable(fresh, replicas=len(seated[0].replicas))
    if workers > 1 and options.gpus_per_trial is not None:
        raise UsageError(
            f"--gpus-per-trial {options.gpus_per_trial} with --workers-per-trial {workers}",
            expected="one of them: each of several workers has a whole GPU",
            advice="trials that share a GPU have one worker, which trains their folds in turn",
        )
    return workers


def with_points(job: SearchJob, options: SearchOptions) -> SearchJob:
    """With the points of `--points`.

    Raises:
        ConfigError: They do not lie in the space, or cannot be trained.
    """
    if options.points is None:
        return job
    points = load_points(options.points, space=job.space, config=job.config)
    _refuse_contradictions(job, points, what=options.points.name)
    return replace(job, points=points)


def _refuse_contradictions(
    job: SearchJob, points: Sequence[Mapping[str, Any]], *, what: str
) -> None:
    """Refuse points that no trial can train; what is left out of a point is not known yet.

    Raises:
        ConfigError: All of them, with the reasons.
    """
    problems = []
    for number, point in enumerate(points, start=1):
        if not set(job.space.active(point)) <= set(point):
            continue
        try:
            config = with_values(job.config, {**point, "train.init_from": None})
            check_buildable(config, replicas=job.identity.replicas)
        except ConfigError as error:
            values = ", ".join(f"{key}: {value}" for key, value in point.items())
            problems.append(f"point {number} ({values}): {error.reason}")
    if problems:
        raise ConfigError(
            f"{what}: points that contradict themselves",
            problems=problems,
            expected="points whose values go together",
            advice="mend or leave out these points",
        )


def with_share(
    job: SearchJob, options: SearchOptions, *, costs: Sequence[PointCost] | None = None
) -> SearchJob:
    """With the part of a GPU of `--gpus-per-trial`, for which a trial's memory is measured.

    Args:
        job: The search.
        options: As they were typed.
        costs: Of its extremes, where they have been measured already.

    Raises:
        AlgrError: There is no GPU, or trials do not fit.
    """
    if options.gpus_per_trial is None:
        return job
    need_bytes = largest_need(job if costs is None else costs)
    share = settle_share(options.gpus_per_trial, need_bytes=need_bytes)
    return replace(job, gpus_per_trial=share)


def _with_earlier(job: SearchJob, options: SearchOptions, request: TrainingRequest) -> SearchJob:
    if options.warm_start is None:
        return job
    directory = request.home.study(options.warm_start)
    return replace(job, warm=read_warm_start(directory, identity=job.identity))


def _objectives(options: SearchOptions, material: Material) -> tuple[Objective, ...]:
    """Empty for the headline alone, whether it was typed or not."""
    dataset = material.dataset
    nothing = EvaluationCounts.zeros(kind=dataset.kind, label_names=dataset.label_names)
    found = parse_objectives(
        options.objectives, headline=headline(dataset.kind), metrics=tuple(scores(nothing))
    )
    return () if found == default_objectives(dataset.kind) else found


def _remarks(job: SearchJob) -> tuple[str, ...]:
    remarks = () if job.warm is None else job.warm.remarks
    if len(job.objectives) > 1 and job.config.tune.pruner != "none":
        remarks += ("with several objectives no trial is stopped early: there is no one order",)
    return remarks + _unreached_points(job)


def _unreached_points(job: SearchJob) -> tuple[str, ...]:
    """A remark where more points are to be tried first than a new study has trials."""
    if job.trials is None or (job.study_directory / STUDY_FILE).exists():
        return ()
    points = (*job.space.enqueue, *job.points, *(job.warm.points if job.warm else ()))
    distinct = {frozenset(point.items()) for point in points}
    if len(distinct) <= job.trials:
        return ()
    return (
        f"{len(distinct)} points are to be tried first, those of the space before those of "
        f"--points and --warm-start, and there are {counted(job.trials, 'trial')}: the last "
        f"{len(distinct) - job.trials} are not reached; raise --trials",
    )


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
    start = planned.notice.start
    on_start(planned.notice)
    job = with_share(job, options)
    with (
        ray_session(address=request.address),
        Tracker.connect(request.home, dataset=material.info, uri=request.tracking_uri) as tracker,
        goes_on_as(planned.name, command=f"algr resume {planned.name}"),
    ):
        recorder = StudyRecorder(tracker, job, tags=start.tags if start else {}, start=start)
        outcome = run_study(job, recorder, search_display)
        if outcome.stopped is not None:
            return SearchResult(planned.name, recorder.study.run_id or "", outcome, None, None)
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
            limits=job.limits,
        )
        return finisher.finish(outcome, gate=options.gate)


def _search_space(
    options: SearchOptions, request: TrainingRequest, material: Material
) -> SearchSpace:
    """The space itself, or that of a name or file."""
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
        if _is_search_of(dataset, read_header(directory))
    ]
    newest = max(found, key=_last_worked_on, default=None)
    return None if newest is None else newest.name


def _is_search_of(dataset: str, header: StudyHeader) -> bool:
    """Not one of the searches within outer folds, which go on with the whole they belong to."""
    return header.dataset == dataset and (
        header.identity.get("config", {}).get("cv.protocol") != "nested"
    )


def _last_worked_on(directory: Path) -> int:
    return max(path.stat().st_mtime_ns for path in directory.glob("study.*"))
