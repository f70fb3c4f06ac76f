"""`algr tune --protocol nested`: a search inside each outer fold, and one test of what it chose."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from algr.compose.nested_result import NestedResult, OuterFold
from algr.compose.requests import (
    EpochDisplayFactory,
    Material,
    TrainingRequest,
    goes_on_as,
    open_material,
    refuse_existing,
)
from algr.compose.search import SearchOptions, search_space, workers_of
from algr.compose.start import StartInUse, StartListener, settle_start
from algr.compose.study import (
    SearchDisplayFactory,
    SearchRunner,
    StudyRecorder,
    refuse_other_study,
    run_study,
)
from algr.compose.training import Executed, conclude, execute, held_run, log_files, run_name
from algr.config import SearchSpace, flatten, with_values
from algr.cv import (
    FoldsExecutor,
    FoldsJob,
    job_identity,
    write_run_files,
)
from algr.data import FoldPlan, NestedFold, plan_nested
from algr.distributed import (
    RayTrainExecutor,
    SearchJob,
    SearchOutcome,
    ray_session,
    run_search,
)
from algr.errors import Interrupted, UsageError
from algr.metrics import headline
from algr.tracking import FoldsTracking, RunHandle, Tracker, context_tags, run_key
from algr.tune import Limits


def search_nested(
    request: TrainingRequest,
    options: SearchOptions,
    *,
    search_display: SearchDisplayFactory,
    epoch_display: EpochDisplayFactory,
    on_start: StartListener,
) -> NestedResult:
    """Run what is missing of the outer folds' searches and of the tests that follow them.

    Nothing is refitted or registered: the result says how good search and training together are,
    and no single configuration comes of it.

    Raises:
        UsageError: An option that a nested search does not have.
        Interrupted: Somebody paused or stopped a fold's search, or a limit was reached: a half
            search cannot be tested. `--resume` goes on.
        AlgrError: Of the part that failed; what was finished is kept for `--resume`.
    """
    refuse_unsuited(options)
    material = open_material(request, command="tune")
    folds = plan_nested(material.dataset, material.plan, cv=request.config.cv)
    name = run_name(request, kind="nested")
    directory = request.home.run(name)
    refuse_existing(directory, resume=request.resume)
    request, notice = settle_start(request, material, directory=directory, refits=True)
    nested = NestedSearch(
        request=request,
        material=material,
        directory=directory,
        space=search_space(options, request, material),
        trials=options.trials,
        max_concurrent=options.max_concurrent,
        workers_per_trial=options.workers_per_trial or 1,
        limits=options.limits,
        search_display=search_display,
        epoch_display=epoch_display,
        start=notice.start,
    )
    for fold in folds:
        workers_of(options, fold.inner, config=request.config)
        refuse_other_study(nested.search_job(fold))
    on_start(notice)
    with (
        ray_session(address=request.address),
        Tracker.connect(request.home, dataset=material.info, uri=request.tracking_uri) as tracker,
        goes_on_as(name),
        held_run(directory),
    ):
        return nested.run(folds, tracker, RayTrainExecutor(workers=request.workers))


def refuse_unsuited(options: SearchOptions) -> None:
    """Refuse what belongs to one search, of which a nested one has many.

    Raises:
        UsageError: Such an option was given.
    """
    given = {
        "--objective": options.objectives,
        "--points": options.points,
        "--warm-start": options.warm_start,
        "--storage": options.storage,
        "--gpus-per-trial": options.gpus_per_trial,
        "--max-gpu-hours": options.limits.gpu_hours,
    }
    problems = [option for option, value in given.items() if value not in (None, ())]
    if problems:
        raise UsageError(
            "options that --protocol nested does not have",
            problems=problems,
            expected="--max-concurrent, --workers-per-trial, --max-hours and --deadline, which "
            "hold for all outer folds",
            advice="leave them out, or search with --protocol honest",
        )


@dataclass(frozen=True)
class NestedSearch:
    """What all outer folds have in common."""

    request: TrainingRequest
    material: Material
    directory: Path
    space: SearchSpace
    trials: int | None
    max_concurrent: int | None
    search_display: SearchDisplayFactory
    epoch_display: EpochDisplayFactory
    start: StartInUse | None
    workers_per_trial: int = 1
    limits: Limits = field(default_factory=Limits)
    """Of the whole, not of each outer fold."""
    runner: SearchRunner = run_search

    def run(
        self, folds: tuple[NestedFold, ...], tracker: Tracker, executor: FoldsExecutor
    ) -> NestedResult:
        """Search and test in one outer fold after the other."""
        config, plan = self.request.config, self.material.plan
        dataset, name = self.material.dataset, self.directory.name
        write_run_files(self.directory, config=config, plan=plan)
        if self.start is not None:
            self.start.record(self.directory)
        metric = headline(dataset.kind)
        tags = context_tags(
            protocol=plan.protocol, folds_hash=plan.folds_hash, seed=config.seed, study=name
        )
        with tracker.start_run(
            "nested",
            name=name,
            key=run_key(self.directory),
            tags=tags | (self.start.tags if self.start else {}),
            params={k: v for k, v in flatten(config).items() if k not in self.space.parameters},
        ) as run:
            log_files(run, self.directory)
            tracking = FoldsTracking(tracker, run=run, metric=metric, means=False)
            finished = tuple(
                self._outer_fold(fold, tracker, run, executor, tracking) for fold in folds
            )
            whole = conclude(
                self.material,
                directory=self.directory,
                results=tuple(fold.result for fold in finished),
                fold_seconds=sum(fold.seconds for fold in finished),
                run=run,
                tracking=tracking,
                start=self.start,
            )
        return NestedResult(finished, whole)

    def search_job(self, fold: NestedFold) -> SearchJob:
        """The search of one outer fold."""
        study = f"{self.directory.name}-outer-{fold.outer.index}"
        directory = self.request.home.study(study)
        return SearchJob(
            config=self.request.config,
            space=self.space,
            plan=fold.inner,
            dataset_directory=self.material.dataset.directory,
            study_directory=directory,
            trials=self.trials,
            max_concurrent=self.max_concurrent,
            resume=self.request.resume,
            limits=self.limits,
            start_file=self.start.path if self.start else None,
            workers_per_trial=self.workers_per_trial,
        )

    def _outer_fold(
        self,
        fold: NestedFold,
        tracker: Tracker,
        run: RunHandle,
        executor: FoldsExecutor,
        tracking: FoldsTracking,
    ) -> OuterFold:
        job = self.search_job(fold)
        recorder = StudyRecorder(
            tracker, job, tags={"algr.fold": str(fold.outer.index)}, parent=run
        )
        outcome = run_study(job, recorder, self.search_display, runner=self.runner)
        if outcome.stopped is not None:
            raise Interrupted(
                f"the search of outer fold {fold.outer.index} ended by {outcome.stopped.reason}; "
                "half a search is not tested"
            )
        recorder.study.set_tags({"algr.best_trial": str(outcome.best.number)})
        recorder.study.end()
        tested = self._test(fold, outcome, executor, tracking)
        (result,) = tested.results
        return OuterFold(job.study_directory.name, outcome, result, tested.fold_seconds)

    def _test(
        self,
        fold: NestedFold,
        outcome: SearchOutcome,
        executor: FoldsExecutor,
        tracking: FoldsTracking,
    ) -> Executed:
        """Train the chosen configuration on the outer training subjects and score it once."""
        best = outcome.best
        config = with_values(self.request.config, best.params)
        index = fold.outer.index
        plan: FoldPlan = replace(self.material.plan, folds=(fold.outer,))
        job = FoldsJob(
            config=config,
            dataset_directory=self.material.dataset.directory,
            plan=plan,
            folds=(index,),
            run_directory=self.directory / f"outer-{index}-best-{best.number}",
            identity=job_identity(config, plan, (index,)),
            start_file=self.start.path if self.start else None,
        )
        write_run_files(job.run_directory, config=config, plan=plan)
        metric = headline(self.material.dataset.kind)
        title = f"outer fold {index}, trial {best.number}"
        shown = self.epoch_display(title, config.train.num_epochs, metric)
        return execute(job, executor, tracking, shown)
