"""What follows a search: cross-validate the best, refit it on everybody, package, register."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from algr.bundle import BundleSpec, Score, write_bundle
from algr.compose.requests import EpochDisplayFactory, Material, TrainingRequest
from algr.compose.start import StartInUse
from algr.compose.training import CrossValidated, held_run, run_folds
from algr.config import Config, flatten, with_values
from algr.cv import (
    CHECKPOINT_FILE,
    FoldsExecutor,
    FoldsJob,
    exported_model,
    headline_draws,
    job_identity,
    keys_of_run_since,
    numerics_of_run,
    read_predictions,
    record_numerics,
    refit_epochs,
)
from algr.data import FoldPlan, refit_fold
from algr.distributed import SearchOutcome
from algr.engine import FoldEpoch
from algr.metrics import gather_evidence, headline
from algr.models import has_regions, regions_for
from algr.tracking import RefitTracking, Registration, Registry, RunHandle, Tracker, run_key
from algr.tune import Clock, Halt, Limits, Objective, TrialRecord


@dataclass(frozen=True)
class SearchResult:
    """A finished search, and what became of its best configuration."""

    study: str
    run_id: str
    outcome: SearchOutcome
    cross_validated: CrossValidated | None
    """None of a search that was told to end before."""
    registration: Registration | None
    """None where a limit came before the refit."""

    def to_dict(self) -> dict[str, Any]:
        """What `algr tune --json` prints."""
        best, stopped = self.outcome.best, self.outcome.stopped
        validated = None if self.cross_validated is None else self.cross_validated.to_dict()
        return {
            "study": self.study,
            "run_id": self.run_id,
            "trials": [record.to_dict() for record in self.outcome.trials],
            "best": {"number": best.number, "params": dict(best.params), "value": best.value},
            "cv": validated,
            "model_version": None if self.registration is None else self.registration.version,
            "init": None if validated is None else validated["init"],
            **self._several(),
            "stopped": None if stopped is None else {"by": stopped.kind, "reason": stopped.reason},
        }

    def _several(self) -> dict[str, Any]:
        """Entries of a search with several objectives."""
        objectives = self.outcome.objectives
        if len(objectives) == 1:
            return {}
        return {
            "objectives": {one.name: one.direction for one in objectives},
            "pareto": [record.number for record in self.outcome.front],
        }


@dataclass(frozen=True)
class Finisher:
    """What follows a search; every step of it continues what an earlier command began."""

    request: TrainingRequest
    material: Material
    study: RunHandle
    name: str
    tracker: Tracker
    executor: FoldsExecutor
    display: EpochDisplayFactory
    start: StartInUse | None
    objective: Objective
    """That of the best trial's value."""
    limits: Limits
    clock: Clock = time.time

    def finish(self, outcome: SearchOutcome, *, gate: Literal["mean", "interval"]) -> SearchResult:
        """Cross-validate the best configuration, refit it, register it.

        Where the time is over after the cross-validation, the rest is left for another command.
        """
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
                start=self.start,
                study=self.name,
            )
            if (over := self.limits.over(self.clock())) is None:
                registration = self._refit(config, best, cross_validated, gate=gate)
                self._note(best, cross_validated, registration)
            run_id = self.study.run_id or ""
        if over is not None:
            self.study.end(status="KILLED", state="INTERRUPTED")
            outcome = replace(outcome, stopped=Halt("limit", over))
            return SearchResult(self.name, run_id, outcome, cross_validated, None)
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
        with held_run(directory):
            return self._refit_in(directory, config, epochs, cross_validated, gate=gate)

    def _refit_in(
        self,
        directory: Path,
        config: Config,
        epochs: int,
        cross_validated: CrossValidated,
        *,
        gate: Literal["mean", "interval"],
    ) -> Registration:
        refitted = _with_epochs(config, epochs)
        numerics = self.executor.numerics(refitted, (0,))
        is_begun = (directory / CHECKPOINT_FILE).exists()
        record_numerics(directory, numerics, is_begun=is_begun)
        job = self._refit_job(refitted, directory)
        dataset = self.material.dataset
        shown = self.display("refit on all subjects", epochs, headline(dataset.kind))
        with self.tracker.start_run(
            "refit",
            name=directory.name,
            key=run_key(directory),
            tags=self.study.shared_tags | numerics.tags,
            params=flatten(job.config),
        ) as run:
            tracking = RefitTracking(run)

            def on_epoch(fold_epochs: Sequence[FoldEpoch]) -> None:
                tracking.on_epoch(fold_epochs)
                shown.on_epoch(fold_epochs)

            self.executor.execute(job, on_epoch=on_epoch, on_progress=shown.on_progress)
            model = exported_model(job)
            bundle = write_bundle(
                directory / "bundle", model=model, spec=self._spec(job.config, cross_validated)
            )
            registry = Registry(self.tracker.store)
            return registry.register_bundle(bundle, run_id=run.run_id, gate=gate)

    def _refit_job(self, config: Config, directory: Path) -> FoldsJob:
        dataset, plan = self.material.dataset, self.material.plan
        study = self.request.home.study(self.name)
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
            dataset_place=self.material.place,
            plan=everybody,
            folds=(0,),
            run_directory=directory,
            identity=job_identity(
                config,
                everybody,
                (0,),
                since=keys_of_run_since(study, config),
                numerics=numerics_of_run(directory),
            ),
            start_file=self.start.path if self.start else None,
            export_model=True,
        )

    def _spec(self, config: Config, cross_validated: CrossValidated) -> BundleSpec:
        dataset, plan, result = self.material.dataset, self.material.plan, cross_validated.result
        assert result.statistics is not None, "a cross-validation that has just been concluded"
        intervals = result.statistics.interval.mean
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
            scores={
                metric: Score.from_folds(values, interval=intervals.get(metric))
                for metric, values in by_fold.items()
            },
            num_subjects=len(dataset.subjects),
            num_frames=dataset.num_frames,
            num_epochs=config.train.num_epochs,
            pictures=plan.pictures_of(plan.pictures) or (),
            start=self.start.as_origin() if self.start else None,
            regions=regions.names if has_regions(config.model) else (),
            draws=headline_draws(gather_evidence(read_predictions(cross_validated.predictions))),
        )

    def _note(
        self, best: TrialRecord, cross_validated: CrossValidated, registration: Registration
    ) -> None:
        """On the study's run: which trial won, how it scored, which version came of it."""
        metric = headline(self.material.dataset.kind)
        self.study.log_metrics(
            {
                f"best/{self.objective.metric}_validation": best.value,
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


def _with_epochs(config: Config, epochs: int) -> Config:
    grace = min(config.tune.grace_epochs, epochs)
    return with_values(config, {"train.num_epochs": epochs, "tune.grace_epochs": grace})
