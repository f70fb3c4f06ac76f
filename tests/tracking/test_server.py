"""MLflow's own server: as interface of the embedded store, and as a server that goes away."""

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from algr.config import DataHome
from algr.tracking import DatasetInfo, Tracker, UiCommand, sync, ui_command

pytestmark = [pytest.mark.slow]

START_TIMEOUT_S = 150


@pytest.fixture
def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[UiCommand], subprocess.Popen[bytes]]]:
    """Starts a command and waits until it answers; whatever still runs is stopped at the end."""
    started = []

    def start(command: UiCommand) -> subprocess.Popen[bytes]:
        with (tmp_path / "server.log").open("ab") as log:
            process = subprocess.Popen(
                command.argv, env=command.environment, stdout=log, stderr=log, cwd=tmp_path
            )
        started.append(process)
        wait_for(command.url.partition("#")[0])
        return process

    yield start
    for process in started:
        process.terminate()
        process.wait(timeout=60)


def wait_for(url: str) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < deadline, f"{url} does not answer"
            time.sleep(0.5)
        else:
            return


def test_the_interface_shows_the_embedded_store_and_a_server_may_go_away(
    home: DataHome,
    dataset: DatasetInfo,
    port: int,
    run: Callable[[UiCommand], subprocess.Popen[bytes]],
    tmp_path: Path,
) -> None:
    """One server for all of it, because it takes most of a minute to start."""
    with (
        Tracker.connect(home, dataset=dataset) as tracker,
        tracker.start_run("cv", name="a", key="a"),
    ):
        pass
    command = ui_command(home, port=port, dataset=dataset.name)
    server = run(command)

    with urllib.request.urlopen(command.url.partition("#")[0], timeout=30) as page:
        assert b"MLflow" in page.read()
    assert (
        f"/#/experiments/{tracker.experiment_id}/runs?workflowType=machine_learning" in command.url
    )
    assert command.environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"

    remote = DataHome(tmp_path / "elsewhere")
    uri = f"http://127.0.0.1:{port}"
    away = Tracker.connect(remote, dataset=dataset, uri=uri)
    kept = away.start_run("cv", name="b", key="b")
    assert kept.run_id is not None
    server.terminate()
    server.wait(timeout=60)
    kept.log_metrics({"val/f1_macro": 0.5}, step=0)
    kept.end()
    unsent = away.close(timeout_s=2)

    run(command)
    report = sync(remote, uri=uri)

    assert unsent == report.num_records == 3
    assert not (remote.tracking / "mlflow.db").exists()
    stored = tracker.store.client().get_run(kept.run_id)
    assert stored.info.status == "FINISHED"
    assert stored.data.metrics == {"val/f1_macro": 0.5}


def test_a_server_has_its_own_interface(
    home: DataHome, monkeypatch: pytest.MonkeyPatch, dataset: DatasetInfo
) -> None:
    monkeypatch.setattr("algr.tracking.interface.open_store", lambda home, uri: _Server())

    command = ui_command(home, uri="http://mlflow:5000/")

    assert command.argv == ()
    assert command.url == "http://mlflow:5000/#/experiments?workflowType=machine_learning"


class _Server:
    uri = "http://mlflow:5000/"
    artifact_root = None
