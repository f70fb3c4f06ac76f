"""How to open MLflow's own interface on a store."""

import os
import sys
from dataclasses import dataclass, field
from urllib.parse import quote

from algr.config import DataHome
from algr.tracking.store import open_store
from algr.tracking.tracker import experiment_name


@dataclass(frozen=True, kw_only=True)
class UiCommand:
    """What to run, and where to look then."""

    argv: tuple[str, ...]
    """Empty for a server, which has its interface already."""
    environment: dict[str, str] = field(repr=False)
    url: str
    """Page to open."""


def ui_command(
    home: DataHome,
    *,
    uri: str | None = None,
    host: str = "127.0.0.1",
    port: int = 5000,
    dataset: str | None = None,
) -> UiCommand:
    """The command that serves MLflow's interface on the store that other commands use.

    Args:
        home: Of the embedded store.
        uri: Of a server; else `MLFLOW_TRACKING_URI`, else the embedded store.
        host: To listen on.
        port: To listen on.
        dataset: Whose experiment to show first; else the list of experiments.

    Raises:
        TrackingError: The store cannot be used or does not answer.
    """
    store = open_store(home, uri=uri)
    page = "experiments"
    if dataset is not None:
        experiment = store.client().get_experiment_by_name(experiment_name(dataset))
        if experiment is not None:
            page = f"experiments/{quote(experiment.experiment_id)}/runs"
    # Without this MLflow opens an experiment in its view for language models.
    fragment = f"#/{page}?workflowType=machine_learning"
    if store.uri.startswith(("http://", "https://")):
        return UiCommand(
            argv=(), environment=dict(os.environ), url=f"{store.uri.rstrip('/')}/{fragment}"
        )
    argv = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", store.uri]
    if store.artifact_root is not None:
        argv += ["--default-artifact-root", str(store.artifact_root)]
    argv += ["--host", host, "--port", str(port), "--workers", "1"]
    environment = dict(os.environ) | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_CONFIGURE_LOGGING": "true",
    }
    return UiCommand(
        argv=tuple(argv), environment=environment, url=f"http://{host}:{port}/{fragment}"
    )
