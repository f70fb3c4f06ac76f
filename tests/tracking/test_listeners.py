"""What a search and a cross-validation leave in the store."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from mlflow.entities import Run

from algr.tracking import FoldsTracking, RefitTracking, SearchTracking, Tracker
from algr.tracking.listeners import mean_metrics

Connect = Callable[[], Tracker]


@dataclass(frozen=True)
class Epoch:
    fold: int
    epoch: int
    validation: dict[str, float | None]
    train: dict[str, float] = field(default_factory=lambda: {"loss": 1.0})
    seconds: float = 2.0


@dataclass(frozen=True)
class Trial:
    number: int
    state: str
    value: float | None
    epochs: int = 2
    seconds: float = 4.0


def epochs(epoch: int, *values: float | None) -> list[Epoch]:
    return [Epoch(fold, epoch, {"f1_macro": value}) for fold, value in enumerate(values)]


def runs_of(tracker: Tracker) -> dict[str, Run]:
    assert tracker.flush() == 0
    found = tracker.store.client().search_runs([tracker.experiment_id])
    return {run.info.run_name: run for run in found}


def history(tracker: Tracker, run_name: str, metric: str) -> list[tuple[int, float]]:
    run_id = runs_of(tracker)[run_name].info.run_id
    rows = tracker.store.client().get_metric_history(run_id, metric)
    return sorted((row.step, row.value) for row in rows)


def search(tracker: Tracker) -> SearchTracking:
    study = tracker.start_run("study", name="night", key="k", tags={"algr.study": "night"})
    return SearchTracking(tracker, study=study, metric="f1_macro")


def test_a_trial_is_a_run_below_its_study(connect: Connect) -> None:
    tracker = connect()
    tracking = search(tracker)

    tracking.on_trial_start(3, {"loss.align_weight": 0.5})
    tracking.on_epoch(3, 0, 0.4, epochs(0, 0.3, 0.5))
    tracking.on_epoch(3, 1, 0.5, epochs(1, 0.4, 0.6))
    tracking.on_trial_end(Trial(3, "COMPLETE", 0.5))

    runs = runs_of(tracker)
    trial = runs["trial-003"]
    assert trial.data.tags["mlflow.parentRunId"] == runs["night"].info.run_id
    assert trial.data.tags["algr.kind"] == "trial"
    assert trial.data.tags["algr.trial"] == "3"
    assert trial.data.tags["algr.study"] == "night"
    assert trial.data.params == {"loss.align_weight": "0.5"}
    assert trial.info.status == "FINISHED"
    assert trial.data.metrics["best/f1_macro"] == 0.5
    assert history(tracker, "trial-003", "val/f1_macro") == [(0, 0.4), (1, 0.5)]
    assert history(tracker, "trial-003", "val_fold/f1_macro_1") == [(0, 0.5), (1, 0.6)]
    assert history(tracker, "trial-003", "train/loss") == [(0, 1.0), (1, 1.0)]
    assert history(tracker, "night", "study/trial_value") == [(3, 0.5)]


@pytest.mark.parametrize(
    ("state", "status"), [("COMPLETE", "FINISHED"), ("PRUNED", "FINISHED"), ("FAIL", "FAILED")]
)
def test_a_trials_state_is_told_in_both_languages(
    connect: Connect, state: str, status: str
) -> None:
    tracker = connect()
    tracking = search(tracker)

    tracking.on_trial_start(0, {})
    tracking.on_trial_end(Trial(0, state, None))

    run = runs_of(tracker)["trial-000"]
    assert (run.info.status, run.data.tags["algr.state"]) == (status, state)


def test_an_interrupted_search_goes_on_with_its_runs(connect: Connect) -> None:
    first = connect()
    interrupted = search(first)
    interrupted.on_trial_start(0, {"loss.align_weight": 0.5})
    interrupted.on_epoch(0, 0, 0.4, epochs(0, 0.3, 0.5))
    interrupted.interrupt()
    status = runs_of(first)["trial-000"].info.status
    first.close()

    second = connect()
    resumed = search(second)
    resumed.on_trial_start(0, {"loss.align_weight": 0.5})
    resumed.on_epoch(0, 0, 0.4, epochs(0, 0.3, 0.5))
    resumed.on_epoch(0, 1, 0.5, epochs(1, 0.4, 0.6))
    resumed.on_trial_end(Trial(0, "COMPLETE", 0.5))

    assert status == "KILLED"
    assert sorted(runs_of(second)) == ["night", "trial-000"]
    run = runs_of(second)["trial-000"]
    assert (run.info.status, run.data.tags["algr.state"]) == ("FINISHED", "COMPLETE")
    assert history(second, "trial-000", "val/f1_macro") == [(0, 0.4), (1, 0.5)]
    assert history(second, "trial-000", "train/loss") == [(0, 1.0), (1, 1.0)]


RESULT = {
    "folds": [
        {"fold": 0, "test_subjects": 8, "chosen_epoch": 1, "metrics": {"f1_macro": 0.5}},
        {"fold": 1, "test_subjects": 7, "chosen_epoch": 0, "metrics": {"f1_macro": None}},
    ],
    "mean": {"f1_macro": 0.5},
    "sd": {"f1_macro": None},
    "pooled": {"f1_macro": 0.45},
}


def test_a_cross_validation_has_a_run_per_fold(connect: Connect) -> None:
    tracker = connect()
    run = tracker.start_run("cv", name="cv", key="k", tags={"algr.protocol": "honest"})
    tracking = FoldsTracking(tracker, run=run, metric="f1_macro")

    tracking.on_epoch(epochs(0, 0.3, 0.5))
    tracking.on_epoch(epochs(1, 0.4, 0.6))
    tracking.finish(RESULT)
    run.end()

    runs = runs_of(tracker)
    assert set(runs) == {"cv", "fold-0", "fold-1"}
    fold = runs["fold-1"]
    assert fold.data.tags["mlflow.parentRunId"] == runs["cv"].info.run_id
    assert fold.data.tags["algr.fold"] == "1"
    assert fold.data.tags["algr.protocol"] == "honest"
    assert fold.info.status == "FINISHED"
    assert fold.data.metrics["test/chosen_epoch"] == 0
    assert "test/f1_macro" not in fold.data.metrics
    assert history(tracker, "fold-1", "val/f1_macro") == [(0, 0.5), (1, 0.6)]
    assert history(tracker, "cv", "val/f1_macro") == [(0, 0.4), (1, 0.5)]
    assert history(tracker, "cv", "cv/f1_macro_by_fold") == [(0, 0.5)]
    assert runs["cv"].data.metrics["cv/f1_macro_mean"] == 0.5
    assert runs["cv"].data.metrics["pooled/f1_macro"] == 0.45
    assert "cv/f1_macro_sd" not in runs["cv"].data.metrics


def test_intervals_and_figures_of_recordings_are_metrics_of_the_cross_validation(
    connect: Connect,
) -> None:
    tracker = connect()
    run = tracker.start_run("cv", name="cv", key="k")
    video = {
        "mean": {"accuracy": 0.6},
        "sd": {"accuracy": 0.1},
        "pooled": {"accuracy": 0.65},
        "interval": {"mean": {"accuracy": [0.5, 0.7]}, "pooled": {"accuracy": None}},
    }
    interval = {"mean": {"f1_macro": [0.25, 0.75]}, "pooled": {"f1_macro": [0.2, 0.7]}}

    tracking = FoldsTracking(tracker, run=run, metric="f1_macro")
    tracking.finish(RESULT | {"interval": interval, "video": video})
    run.end()

    metrics = runs_of(tracker)["cv"].data.metrics
    expected = {
        "cv/f1_macro_low": 0.25,
        "cv/f1_macro_high": 0.75,
        "pooled/f1_macro_low": 0.2,
        "pooled/f1_macro_high": 0.7,
        "video/accuracy_mean": 0.6,
        "video/accuracy_sd": 0.1,
        "video/accuracy_low": 0.5,
        "video/accuracy_high": 0.7,
        "video_pooled/accuracy": 0.65,
    }
    assert {name: metrics.get(name) for name in expected} == expected
    assert "video_pooled/accuracy_low" not in metrics


@pytest.mark.parametrize(("interrupted", "status"), [(True, "KILLED"), (False, "FAILED")])
def test_an_abandoned_cross_validation_ends_its_folds(
    connect: Connect, interrupted: bool, status: str
) -> None:
    tracker = connect()
    run = tracker.start_run("cv", name="cv", key="k")
    tracking = FoldsTracking(tracker, run=run, metric="f1_macro")
    tracking.on_epoch(epochs(0, 0.3, 0.5))

    tracking.abandon(interrupted=interrupted)

    runs = runs_of(tracker)
    assert [runs[name].info.status for name in ("fold-0", "fold-1")] == [status, status]


def test_a_refit_has_losses_and_no_scores(connect: Connect) -> None:
    tracker = connect()
    run = tracker.start_run("refit", name="refit", key="k")

    RefitTracking(run).on_epoch([Epoch(0, 0, {})])

    assert set(runs_of(tracker)["refit"].data.metrics) == {"train/loss", "time/epoch_s"}


def test_the_mean_is_over_the_folds_in_which_a_metric_is_defined() -> None:
    means = mean_metrics(epochs(0, 0.25, None, 0.75))

    assert means["val/f1_macro"] == 0.5
    assert mean_metrics(epochs(0, None))["val/f1_macro"] is None
