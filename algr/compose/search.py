"""`algr tune`: search, cross-validate the best, refit it on everybody, package and register it."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from algr.bundle import BundleSpec, Score, write_bundle
from algr.compose.requests import (
    EpochDisplayFactory,
    Material,
    TrainingRequest,
    free_name,
    last_name,
    open_material,
)
from algr.compose.training import CrossValidated, run_folds
from algr.config import Config, flatten, load_search_space, with_values
from algr.cv import FoldsExecutor, FoldsJob, exported_model, job_identity, refit_epochs
from algr.data import FoldPlan, refit_fold
from algr.distributed import (
    RayTrainExecutor,
    SearchJob,
    SearchOutcome,
    ray_session,
    run_search,
)
from algr.engine import FoldEpoch
from algr.errors import Interrupted, StudyError
from algr.metrics import headline
from algr.models import has_regions, regions_for
from algr.tracking import (
    RefitTracking,
    Registration,
    Registry,
    RunHandle,
    SearchTracking,
    Tracker,
    context_tags,
    run_key,
)
from algr.tune import TrialRecord, read_header, read_records

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

    def __call__(self, *, total: int, num_epochs: int) -> AbstractContextManager[SearchDisplay]:
        """From the number of trials and the epochs of each."""


@dataclass(frozen=True)
class SearchResult:
    """A finished search, and what became of its best configuration."""

    study: str
    run_id: str
    outcome: SearchOutcome
    cross_validated: CrossValidated
    registration: Registration

    def to_dict(self) -> dict[str, Any]:
        """What `algr tune --json` prints."""
        best = self.outcome.best
        return {
            "study": self.study,
            "run_id": self.run_id,
            "trials": [record.to_dict() for record in self.outcome.trials],
            "best": {"number": best.number, "params": dict(best.params), "value": best.value},
            "cv": self.cross_validated.to_dict(),
            "model_version": self.registration.version,
        }


def search(
    request: TrainingRequest,
    *,
    trials: int,
    max_concurrent: int | None,
    space: str | None,
    gate: Literal["mean", "interval"],
    search_display: SearchDisplayFactory,
    epoch_display: EpochDisplayFactory,
) -> SearchResult:
    """Run what is missing of a study and of what follows it.

    Raises:
        AlgrError: Of the part that failed; what was finished is kept for `--resume`.
    """
    material = open_material(request)
    name = _study_name(request)
    directory = request.home.study(name)
    job = SearchJob(
        config=request.config,
        space=load_search_space(
            space, dataset=request.dataset, kind=material.dataset.kind, config=request.config
        ),
        plan=material.plan,
        dataset_directory=material.dataset.directory,
        study_directory=directory,
        trials=trials,
        max_concurrent=max_concurrent,
        resume=request.resume,
    )
    _refuse_other_study(job)
    with (
        ray_session(address=request.address),
        Tracker.connect(request.home, dataset=material.info, uri=request.tracking_uri) as tracker,
    ):
        with search_display(total=trials, num_epochs=request.config.train.num_epochs) as display:
            if (directory / STUDY_FILE).exists():
                display.restore(read_records(directory))
            recorder = _StudyRecorder(tracker, job, display)
            with recorder:
                outcome = run_search(job, listener=recorder)
        finisher = _Finisher(
            request=request,
            material=material,
            study=recorder.study,
            name=name,
            tracker=tracker,
            executor=RayTrainExecutor(workers=request.workers),
            display=epoch_display,
        )
        return finisher.finish(outcome, gate=gate)


class _StudyRecorder:
    """Passes what happens on to the tracker and the display; ends the study's run when it fails.

    The run is started with the first event, when the study's folder exists.
    """

    def __init__(self, tracker: Tracker, job: SearchJob, display: SearchDisplay) -> None:
        self._tracker = tracker
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
                ),
                params=_constants(job),
            )
        return self._study

    @property
    def _trials(self) -> SearchTracking:
        if self._tracking is None:
            metric = headline(self._job.plan.kind)
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
        self._trials.interrupt()
        if issubclass(kind, KeyboardInterrupt | Interrupted):
            self._study.end(status="KILLED", state="INTERRUPTED")
        else:
            self._study.end(status="FAILED", state="FAIL")


@dataclass(frozen=True)
class _Finisher:
    """What follows a search; every step of it continues what an earlier command began."""

    request: TrainingRequest
    material: Material
    study: RunHandle
    name: str
    tracker: Tracker
    executor: FoldsExecutor
    display: EpochDisplayFactory

    def finish(self, outcome: SearchOutcome, *, gate: Literal["mean", "interval"]) -> SearchResult:
        """Cross-validate the best configuration, refit it, register it."""
        best = outcome.best
        config = with_values(self.request.config, best.params)
        with self.study:
            cross_validated = run_folds(
                self.material,
                config=config,
                home=self.request.home,
                name=f"{self.name}-best-{best.number}",
                tracker=self.tracker,
                executor=self.executor,
                display=self.display,
                study=self.name,
            )
            registration = self._refit(config, best, cross_validated, gate=gate)
            self._note(best, cross_validated, registration)
            run_id = self.study.run_id or ""
        return SearchResult(self.name, run_id, outcome, cross_validated, registration)

    def _refit(
        self,
        config: Config,
        best: TrialRecord,
        cross_validated: CrossValidated,
        *,
        gate: Literal["mean", "interval"],
    ) -> Registration:
        """Train on all subjects for the folds' median number of epochs, package, register."""
        epochs = refit_epochs(cross_validated.results)
        directory = self.request.home.run(f"{self.name}-refit-{best.number}")
        job = self._refit_job(_with_epochs(config, epochs), directory)
        dataset = self.material.dataset
        shown = self.display("refit on all subjects", epochs, headline(dataset.kind))
        with self.tracker.start_run(
            "refit",
            name=directory.name,
            key=run_key(_made(directory)),
            tags=self.study.shared_tags,
            params=flatten(job.config),
        ) as run:
            tracking = RefitTracking(run)

            def on_epoch(fold_epochs: Sequence[FoldEpoch]) -> None:
                tracking.on_epoch(fold_epochs)
                shown.on_epoch(fold_epochs)

            self.executor.execute(job, on_epoch=on_epoch)
            model = exported_model(job)
            bundle = write_bundle(
                directory / "bundle", model=model, spec=self._spec(job.config, cross_validated)
            )
            registry = Registry(self.tracker.store)
            return registry.register_bundle(bundle, run_id=run.run_id, gate=gate)

    def _refit_job(self, config: Config, directory: Path) -> FoldsJob:
        dataset, plan = self.material.dataset, self.material.plan
        everybody = FoldPlan(
            dataset=plan.dataset,
            kind=plan.kind,
            fingerprint=plan.fingerprint,
            protocol=plan.protocol,
            seed=plan.seed,
            folds=(refit_fold(dataset),),
        )
        return FoldsJob(
            config=config,
            dataset_directory=dataset.directory,
            plan=everybody,
            folds=(0,),
            run_directory=directory,
            identity=job_identity(config, everybody, (0,)),
            export_model=True,
        )

    def _spec(self, config: Config, cross_validated: CrossValidated) -> BundleSpec:
        dataset, plan, result = self.material.dataset, self.material.plan, cross_validated.result
        by_fold = {
            metric: [fold.metrics[metric] for fold in result.folds] for metric in result.mean
        }
        regions = regions_for(
            kind=dataset.kind,
            label_names=dataset.label_names,
            palsy_regions=config.model.palsy_regions,
        )
        return BundleSpec(
            dataset=dataset.name,
            kind=dataset.kind,
            labels=dataset.label_names,
            config=config,
            fingerprint=dataset.fingerprint,
            simulated=dataset.simulated,
            protocol=plan.protocol,
            folds_hash=plan.folds_hash,
            metric=headline(dataset.kind),
            scores={metric: Score.from_folds(values) for metric, values in by_fold.items()},
            num_subjects=len(dataset.subjects),
            num_frames=dataset.num_frames,
            num_epochs=config.train.num_epochs,
            regions=regions.names if has_regions(config.model) else (),
        )

    def _note(
        self, best: TrialRecord, cross_validated: CrossValidated, registration: Registration
    ) -> None:
        """On the study's run: which trial won, how it scored, which version came of it."""
        metric = headline(self.material.dataset.kind)
        self.study.log_metrics(
            {
                f"best/{metric}_validation": best.value,
                f"cv/{metric}_mean": cross_validated.result.mean[metric],
                f"cv/{metric}_sd": cross_validated.result.sd[metric],
            },
            step=0,
        )
        self.study.set_tags(
            {
                "algr.best_trial": str(best.number),
                "algr.model_version": str(registration.version),
                "algr.promotion": registration.decision.reason,
            }
        )


def _study_name(request: TrainingRequest) -> str:
    if request.name is not None:
        return request.name
    studies = request.home.studies
    last = last_name(studies, request.dataset, marker=STUDY_FILE) if request.resume else None
    return last or free_name(studies, request.dataset)


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


def _with_epochs(config: Config, epochs: int) -> Config:
    grace = min(config.tune.grace_epochs, epochs)
    return with_values(config, {"train.num_epochs": epochs, "tune.grace_epochs": grace})


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory
