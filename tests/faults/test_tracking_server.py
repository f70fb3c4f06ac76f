"""A tracking server of its own process, killed while a search tells it everything."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fault_driver import Order
from processes import DEADLINE_S, wait_until
from search_fakes import read_log

from algr.config import DataHome
from algr.tracking.ledger import LedgerFile, list_ledgers
from algr.tune import ask, load_study

OUTAGE_S = 60

pytestmark = [pytest.mark.faults, pytest.mark.ray, pytest.mark.slow]


class Server:
    """MLflow's server on one database, which outlives it."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self._port = listener.getsockname()[1]
        self._folder = folder
        self._folder.mkdir()
        self._process: subprocess.Popen[bytes] | None = None
        self.uri = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        command = [
            *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"),
            *("--port", str(self._port), "--workers", "1"),
            *("--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db"),
            *("--artifacts-destination", str(self._folder / "artifacts")),
        ]
        environment = {
            **os.environ,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_DISABLE_TELEMETRY": "true",
        }
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def values(self) -> dict[int, dict[int, float]]:
        """By trial and epoch, what the server has of the score."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        (experiment,) = client.search_experiments(filter_string="name = 'algr/toy'")
        runs = client.search_runs(
            [experiment.experiment_id], "tags.`algr.kind` = 'trial'", max_results=1000
        )
        return {
            int(run.data.tags["algr.trial"]): {
                row.step: row.value
                for row in client.get_metric_history(run.info.run_id, "val/f1_macro")
            }
            for run in runs
        }

    def states(self) -> set[str]:
        """MLflow's words for what became of all runs."""
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri=self.uri)
        (experiment,) = client.search_experiments(filter_string="name = 'algr/toy'")
        runs = client.search_runs([experiment.experiment_id], max_results=1000)
        return {run.info.status for run in runs}

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                return True
        except OSError:
            return False


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path / "server")
    made.start()
    yield made
    made.kill()


def _ledger(home: DataHome) -> LedgerFile:
    (found,) = list_ledgers(home.tracking / "ledger")
    return found


def _epochs_begun(log: Path) -> int:
    return len(read_log(log)) if log.exists() else 0


def _wait_for_more(count: Callable[[], int], *, more: int) -> None:
    before = count()
    wait_until(lambda: count() >= before + more)


def _values_in(study: Path) -> dict[int, dict[int, float]]:
    """By trial and epoch, what the study knows."""
    return {
        trial.number: {step - 1: value for step, value in trial.intermediate_values.items()}
        for trial in load_study(study).get_trials()
        if trial.intermediate_values
    }


def test_a_search_goes_on_without_its_server_and_loses_nothing(tmp_path, drivers, server):
    study, log, home = tmp_path / "s", tmp_path / "log", DataHome(tmp_path)
    values = {"tune.pruner": "none"}
    order = Order(
        study=str(study), log=str(log), trials=900, seconds=1.0, values=values, uri=server.uri
    )
    driver = drivers.start(order)
    wait_until(lambda: _epochs_begun(log) >= 8)

    server.kill()
    begun = _epochs_begun(log)
    time.sleep(OUTAGE_S)
    begun_in_outage = _epochs_begun(log) - begun
    after_outage = _ledger(home).num_records
    unsent = after_outage - _ledger(home).num_sent
    server.start()
    wait_until(lambda: _ledger(home).num_sent >= after_outage)
    server.kill()  # for good
    _wait_for_more(lambda: _epochs_begun(log), more=8)
    ask(study, "stop")
    _, errors = driver.communicate(timeout=DEADLINE_S)
    drivers.wait_for_nobody()
    kept = _ledger(home).num_records - _ledger(home).num_sent
    server.start()
    sync = [sys.executable, "-m", "algr", "sync", "--tracking-uri", server.uri]
    done = subprocess.run(
        [*sync, "--data-home", str(tmp_path)], capture_output=True, text=True, check=False
    )

    assert driver.returncode == 0
    assert errors.count("does not answer; records are kept in") == 2
    assert f"{kept} records did not reach the tracking store {server.uri}" in errors
    assert "send them with `algr sync`" in errors
    assert begun_in_outage > OUTAGE_S / 4
    assert unsent > begun_in_outage
    assert kept > 8
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{kept} records of 1 ledgers sent, 0 abandoned runs closed\n"
    assert server.values() == {
        number: pytest.approx(values) for number, values in _values_in(study).items()
    }
    assert server.states() == {"FINISHED", "KILLED"}
