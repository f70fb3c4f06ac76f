"""`algr cv`: folds, Ray Train, tracking, results."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from algr.compose.requests import (
    EpochDisplay,
    EpochDisplayFactory,
    Material,
    TrainingRequest,
    free_name,
    last_name,
    open_material,
    refuse_existing,
)
from algr.compose.start import StartInUse, StartListener, settle_start
from algr.config import Config, DataHome, flatten
from algr.cv import (
    CONFIG_FILE,
    NUMERICS_FILE,
    PLAN_FILE,
    PREDICTIONS_FILE,
    REPEATS_FILE,
    CrossValidation,
    FinishedRun,
    FoldsExecutor,
    FoldsJob,
    TableRow,
    identity_of_run,
    read_predictions,
    statistics_of,
    summarise,
    table_rows,
    write_finished,
    write_predictions,
    write_run_files,
)
from algr.distributed import RayTrainExecutor, ray_session
from algr.durable import held
from algr.engine import FoldEpoch, FoldResult
from algr.errors import Interrupted, StudyError
from algr.metrics import gather_evidence, headline
from algr.reports import draw_statistics
from algr.tracking import FoldsTracking, RunHandle, Tracker, context_tags, run_key
from algr.versions import ENVIRONMENT_FILE

LOCK_FILE = "lock"
FIGURES_FOLDER = "figures"


@dataclass(frozen=True)
class CrossValidated:
    """A finished cross-validation and the table that is printed of it."""

    result: CrossValidation
    results: tuple[FoldResult, ...]
    label_names: tuple[str, ...]
    rows: tuple[TableRow, ...]
    predictions: Path
    figures: tuple[Path, ...]
    """Confusion matrices and reliability diagrams."""
    start: StartInUse | None
    simulated: bool
    """Nobody's faces: the figures say nothing about real ones."""

    def to_dict(self) -> dict[str, Any]:
        """What `algr cv --json` prints."""
        return {
            **self.result.to_dict(),
            "init": self.start.to_dict() if self.start else None,
            "simulated": self.simulated,
        }


def cross_validate(
    request: TrainingRequest, *, display: EpochDisplayFactory, on_start: StartListener
) -> CrossValidated:
    """Train and score every fold of one configuration.

    Raises:
        AlgrError: Of the part that failed; what was finished is kept for `--resume`.
    """
    material = open_material(request)
    name = run_name(request, kind="cv")
    directory = request.home.run(name)
    refuse_existing(directory, resume=request.resume)
    request, notice = settle_start(request, material, directory=directory, refits=False)
    on_start(notice)
    with (
        ray_session(address=request.address),
        Tracker.connect(request.home, dataset=material.info, uri=request.tracking_uri) as tracker,
    ):
        return run_folds(
            material,
            config=request.config,
            home=request.home,
            name=name,
            tracker=tracker,
            executor=RayTrainExecutor(workers=request.workers),
            display=display,
            start=notice.start,
        )


def run_folds(
    material: Material,
    *,
    config: Config,
    home: DataHome,
    name: str,
    tracker: Tracker,
    executor: FoldsExecutor,
    display: EpochDisplayFactory,
    start: StartInUse | None,
    study: str | None = None,
    parent: RunHandle | None = None,
    tags: Mapping[str, str] | None = None,
) -> CrossValidated:
    """Cross-validate under a name; what an earlier call of that name finished is not repeated.

    Args:
        material: Dataset and folds.
        config: What to train and how.
        home: Holds the run's folder.
        name: Of the run.
        tracker: Of the dataset.
        executor: Trains the folds.
        display: Shows how it goes.
        start: The weights to start from.
        study: The search whose best configuration this is.
        parent: The tracker's run above this one.
        tags: Further tags for the tracker.

    Raises:
        StudyError: Another process is at it, or the name belongs to other settings.
    """
    directory = home.run(name)
    with held_run(directory):
        return _run_folds(
            material,
            config=config,
            directory=directory,
            tracker=tracker,
            executor=executor,
            display=display,
            start=start,
            study=study,
            parent=parent,
            extra_tags=tags or {},
        )


@contextmanager
def held_run(directory: Path) -> Iterator[None]:
    """Hold the folder of a run, which is made if it is not there.

    Raises:
        StudyError: Another process holds it.
    """
    directory.mkdir(parents=True, exist_ok=True)
    busy = StudyError(
        f"another process works on run {directory.name!r}",
        expected="one process per run",
        advice="wait for it, stop it, or start under a new --name",
    )
    with held(directory / LOCK_FILE, otherwise=busy):
        yield


