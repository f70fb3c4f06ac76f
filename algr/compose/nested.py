"""`algr tune --protocol nested`: a search inside each outer fold, and one test of what it chose."""

from collections.abc import Sequence
from contextlib import ExitStack
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
from algr.compose.search import (
    DEFAULT_TRIALS,
    SearchOptions,
    described,
    with_points,
    with_share,
)
from algr.compose.start import StartListener, StartNotice, StartSettler, settle_start
from algr.compose.study import (
    STUDY_FILE,
    SearchDisplayFactory,
    SearchRunner,
    StudyRecorder,
    refuse_other,
    run_study,
)
from algr.compose.training import Executed, conclude, execute, held_run, log_files, run_name
from algr.config import DataHome, flatten, with_values
from algr.cv import (
    FoldsExecutor,
    FoldsJob,
    identity_of_run,
    write_run_files,
)
from algr.data import FoldPlan, NestedFold, plan_nested
from algr.distributed import (
    RayTrainExecutor,
    SearchJob,
    SearchOutcome,
    cluster_devices,
    ray_session,
    room_of,
    run_search,
)
from algr.errors import Interrupted, StudyError, UsageError
from algr.metrics import headline
from algr.tracking import FoldsTracking, RunHandle, Tracker, context_tags, run_key
from algr.tune import TrialRecord, read_progress


@dataclass(frozen=True, kw_only=True)
class PlannedNested:
    """Everything that is settled before anything starts."""

    request: TrainingRequest
    material: Material
    """With the outer folds."""
    folds: tuple[NestedFold, ...]
    directory: Path
    """Of the whole."""
    common: SearchJob
    """The search of the first outer fold; those of the others differ in plan and folder."""
    notice: StartNotice

    @property
    def name(self) -> str:
        """Of the whole."""
        return self.directory.name

    def search_job(self, fold: NestedFold) -> SearchJob:
        """The search of one outer fold."""
        directory = outer_study(self.request.home, self.name, fold)
        return replace(self.common, plan=fold.inner, study_directory=directory)

    def final_job(self, fold: NestedFold, best: TrialRecord) -> FoldsJob:
        """Training of a configuration on the outer training subjects, and its one test.

        Its identity is that of the run's folder, if that was written.
        """
        index = fold.outer.index
        config = with_values(self.request.config, best.params)
        plan, start = self.final_plan(fold), self.notice.start
        directory = self.directory / f"outer-{index}-best-{best.number}"
        return FoldsJob(
            config=config,
            dataset_directory=self.material.dataset.directory,
            dataset_place=self.material.place,
            plan=plan,
            folds=(index,),
            run_directory=directory,
            identity=identity_of_run(directory, config, plan, (index,)),
            start_file=start.path if start else None,
        )

    def final_plan(self, fold: NestedFold) -> FoldPlan:
        """The outer fold alone."""
        return replace(self.material.plan, folds=(fold.outer,))


def outer_study(home: DataHome, name: str, fold: NestedFold) -> Path:
    """The folder of the study of one outer fold."""
    return home.study(f"{name}-outer-{fold.outer.index}")


def settled_trials(wanted: int | None, studies: Sequence[Path]) -> int:
    """How many trials the search of each outer fold shall have: the same for all.

    Args:
        wanted: As it was typed; None for as many as before.
        studies: Folders of the outer folds' studies, which need not exist.

    Raises:
        StudyError: An outer fold has begun more.
    """
    known = {path.name: read_progress(path) for path in studies if (path / STUDY_FILE).exists()}
    if wanted is None:
        return max((one.wanted for one in known.values()), default=DEFAULT_TRIALS)
    begun = {
        name: sum(record.state != "WAITING" for record in one.records)
        for name, one in known.items()
    }
    most = max(begun.values(), default=0)
    if most > wanted:
        raise StudyError(
            f"--trials {wanted}: an outer fold has begun more",
            problems=[f"{name}: {count} begun" for name, count in begun.items() if count > wanted],
            expected="the same number of trials in each outer fold",
            advice=f"--trials {most} or more, or leave it out for as many as before",
        )
    return wanted


