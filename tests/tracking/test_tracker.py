"""Runs as they stand in the embedded store."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.entities import Run

from algr.config import DataHome
from algr.errors import Interrupted
from algr.tracking import DatasetInfo, Tracker, context_tags, run_key

Connect = Callable[[], Tracker]


def runs_of(tracker: Tracker) -> dict[str, Run]:
    assert tracker.flush() == 0
    found = tracker.store.client().search_runs([tracker.experiment_id])
    return {run.info.run_name: run for run in found}


def history(tracker: Tracker, run_name: str, metric: str) -> list[tuple[int, float]]:
    run_id = runs_of(tracker)[run_name].info.run_id
    rows = tracker.store.client().get_metric_history(run_id, metric)
    return sorted((row.step, row.value) for row in rows)


def test_a_run_says_what_it_is_about(connect: Connect, dataset: DatasetInfo) -> None:
    tracker = connect()
    tags = context_tags(protocol="honest", folds_hash="a" * 64, seed=3, study="night")

    with tracker.start_run("study", name="night", key="k1", tags=tags, params={"seed": 3}):
        pass

    run = runs_of(tracker)["night"]
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "3"}
    assert run.data.tags["algr.kind"] == "study"
    assert run.data.tags["algr.study"] == "night"
    assert run.data.tags["algr.protocol"] == "honest"
    assert run.data.tags["algr.folds"] == "a" * 64
    assert run.data.tags["algr.seed"] == "3"
    assert run.data.tags["algr.simulated"] == "true"
    assert run.data.tags["algr.fingerprint"] == dataset.fingerprint
    assert run.data.tags["algr.version"]
    assert run.data.tags["mlflow.user"]
    assert run.data.tags["mlflow.source.name"] == "algr"


def test_the_dataset_is_an_input_of_the_run(connect: Connect, dataset: DatasetInfo) -> None:
    tracker = connect()

    tracker.start_run("cv", name="cv", key="k1")

    inputs = runs_of(tracker)["cv"].inputs.dataset_inputs
    assert [entry.dataset.name for entry in inputs] == [dataset.name]
    assert inputs[0].dataset.digest == dataset.fingerprint[:32]


def test_a_child_run_hangs_below_its_parent_and_shares_its_tags(connect: Connect) -> None:
    tracker = connect()
    parent = tracker.start_run("study", name="s", key="k1", tags={"algr.study": "s"})

    tracker.start_run("trial", name="t", key="k1/t", parent=parent, tags={"algr.trial": "0"})

    runs = runs_of(tracker)
    assert runs["t"].data.tags["mlflow.parentRunId"] == runs["s"].info.run_id
    assert runs["t"].data.tags["algr.study"] == "s"
    assert "algr.trial" not in runs["s"].data.tags


def test_the_handle_knows_the_id_of_the_run(connect: Connect) -> None:
    tracker = connect()

    run = tracker.start_run("cv", name="cv", key="k1")

    assert run.run_id == runs_of(tracker)["cv"].info.run_id


def test_metrics_keep_their_steps_and_leave_out_what_is_undefined(connect: Connect) -> None:
    tracker = connect()
    run = tracker.start_run("trial", name="t", key="k1")

    run.log_metrics({"val/f1_macro": 0.25, "val/f1_high": None}, step=0)
    run.log_metrics({"val/f1_macro": 0.5}, step=1)

    assert history(tracker, "t", "val/f1_macro") == [(0, 0.25), (1, 0.5)]
    assert "val/f1_high" not in runs_of(tracker)["t"].data.metrics


def test_a_file_becomes_an_artifact_below_the_data_home(
    connect: Connect, home: DataHome, tmp_path: Path
) -> None:
    tracker = connect()
    (tmp_path / "folds.json").write_text("{}")
    run = tracker.start_run("cv", name="cv", key="k1")

    run.log_artifact(tmp_path / "folds.json", folder="plan")

    location = Path(runs_of(tracker)["cv"].info.artifact_uri)
    assert (location / "plan" / "folds.json").read_text() == "{}"
    assert location.is_relative_to(home.tracking / "artifacts")


@pytest.mark.parametrize(
    ("error", "status", "state"),
    [
        (ValueError("bug"), "FAILED", "FAIL"),
        (Interrupted("stopped"), "KILLED", "INTERRUPTED"),
        (KeyboardInterrupt(), "KILLED", "INTERRUPTED"),
    ],
)
def test_a_run_that_ends_by_an_error_says_so(
    connect: Connect, error: BaseException, status: str, state: str
) -> None:
    tracker = connect()

    with (
        pytest.raises(type(error)),
        tracker.start_run("cv", name="cv", key="k1"),
    ):
        raise error

    run = runs_of(tracker)["cv"]
    assert (run.info.status, run.data.tags["algr.state"]) == (status, state)


def test_a_resumed_run_is_continued_and_repeats_nothing(connect: Connect) -> None:
    first = connect()
    run = first.start_run("cv", name="cv", key="k1", params={"seed": 0})
    run.log_metrics({"val/f1_macro": 0.25}, step=0)
    run.end(status="KILLED", state="INTERRUPTED")
    first.close()

    second = connect()
    again = second.start_run("cv", name="cv", key="k1", params={"seed": 0})
    again.log_metrics({"val/f1_macro": 0.25}, step=0)
    again.log_metrics({"val/f1_macro": 0.5}, step=1)
    running = runs_of(second)["cv"].info.status
    again.end()

    assert running == "RUNNING"
    assert list(runs_of(second)) == ["cv"]
    assert runs_of(second)["cv"].info.status == "FINISHED"
    assert history(second, "cv", "val/f1_macro") == [(0, 0.25), (1, 0.5)]


def test_a_changed_parameter_of_a_resumed_run_is_reported(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    first = connect()
    first.start_run("cv", name="cv", key="k1", params={"seed": 0})
    first.close()

    second = connect()
    second.start_run("cv", name="cv", key="k1", params={"seed": 1})

    assert runs_of(second)["cv"].data.params == {"seed": "0"}
    assert "parameters of a run cannot change" in caplog.text
    assert "seed" in caplog.text


def test_the_key_of_a_folder_stays(tmp_path: Path) -> None:
    first = run_key(tmp_path)

    assert run_key(tmp_path) == first
    assert len(first) == 32


def test_nothing_is_printed(connect: Connect, capfd: pytest.CaptureFixture[str]) -> None:
    tracker = connect()

    with tracker.start_run("cv", name="cv", key="k1") as run:
        run.log_metrics({"train/loss": 1.0}, step=0)
    tracker.close()

    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