def _run_folds(
    material: Material,
    *,
    config: Config,
    directory: Path,
    tracker: Tracker,
    executor: FoldsExecutor,
    display: EpochDisplayFactory,
    start: StartInUse | None,
    study: str | None,
    parent: RunHandle | None,
    extra_tags: Mapping[str, str],
) -> CrossValidated:
    dataset, plan, name = material.dataset, material.plan, directory.name
    folds = tuple(fold.index for fold in plan.folds)
    numerics = executor.numerics(config, folds)
    write_run_files(directory, config=config, plan=plan, numerics=numerics)
    if start is not None:
        start.record(directory)
    job = FoldsJob(
        config=config,
        dataset_directory=dataset.directory,
        dataset_place=material.place,
        plan=plan,
        folds=folds,
        run_directory=directory,
        identity=identity_of_run(directory, config, plan, folds),
        start_file=start.path if start else None,
    )
    metric = headline(dataset.kind)
    shown = display(f"cross-validation {name}", config.train.num_epochs, metric)
    tags = context_tags(
        protocol=plan.protocol, folds_hash=plan.folds_hash, seed=config.seed, study=study
    )
    tags |= (start.tags if start else {}) | numerics.tags | dict(extra_tags)
    with tracker.start_run(
        "cv",
        name=name,
        key=run_key(directory),
        parent=parent,
        tags=tags,
        params=flatten(config),
    ) as run:
        log_files(run, directory)
        tracking = FoldsTracking(tracker, run=run, metric=metric)
        executed = execute(job, executor, tracking, shown)
        return conclude(
            material,
            directory=directory,
            results=executed.results,
            fold_seconds=executed.fold_seconds,
            run=run,
            tracking=tracking,
            start=start,
        )


def conclude(
    material: Material,
    *,
    directory: Path,
    results: tuple[FoldResult, ...],
    fold_seconds: float,
    run: RunHandle,
    tracking: FoldsTracking,
    start: StartInUse | None,
) -> CrossValidated:
    """Put the folds' results together, write them, and tell the tracker."""
    dataset, plan, name = material.dataset, material.plan, directory.name
    predictions = directory / PREDICTIONS_FILE
    write_predictions(predictions, dataset=dataset, results=results)
    statistics = statistics_of(gather_evidence(read_predictions(predictions)))
    summary = summarise(
        results, run_id=run.run_id or "", name=name, plan=plan, statistics=statistics
    )
    tracking.finish(summary.to_dict())
    figures = draw_statistics(
        statistics, directory / FIGURES_FOLDER, title=name, simulated=dataset.simulated
    )
    for figure in figures:
        run.log_artifact(figure, folder=FIGURES_FOLDER)
    finished = FinishedRun(
        result=summary,
        dataset=dataset.name,
        kind=dataset.kind,
        label_names=dataset.label_names,
        simulated=dataset.simulated,
        init=start.origin if start else None,
        fold_seconds=fold_seconds,
    )
    write_finished(directory, finished)
    rows = table_rows(summary, kind=dataset.kind, label_names=dataset.label_names)
    return CrossValidated(
        result=summary,
        results=results,
        label_names=dataset.label_names,
        rows=rows,
        predictions=predictions,
        figures=figures,
        start=start,
        simulated=dataset.simulated,
    )


@dataclass(frozen=True)
class Executed:
    """The folds' results, and the seconds that their epochs took together."""

    results: tuple[FoldResult, ...]
    fold_seconds: float


def log_files(run: RunHandle, directory: Path) -> None:
    """Put what the folder of a run or study says of itself beside the run in the tracker."""
    for name in (CONFIG_FILE, PLAN_FILE, REPEATS_FILE, NUMERICS_FILE, ENVIRONMENT_FILE):
        if (directory / name).is_file():
            run.log_artifact(directory / name, folder="run")


def execute(
    job: FoldsJob, executor: FoldsExecutor, tracking: FoldsTracking, shown: EpochDisplay
) -> Executed:
    """Run a job's folds and tell the tracker and the display of every epoch."""
    fold_seconds = 0.0

    def on_epoch(fold_epochs: Sequence[FoldEpoch]) -> None:
        nonlocal fold_seconds
        fold_seconds += sum(entry.seconds for entry in fold_epochs)
        tracking.on_epoch(fold_epochs)
        shown.on_epoch(fold_epochs)

    try:
        results = executor.execute(job, on_epoch=on_epoch, on_progress=shown.on_progress)
        return Executed(results, fold_seconds)
    except BaseException as error:
        tracking.abandon(interrupted=isinstance(error, KeyboardInterrupt | Interrupted))
        raise


def run_name(request: TrainingRequest, *, kind: Literal["cv", "nested"]) -> str:
    """The name that was given, the last run's for `--resume`, or a new one."""
    if request.name is not None:
        return request.name
    stem = f"{request.dataset}-{kind}"
    runs = request.home.runs
    last = last_name(runs, stem, marker=CONFIG_FILE) if request.resume else None
    return last or free_name(runs, stem)
