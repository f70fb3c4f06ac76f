"""What a search and a cross-validation tell, written as runs.

They fit the listener of a search and the `on_epoch` of an executor by shape, and know neither.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from algr.tracking.tracker import RunHandle, Tracker

SECTIONS = frozenset({"video", "subject", "units"})
"""Parts of a result that have figures of their own."""


class EpochOfFold(Protocol):
    """One finished epoch of one fold."""

    @property
    def fold(self) -> int:
        """Index of the fold."""

    @property
    def epoch(self) -> int:
        """0-based."""

    @property
    def train(self) -> Mapping[str, float]:
        """Losses and the like."""

    @property
    def validation(self) -> Mapping[str, float | None]:
        """Scores."""

    @property
    def seconds(self) -> float:
        """Wall time."""


class FinishedTrial(Protocol):
    """The record of a trial at its end."""

    @property
    def number(self) -> int:
        """Of the trial in its study."""

    @property
    def state(self) -> str:
        """COMPLETE, PRUNED or FAIL."""

    @property
    def value(self) -> float | None:
        """Of its best epoch."""

    @property
    def epochs(self) -> int:
        """Finished ones."""

    @property
    def seconds(self) -> float | None:
        """Wall time."""


class SearchTracking:
    """A study's run with one run per trial below it.

    Args:
        tracker: Of the dataset.
        study: The run of the study.
        metric: The headline, for instance `f1_macro`.
    """

    def __init__(self, tracker: Tracker, *, study: RunHandle, metric: str) -> None:
        self._tracker = tracker
        self._study = study
        self._metric = metric
        self._trials: dict[int, RunHandle] = {}

    def on_trial_start(self, number: int, params: Mapping[str, Any]) -> None:
        """A trial begins, or goes on after an interruption; its parameters are what is searched."""
        self._trials[number] = self._tracker.start_run(
            "trial",
            name=f"trial-{number:03d}",
            key=f"{self._study.key}/trial-{number}",
            parent=self._study,
            tags={"algr.trial": str(number)},
            params=params,
        )

    def on_epoch(
        self, number: int, epoch: int, value: float | None, fold_epochs: Sequence[EpochOfFold]
    ) -> None:
        """An epoch of all folds is finished: means over folds, and the headline of each fold."""
        metrics = mean_metrics(fold_epochs)
        metrics[f"val/{self._metric}"] = value
        for fold in fold_epochs:
            metrics[f"val_fold/{self._metric}_{fold.fold}"] = fold.validation.get(self._metric)
        self._trials[number].log_metrics(metrics, step=epoch)

    def on_trial_end(self, record: FinishedTrial) -> None:
        """A trial is over. A pruned one is finished in MLflow's words, and tagged PRUNED."""
        run = self._trials.pop(record.number)
        run.log_metrics(
            {
                f"best/{self._metric}": record.value,
                "time/epochs": record.epochs,
                "time/seconds": record.seconds,
            },
            step=0,
        )
        run.end(
            status="FAILED" if record.state == "FAIL" else "FINISHED",
            state=record.state,
        )
        if record.state == "COMPLETE":
            self._study.log_metrics({"study/trial_value": record.value}, step=record.number)

    def interrupt(self) -> None:
        """End the trials that are still running; a resumed study goes on with their runs."""
        for number in sorted(self._trials):
            self._trials.pop(number).end(status="KILLED", state="INTERRUPTED")


