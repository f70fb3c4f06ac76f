"""`algr tune --protocol nested`: a search inside each outer fold, and one test of what it chose."""

from dataclasses import dataclass, replace
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
from algr.compose.search import SearchOptions, described, with_points, with_share
from algr.compose.start import StartInUse, StartListener, settle_start
from algr.compose.study import (
    SearchDisplayFactory,
    SearchRunner,
    StudyRecorder,
    refuse_other_study,
    run_study,
)
from algr.compose.training import Executed, conclude, execute, held_run, log_files, run_name
from algr.config import flatten, with_values
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
    first = replace(material, plan=folds[0].inner)
    common = described(options, request, first, directory=directory, start=notice.start)
    nested = NestedSearch(
        request=request,
        material=material,
        directory=directory,
        common=with_points(common, options),
        search_display=search_display,
        epoch_display=epoch_display,
        start=notice.start,
    )
    for fold in folds:
        refuse_other_study(nested.search_job(fold))
    on_start(notice)
    nested = replace(nested, common=with_share(nested.common, options))
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
    problems = []
    if len(options.objectives) > 1:
        problems.append("--objective, several times: each outer fold tests one configuration")
    if options.warm_start is not None:
        problems.append("--warm-start: the earlier search may have met the test subjects")
    if options.limits.gpu_hours is not None:
        problems.append("--max-gpu-hours: counted per search, of which there are many")
    if problems:
        raise UsageError(
            "options that --protocol nested does not have",
            problems=problems,
            expected="--max-hours and --deadline, which hold for all outer folds together",
            advice="leave them out, or search with --protocol honest",
        )


@dataclass(frozen=True)
class NestedSearch:
    """What all outer folds have in common."""

    request: TrainingRequest
    material: Material
    directory: Path
    common: SearchJob
    """The search of the first outer fold; those of the others differ in plan and folder."""
    search_display: SearchDisplayFactory
    epoch_display: EpochDisplayFactory
    start: StartInUse | None
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
            params={
                k: v for k, v in flatten(config).items() if k not in self.common.space.parameters
            },
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
        return replace(self.common, plan=fold.inner, study_directory=directory)

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
            dataset_place=self.material.place,
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
