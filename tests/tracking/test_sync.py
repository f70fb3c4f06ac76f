"""Replaying ledgers into a real store."""

from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from algr.config import DataHome
from algr.tracking import DatasetInfo, Tracker, sync
from algr.tracking.apply import RecordWriter
from algr.tracking.ledger import LedgerFile, list_ledgers

Connect = Callable[[], Tracker]


def runs_of(tracker: Tracker) -> dict[str, Run]:
    found = tracker.store.client().search_runs([tracker.experiment_id])
    return {run.info.run_name: run for run in found}


def ledgers_of(home: DataHome, dataset: DatasetInfo) -> list[LedgerFile]:
    return [
        ledger
        for ledger in list_ledgers(home.tracking / "ledger")
        if ledger.header.experiment == f"algr/{dataset.name}"
    ]


def offline(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Tracker:
    """A tracker that has ended, and whose store went away as soon as it was there."""

    def refuse(writer: RecordWriter, record: object) -> None:
        raise MlflowException("Max retries exceeded")

    with monkeypatch.context() as patch:
        patch.setattr(RecordWriter, "apply", refuse)
        tracker = connect()
        with tracker.start_run("cv", name="cv", key="k1") as run:
            run.log_metrics({"val/f1_macro": 0.25}, step=0)
            run.log_metrics({"val/f1_macro": 0.5}, step=1)
        assert tracker.close(timeout_s=0.1) == 5
    return tracker


def test_what_an_outage_kept_back_is_sent_later(
    connect: Connect, home: DataHome, dataset: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = offline(connect, monkeypatch)
    before = runs_of(tracker)

    report = sync(home)

    assert before == {}
    assert report.num_records == 5
    run = runs_of(tracker)["cv"]
    assert run.info.status == "FINISHED"
    history = tracker.store.client().get_metric_history(run.info.run_id, "val/f1_macro")
    assert [(row.step, row.value) for row in history] == [(0, 0.25), (1, 0.5)]


def test_metrics_keep_the_time_at_which_they_were_measured(
    connect: Connect, home: DataHome, dataset: DatasetInfo, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = offline(connect, monkeypatch)
    (ledger,) = ledgers_of(home, dataset)
    written = [r["at"] for r in ledger.records() if r["op"] == "metrics"]

    sync(home)

    run_id = runs_of(tracker)["cv"].info.run_id
    history = tracker.store.client().get_metric_history(run_id, "val/f1_macro")
    assert [row.timestamp for row in history] == written


def test_a_second_and_a_full_replay_change_nothing(
    connect: Connect, home: DataHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = offline(connect, monkeypatch)
    sync(home)
    first = runs_of(tracker)["cv"]

    again = sync(home)
    sync(home, everything=True)

    assert again.num_records == 0
    runs = tracker.store.client().search_runs([tracker.experiment_id])
    assert len(runs) == 1
    history = tracker.store.client().get_metric_history(first.info.run_id, "val/f1_macro")
    assert len(history) == 2
    assert runs[0].info.status == "FINISHED"
    assert runs[0].info.end_time == first.info.end_time


def test_the_next_command_on_the_dataset_sends_it_too(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline(connect, monkeypatch)

    tracker = connect()

    assert tracker.flush() == 0
    assert list(runs_of(tracker)) == ["cv"]


def test_a_run_whose_process_was_killed_is_closed(
    connect: Connect, home: DataHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = connect()
    tracker.start_run("cv", name="cv", key="k1")
    assert tracker.flush() == 0
    running = runs_of(tracker)["cv"].info.status
    tracker.close()

    report = sync(home)

    assert running == "RUNNING"
    assert report.num_closed_runs >= 1
    run = runs_of(tracker)["cv"]
    assert (run.info.status, run.data.tags["algr.state"]) == ("KILLED", "INTERRUPTED")


def test_a_run_of_a_living_process_is_left_alone(connect: Connect, home: DataHome) -> None:
    tracker = connect()
    tracker.start_run("cv", name="cv", key="k1")
    assert tracker.flush() == 0

    sync(home)

    assert runs_of(tracker)["cv"].info.status == "RUNNING"


def test_a_run_that_another_process_went_on_with_is_left_alone(
    connect: Connect, home: DataHome
) -> None:
    killed = connect()
    killed.start_run("cv", name="cv", key="k1")
    killed.close()
    resumed = connect()
    resumed.start_run("cv", name="cv", key="k1")
    assert resumed.flush() == 0

    sync(home)

    assert runs_of(resumed)["cv"].info.status == "RUNNING"


def test_a_file_that_is_gone_does_not_hold_up_the_rest(
    connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tracker = connect()
    run = tracker.start_run("cv", name="cv", key="k1")

    run.log_artifact(tmp_path / "gone.json")
    run.end()

    assert tracker.flush() == 0
    assert runs_of(tracker)["cv"].info.status == "FINISHED"
    assert "is gone" in caplog.text
