"""Opening stores: what is found out before any work begins."""

import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from algr.config import DataHome
from algr.errors import TrackingError
from algr.tracking import DatasetInfo, Tracker, locate_store, open_store
from algr.tracking import store as store_module
from algr.tracking.store import database_file, first_line, without_password


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_locating_a_store_creates_nothing(tmp_path: Path) -> None:
    store = locate_store(DataHome(tmp_path / "home"))

    assert store.is_embedded
    assert database_file(store) == tmp_path / "home" / "tracking" / "mlflow.db"
    assert not (tmp_path / "home").exists()


def test_the_option_comes_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://environment:5000")

    assert locate_store(DataHome(tmp_path)).uri == "http://environment:5000"
    assert locate_store(DataHome(tmp_path), uri="http://option:1").uri == "http://option:1"


def test_the_embedded_store_lets_readers_and_a_writer_work_at_once(home: DataHome) -> None:
    store = open_store(home)

    connection = sqlite3.connect(database_file(store))
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    connection.close()
    assert mode == "wal"


def test_opening_the_store_again_keeps_the_locks_of_this_process(home: DataHome) -> None:
    database = database_file(open_store(home))
    ours = sqlite3.connect(database)
    ours.execute("SELECT count(*) FROM runs").fetchone()

    open_store(home)
    other = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.close()"
    )
    statement = "UPDATE experiments SET name = name"
    subprocess.run([sys.executable, "-c", other, str(database), statement], check=True)

    # Whoever closes the last connection removes this file; the other process was not the last.
    assert database.with_name("mlflow.db-wal").exists()
    ours.close()


def test_a_server_that_is_down_is_an_error_and_changes_nothing(
    tmp_path: Path, dataset: DatasetInfo, closed_port: int
) -> None:
    uri = f"http://127.0.0.1:{closed_port}"

    with pytest.raises(TrackingError, match=f"{uri} does not answer") as caught:
        Tracker.connect(DataHome(tmp_path / "home"), dataset=dataset, uri=uri)

    assert "--tracking-uri" in caught.value.advice
    assert not (tmp_path / "home").exists()


def test_a_server_that_hangs_is_an_error_soon(
    tmp_path: Path, silent_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "ANSWER_TIMEOUT_S", 0.2)

    with pytest.raises(TrackingError, match="does not answer"):
        open_store(DataHome(tmp_path), uri=f"http://127.0.0.1:{silent_port}")


def test_a_database_server_that_is_down_is_an_error_soon(tmp_path: Path, closed_port: int) -> None:
    uri = f"postgresql+psycopg://me:secret@127.0.0.1:{closed_port}/mlflow"

    with pytest.raises(TrackingError, match=r"me:\*\*\*@127") as caught:
        open_store(DataHome(tmp_path), uri=uri)

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("uri", ["tracking.example.org", "ftp://host/x", "./mlruns", "file:///x"])
def test_an_address_of_no_known_kind_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(TrackingError, match="is of no known kind"):
        open_store(DataHome(tmp_path), uri=uri)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(TrackingError, match="cannot be written"):
        open_store(DataHome(tmp_path / "home"))


def test_a_folder_without_write_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The tests may run as a user whom permissions do not stop.
    monkeypatch.setattr(store_module.os, "access", lambda path, mode: False)

    with pytest.raises(TrackingError, match="no permission to write"):
        open_store(DataHome(tmp_path))


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    database = tmp_path / "tracking" / "mlflow.db"
    database.parent.mkdir()
    database.write_text("my thesis, the only copy")

    with pytest.raises(TrackingError, match="file is not a database"):
        open_store(DataHome(tmp_path))

    assert database.read_text() == "my thesis, the only copy"


def test_a_password_is_never_shown() -> None:
    assert without_password("https://me:secret@host:8080/x") == "https://me:***@host:8080/x"
    assert without_password("http://host:5000") == "http://host:5000"


def test_a_message_shows_no_password() -> None:
    error = OSError("GET https://me:s3cr:t@host:8080/api failed, as did http://:t0ken@other/\nmore")

    assert first_line(error) == "GET https://me:***@host:8080/api failed, as did http://:***@other/"
