"""Settings that MLflow reads from the environment: set before it is imported, and only then."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_CONFIGURE_LOGGING": "false",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
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


@contextlib.contextmanager
def without_advice() -> Iterator[None]:
    """Keep away what MLflow warns of when its models are imported and saved.

    It is about type hints of its own classes, and an input example that we leave out because it
    costs seconds and adds nothing to the signature.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


@contextlib.contextmanager
def as_default_store(uri: str) -> Iterator[None]:
    """Make a store MLflow's default, and put back what was there.

    The database registry asks the default store for a logged model whatever client it is called
    from (mlflow 3.17, `SqlAlchemyStore.create_model_version`); left alone that is a new file in the
    working directory.
    """
    from mlflow.tracking._tracking_service.utils import _use_tracking_uri

    before = os.environ.get("MLFLOW_TRACKING_URI")
    try:
        with _use_tracking_uri(uri):
            yield
    finally:
        if before is not None:
            os.environ["MLFLOW_TRACKING_URI"] = before


def make_client(uri: str) -> "MlflowClient":
    """A client of one store for runs and registry; MLflow's process-wide settings stay alone."""
    prepare_environment()
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)