class FoldsTracking:
    """The run of a cross-validation with one run per fold below it.

    Args:
        tracker: Of the dataset.
        run: The run of the cross-validation.
        metric: The headline, for instance `f1_macro`.
    """

    def __init__(self, tracker: Tracker, *, run: RunHandle, metric: str) -> None:
        self._tracker = tracker
        self._run = run
        self._metric = metric
        self._folds: dict[int, RunHandle] = {}

    def on_epoch(self, fold_epochs: Sequence[EpochOfFold]) -> None:
        """An epoch of some or all folds is finished."""
        for fold in fold_epochs:
            self._fold(fold.fold).log_metrics(fold_metrics(fold), step=fold.epoch)
        if fold_epochs:
            self._run.log_metrics(mean_metrics(fold_epochs), step=fold_epochs[0].epoch)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Write the result, in the form that `algr cv --json` prints, and end the folds' runs."""
        for fold in result["folds"]:
            number = fold["fold"]
            run = self._fold(number)
            tested = {f"test/{name}": value for name, value in fold["metrics"].items()}
            run.log_metrics(tested | {"test/chosen_epoch": fold["chosen_epoch"]}, step=0)
            run.set_tags({"algr.test_subjects": str(fold["test_subjects"])})
            by_fold = {f"cv/{self._metric}_by_fold": fold["metrics"].get(self._metric)}
            self._run.log_metrics(by_fold, step=number)
            run.end()
        self._folds.clear()
        summary = {f"cv/{name}_mean": value for name, value in result["mean"].items()}
        summary |= {f"cv/{name}_sd": value for name, value in result["sd"].items()}
        summary |= {f"pooled/{name}": value for name, value in result["pooled"].items()}
        summary |= interval_metrics(result.get("interval"), mean="cv", pooled="pooled")
        for section in SECTIONS & result.keys():
            summary |= section_metrics(section, result[section])
        self._run.log_metrics(summary, step=0)

    def abandon(self, *, interrupted: bool) -> None:
        """End the folds' runs after an error or interruption; a resumed run goes on with them."""
        for number in sorted(self._folds):
            if interrupted:
                self._folds.pop(number).end(status="KILLED", state="INTERRUPTED")
            else:
                self._folds.pop(number).end(status="FAILED", state="FAIL")

    def _fold(self, number: int) -> RunHandle:
        if number not in self._folds:
            self._folds[number] = self._tracker.start_run(
                "fold",
                name=f"fold-{number}",
                key=f"{self._run.key}/fold-{number}",
                parent=self._run,
                tags={"algr.fold": str(number)},
            )
        return self._folds[number]


class RefitTracking:
    """The run of the final training on all subjects: its losses per epoch."""

    def __init__(self, run: RunHandle) -> None:
        self._run = run

    def on_epoch(self, fold_epochs: Sequence[EpochOfFold]) -> None:
        """An epoch is finished."""
        for fold in fold_epochs:
            self._run.log_metrics(fold_metrics(fold), step=fold.epoch)


def section_metrics(name: str, section: Mapping[str, Any]) -> dict[str, float | None]:
    """Figures of recordings, people or units: mean, deviation, pooled, and intervals."""
    metrics = {f"{name}/{key}_mean": value for key, value in section["mean"].items()}
    metrics |= {f"{name}/{key}_sd": value for key, value in section["sd"].items()}
    metrics |= {f"{name}_pooled/{key}": value for key, value in section["pooled"].items()}
    return metrics | interval_metrics(section["interval"], mean=name, pooled=f"{name}_pooled")


def interval_metrics(
    interval: Mapping[str, Any] | None, *, mean: str, pooled: str
) -> dict[str, float | None]:
    """Both ends of the intervals; figures without one are left out.

    Args:
        interval: As `algr cv --json` has it.
        mean: First part of the names of means over folds.
        pooled: The same of pooled figures.
    """
    metrics: dict[str, float | None] = {}
    for prefix, figures in ((mean, "mean"), (pooled, "pooled")):
        for name, ends in (interval or {}).get(figures, {}).items():
            if ends is not None:
                metrics[f"{prefix}/{name}_low"], metrics[f"{prefix}/{name}_high"] = ends
    return metrics


def fold_metrics(fold: EpochOfFold) -> dict[str, float | None]:
    """The metrics of one fold's epoch, by their names in MLflow."""
    metrics: dict[str, float | None] = {f"train/{name}": v for name, v in fold.train.items()}
    metrics |= {f"val/{name}": value for name, value in fold.validation.items()}
    return metrics | {"time/epoch_s": fold.seconds}


def mean_metrics(fold_epochs: Sequence[EpochOfFold]) -> dict[str, float | None]:
    """The mean of each metric over the folds in which it is defined."""
    per_fold = [fold_metrics(fold) for fold in fold_epochs]
    names = dict.fromkeys(name for metrics in per_fold for name in metrics)
    means: dict[str, float | None] = {}
    for name in names:
        values = [v for metrics in per_fold if (v := metrics.get(name)) is not None]
        means[name] = sum(values) / len(values) if values else None
    return means