def plan_nested_search(
    request: TrainingRequest, options: SearchOptions, *, settle: StartSettler = settle_start
) -> PlannedNested:
    """Check everything that can be checked at once.

    Raises:
        UsageError: An option that a nested search does not have.
        StudyError: An outer fold has begun more trials than are asked for.
        AlgrError: What the user has to mend.
    """
    refuse_unsuited(options)
    material = open_material(request, command="tune")
    folds = plan_nested(material.dataset, material.plan, cv=request.config.cv)
    name = run_name(request, kind="nested")
    directory = request.home.run(name)
    refuse_existing(directory, resume=request.resume)
    request, notice = settle(request, material, directory=directory, refits=True)
    first = replace(material, plan=folds[0].inner)
    studies = [outer_study(request.home, name, fold) for fold in folds]
    options = replace(options, trials=settled_trials(options.trials, studies))
    common = described(options, request, first, directory=directory, start=notice.start)
    planned = PlannedNested(
        request=request,
        material=material,
        folds=folds,
        directory=directory,
        common=with_points(common, options),
        notice=notice,
    )
    for fold in folds:
        refuse_other(planned.search_job(fold))
    return planned


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
    planned = plan_nested_search(request, options)
    request = planned.request
    on_start(planned.notice)
    nested = NestedSearch(
        planned=replace(planned, common=with_share(planned.common, options)),
        search_display=search_display,
        epoch_display=epoch_display,
    )
    info, uri = planned.material.info, request.tracking_uri
    with ray_session(address=request.address), ExitStack() as stack:
        room_of(nested.planned.common, cluster_devices())
        tracker = stack.enter_context(Tracker.connect(request.home, dataset=info, uri=uri))
        stack.enter_context(goes_on_as(planned.name))
        stack.enter_context(held_run(planned.directory))
        return nested.run(tracker, RayTrainExecutor(workers=request.workers))


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
    if problems:
        raise UsageError(
            "options that --protocol nested does not have",
            problems=problems,
            expected="limits, points and one objective, which hold for all outer folds",
            advice="leave them out, or search with --protocol honest",
        )


@dataclass(frozen=True, kw_only=True)
class NestedSearch:
    """The searches of all outer folds, one after the other, and their tests."""

    planned: PlannedNested
    search_display: SearchDisplayFactory
    epoch_display: EpochDisplayFactory
    runner: SearchRunner = run_search

    def run(self, tracker: Tracker, executor: FoldsExecutor) -> NestedResult:
        """Search and test in one outer fold after the other."""
        planned, material = self.planned, self.planned.material
        config, plan, start = planned.request.config, material.plan, planned.notice.start
        numerics = executor.numerics(config, (0,))  # of the final trainings, one fold each
        write_run_files(planned.directory, config=config, plan=plan, numerics=numerics)
        if start is not None:
            start.record(planned.directory)
        metric = headline(material.dataset.kind)
        tags = context_tags(
            protocol=plan.protocol, folds_hash=plan.folds_hash, seed=config.seed, study=planned.name
        )
        with tracker.start_run(
            "nested",
            name=planned.name,
            key=run_key(planned.directory),
            tags=tags | (start.tags if start else {}) | numerics.tags,
            params={
                key: value
                for key, value in flatten(config).items()
                if key not in planned.common.space.parameters
            },
        ) as run:
            log_files(run, planned.directory)
            tracking = FoldsTracking(tracker, run=run, metric=metric, means=False)
            finished: list[OuterFold] = []
            for fold in planned.folds:
                spent = sum(one.outcome.gpu_hours for one in finished)
                job = _with_spent(planned.search_job(fold), spent)
                outcome = self._search(fold, job, tracker, run)
                tested = self._test(fold, outcome, executor, tracking)
                (result,) = tested.results
                study = job.study_directory.name
                finished.append(OuterFold(study, outcome, result, tested.fold_seconds))
            whole = conclude(
                material,
                directory=planned.directory,
                results=tuple(fold.result for fold in finished),
                fold_seconds=sum(fold.seconds for fold in finished),
                run=run,
                tracking=tracking,
                start=start,
            )
        return NestedResult(tuple(finished), whole)

    def _search(
        self, fold: NestedFold, job: SearchJob, tracker: Tracker, run: RunHandle
    ) -> SearchOutcome:
        recorder = StudyRecorder(
            tracker, job, tags={"algr.fold": str(fold.outer.index)}, parent=run
        )
        outcome = run_study(job, recorder, self.search_display, runner=self.runner)
        if outcome.stopped is not None:
            raise Interrupted(
                f"the search of outer fold {fold.outer.index} ended by {outcome.stopped.reason}; "
                f"{'it' if outcome.is_complete else 'half a search'} is not tested"
            )
        recorder.study.set_tags({"algr.best_trial": str(outcome.best.number)})
        recorder.study.end()
        return outcome

    def _test(
        self,
        fold: NestedFold,
        outcome: SearchOutcome,
        executor: FoldsExecutor,
        tracking: FoldsTracking,
    ) -> Executed:
        """Train the chosen configuration on the outer training subjects and score it once."""
        draft = self.planned.final_job(fold, outcome.best)
        numerics = executor.numerics(draft.config, draft.folds)
        write_run_files(
            draft.run_directory, config=draft.config, plan=draft.plan, numerics=numerics
        )
        job = self.planned.final_job(fold, outcome.best)
        title = f"outer fold {fold.outer.index}, trial {outcome.best.number}"
        metric = headline(job.plan.kind)
        shown = self.epoch_display(title, job.config.train.num_epochs, metric)
        return execute(job, executor, tracking, shown)


def _with_spent(job: SearchJob, gpu_hours: float) -> SearchJob:
    """The search, which may use what the searches before it left of `--max-gpu-hours`."""
    return replace(job, limits=replace(job.limits, gpu_hours_before=gpu_hours))
