"""Settings that MLflow reads from the environment: set before it is imported, and only then."""

import contextlib
import logging
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}
_WHILE_CONNECTING = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
}
_WHILE_RUNNING = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
"""Few retries: what is not sent stays in the ledger, which tries again by itself."""


def prepare_environment() -> None:
    """Switch off MLflow's telemetry, its lines on standard output and its own logging."""
    os.environ.update(_QUIET)
    os.environ.update(_WHILE_RUNNING)
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)


@contextlib.contextmanager
def impatient() -> Iterator[None]:
    """Let MLflow give up after seconds; for the first question to a server."""
    os.environ.update(_WHILE_CONNECTING)
    try:
        yield
    finally:
        os.environ.update(_WHILE_RUNNING)


def make_client(uri: str) -> "MlflowClient":
    """A client of one store for runs and registry; MLflow's process-wide settings stay alone."""
    prepare_environment()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)
