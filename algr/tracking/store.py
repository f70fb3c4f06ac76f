"""Where runs and models are kept: the embedded SQLite store of a data home, or a server."""

import logging
import os
import re
import socket
import sqlite3
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from algr.config import DataHome
from algr.errors import TrackingError
from algr.tracking.environment import impatient, make_client

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

EMBEDDED = "embedded"
ANSWER_TIMEOUT_S = 5.0
_PASSWORD = re.compile(r"(//[^/\s:@]*):[^/\s]+@")
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


@dataclass(frozen=True)
class Store:
    """A tracking store and registry that answered when it was opened."""

    uri: str
    label: str
    """For messages and files: `embedded`, or the address without a password."""
    artifact_root: Path | None
    """Of the embedded store; a server has its own."""

    @property
    def is_embedded(self) -> bool:
        """Whether it is the SQLite file of a data home."""
        return self.label == EMBEDDED

    def client(self) -> "MlflowClient":
        """A client of this store."""
        return make_client(self.uri)


def locate_store(home: DataHome, *, uri: str | None = None) -> Store:
    """The store that a command uses, whether it exists or not. Touches nothing.

    Args:
        home: Whose embedded store is the default.
        uri: Of `--tracking-uri`, else `MLFLOW_TRACKING_URI`, else the embedded store.
    """
    chosen = uri or os.environ.get("MLFLOW_TRACKING_URI") or None
    if chosen is None:
        database = home.tracking / "mlflow.db"
        return Store(
            uri=f"sqlite:///{database}",
            label=EMBEDDED,
            artifact_root=home.tracking / "artifacts",
        )
    return Store(uri=chosen, label=without_password(chosen), artifact_root=None)


def database_file(store: Store) -> Path:
    """The SQLite file of an embedded store."""
    return Path(store.uri.removeprefix("sqlite:///"))


def open_store(home: DataHome, *, uri: str | None = None) -> Store:
    """The store of a command, made if it is the embedded one and new, and asked for an answer.

    Raises:
        TrackingError: It cannot be written, is not a store, or does not answer within seconds.
    """
    store = locate_store(home, uri=uri)
    if store.is_embedded:
        _make_embedded(database_file(store))
    else:
        _require_answer(store)
    ask(store)
    return store


def ask(store: Store) -> None:
    """Query the store once.

    Raises:
        TrackingError: It refuses or does not answer.
    """
    client = store.client()
    from mlflow.exceptions import MlflowException

    try:
        with impatient():
            client.search_experiments(max_results=1)
    except (MlflowException, OSError) as error:
        raise unreachable(store, error) from error


def unreachable(store: Store, reason: object) -> TrackingError:
    """The error for a store that does not answer or refuses."""
    first = first_line(reason)
    if store.is_embedded:
        return TrackingError(
            f"the tracking store {database_file(store)} cannot be used: {first}",
            expected="an SQLite file that this version of MLflow can read and write",
            advice="choose another data home with --data-home, or a server with --tracking-uri",
        )
    return TrackingError(
        f"the tracking server {store.label} does not answer: {first}",
        expected=f"an answer within {ANSWER_TIMEOUT_S:.0f} seconds",
        advice="start the server, mend --tracking-uri (or MLFLOW_TRACKING_URI), or leave it out "
        "to use the embedded store",
    )


def first_line(reason: object) -> str:
    """The first line of an error's text, without the passwords of addresses in it."""
    lines = str(reason).strip().splitlines()
    return _PASSWORD.sub(r"\1:***@", lines[0]) if lines else type(reason).__name__


def without_password(uri: str) -> str:
    """The address with the password of its user replaced."""
    parts = urlsplit(uri)
    if parts.password is None:
        return uri
    location = f"{parts.username}:***@{parts.hostname}"
    if parts.port is not None:
        location += f":{parts.port}"
    return urlunsplit(parts._replace(netloc=location))


def _make_embedded(database: Path) -> None:
    """Create the schema once, however many processes start: MLflow's own creation races."""
    from filelock import FileLock

    folder = database.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK) and (
            not database.exists() or os.access(database, os.W_OK)
        )
    except OSError as error:
        raise _not_writable(folder, error.strerror or str(error)) from error
    if not writable:
        raise _not_writable(folder, "no permission to write")
    with FileLock(folder / "store.lock", timeout=120):
        if _has_schema(database):
            return
        logger.info("Creating the tracking store %s (once, takes some seconds)", database)
        ask(Store(uri=f"sqlite:///{database}", label=EMBEDDED, artifact_root=None))
        with sqlite3.connect(database) as connection:
            connection.execute("PRAGMA journal_mode=wal")
        connection.close()


def _not_writable(folder: Path, reason: str) -> TrackingError:
    return TrackingError(
        f"the tracking folder {folder} cannot be written: {reason}",
        expected="a folder with write permission",
        advice="choose another data home with --data-home, or a server with --tracking-uri",
    )


def _has_schema(database: Path) -> bool:
    """Whether the creation ran to its end: the file is in WAL mode, which is set last.

    Only SQLite may open the file: closing any other handle on it would drop the locks of all
    connections of this process.

    Raises:
        TrackingError: The file is no SQLite file.
    """
    if not database.exists():
        return False
    connection = sqlite3.connect(database)
    try:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0]).lower() == "wal"
    except sqlite3.DatabaseError as error:
        raise TrackingError(
            f"{database} cannot be opened: {error}",
            expected="the tracking store that algr made, an SQLite file",
            advice="move the file away, or choose another data home with --data-home",
        ) from error
    finally:
        connection.close()


def _require_answer(store: Store) -> None:
    """Find out within seconds whether anybody listens; MLflow itself would try for minutes."""
    parts = urlsplit(store.uri)
    scheme = parts.scheme.split("+")[0]
    if scheme in ("http", "https"):
        _require_http(store)
    elif scheme in _PORTS and parts.hostname:
        try:
            address = (parts.hostname, parts.port or _PORTS[scheme])
            socket.create_connection(address, timeout=ANSWER_TIMEOUT_S).close()
        except OSError as error:
            raise unreachable(store, error) from error
    elif scheme == "sqlite":
        _make_embedded(database_file(store).absolute())
    else:
        raise TrackingError(
            f"the tracking address {store.label!r} is of no known kind",
            expected="http://HOST:PORT, https://…, postgresql+psycopg://… or sqlite:////…",
            advice="mend --tracking-uri (or MLFLOW_TRACKING_URI), or leave it out to use the "
            "embedded store",
        )


def _require_http(store: Store) -> None:
    parts = urlsplit(store.uri)
    location = parts.netloc.rpartition("@")[2]
    health = urlunsplit((parts.scheme, location, parts.path.rstrip("/") + "/health", "", ""))
    try:
        with urllib.request.urlopen(health, timeout=ANSWER_TIMEOUT_S):  # noqa: S310 - http only
            return
    except urllib.error.HTTPError as error:
        error.close()
    except (OSError, ValueError) as error:
        raise unreachable(store, getattr(error, "reason", error)) from error
