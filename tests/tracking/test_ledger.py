"""The ledger and the thread that sends it; no store is involved."""

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.exceptions import MlflowException

from algr.tracking import sender as sender_module
from algr.tracking.apply import RefusedRecord
from algr.tracking.ledger import Header, LedgerFile, LedgerWriter, list_ledgers
from algr.tracking.sender import Sender

HEADER = Header(store="embedded", experiment="algr/x")


class FakeWriter:
    """Takes records unless it is down."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []
        self.is_up = threading.Event()
        self.is_up.set()

    def apply(self, record: dict[str, Any]) -> None:
        if not self.is_up.is_set():
            raise MlflowException("Max retries exceeded")
        if record.get("op") == "bad":
            raise RefusedRecord("no such run")
        self.taken.append(record)

    def run_id(self, key: str) -> str | None:
        return "id" if {"op": "run", "run": key} in self.taken else None


class TakesOne(FakeWriter):
    """Is down after its first record."""

    def apply(self, record: dict[str, Any]) -> None:
        super().apply(record)
        self.is_up.clear()


@pytest.fixture
def writer() -> FakeWriter:
    return FakeWriter()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[LedgerWriter]:
    with LedgerWriter(tmp_path, header=HEADER) as opened:
        yield opened


@pytest.fixture
def start(writer: FakeWriter, ledger: LedgerWriter) -> Iterator[Callable[..., Sender]]:
    """Starts a sender."""
    started = []

    def make(*older: LedgerFile) -> Sender:
        own = LedgerFile(ledger.path, HEADER)
        started.append(Sender(writer, older=older, own=own, label="http://host"))
        started[-1].start()
        return started[-1]

    yield make
    for sender in started:
        sender.close(timeout_s=1)


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "_FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(sender_module, "_LONGEST_PAUSE_S", 0.02)


def numbered(count: int) -> list[dict[str, Any]]:
    return [{"op": "metrics", "run": "k", "step": step} for step in range(count)]


def test_records_come_back_as_they_were_written(tmp_path: Path, ledger: LedgerWriter) -> None:
    ledger.append({"op": "metrics", "metrics": {"loss": float("nan"), "f1": 0.1}})

    (file,) = list_ledgers(tmp_path)

    (record,) = file.records()
    assert file.header == HEADER
    assert record["metrics"]["f1"] == 0.1
    assert record["metrics"]["loss"] != record["metrics"]["loss"]


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path, ledger: LedgerWriter) -> None:
    ledger.append({"op": "a"})
    ledger.close()
    with ledger.path.open("a") as file:
        file.write('{"op": "b", "ru')

    assert [record["op"] for record in list_ledgers(tmp_path)[0].records()] == ["a"]


def test_an_empty_file_of_a_crash_is_no_ledger(tmp_path: Path) -> None:
    (tmp_path / "1.jsonl").touch()

    assert list_ledgers(tmp_path) == ()


def test_the_ledger_of_a_living_process_cannot_be_replayed(
    tmp_path: Path, ledger: LedgerWriter
) -> None:
    assert list_ledgers(tmp_path)[0].try_lock() is None

    ledger.close()

    lock = list_ledgers(tmp_path)[0].try_lock()
    assert lock is not None
    lock.release()


def test_records_are_sent_in_their_order(
    writer: FakeWriter, start: Callable[..., Sender], ledger: LedgerWriter
) -> None:
    sender = start()

    [sender.put(record) for record in numbered(50)]

    assert sender.flush(timeout_s=5) == 0
    assert writer.taken == numbered(50)
    assert LedgerFile(ledger.path, HEADER).num_sent == 50


def test_an_outage_costs_no_record_and_is_reported_once(
    writer: FakeWriter, start: Callable[..., Sender], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    sender = start()
    writer.is_up.clear()

    [sender.put(record) for record in numbered(3)]
    unsent = sender.flush(timeout_s=0.2)
    writer.is_up.set()

    assert unsent == 3
    assert sender.flush(timeout_s=5) == 0
    assert writer.taken == numbered(3)
    assert caplog.text.count("does not answer; records are kept in") == 1
    assert caplog.text.count("answers again") == 1


def test_closing_during_an_outage_gives_up_soon_and_says_how_much_is_left(
    writer: FakeWriter, start: Callable[..., Sender], ledger: LedgerWriter
) -> None:
    writer.is_up.clear()
    sender = start()
    sender.put({"op": "metrics", "run": "k"})

    assert sender.close(timeout_s=0.1) == 1
    assert LedgerFile(ledger.path, HEADER).num_sent == 0


def test_what_was_sent_before_an_outage_does_not_count_as_left(ledger: LedgerWriter) -> None:
    own = LedgerFile(ledger.path, HEADER)
    sender = Sender(TakesOne(), older=(), own=own, label="http://host")
    for record in numbered(3):
        ledger.append(record)
        sender.put(record)

    sender.start()
    left = sender.close(timeout_s=0.3)

    assert left == own.num_records - own.num_sent == 2


def test_a_record_that_is_refused_for_good_does_not_hold_up_the_others(
    writer: FakeWriter, start: Callable[..., Sender], caplog: pytest.LogCaptureFixture
) -> None:
    sender = start()

    sender.put({"op": "bad", "run": "k"})
    sender.put({"op": "metrics", "run": "k"})

    assert sender.flush(timeout_s=5) == 0
    assert writer.taken == [{"op": "metrics", "run": "k"}]
    assert "no such run" in caplog.text


def test_what_an_earlier_process_left_is_sent_first(
    tmp_path: Path, writer: FakeWriter, start: Callable[..., Sender], ledger: LedgerWriter
) -> None:
    with LedgerWriter(tmp_path, header=HEADER) as left:
        [left.append(record) for record in numbered(3)]
    older = LedgerFile(left.path, HEADER)
    older.acknowledge(1)

    sender = start(older)
    sender.put({"op": "run", "run": "new"})

    assert sender.flush(timeout_s=5) == 0
    assert writer.taken == [*numbered(3)[1:], {"op": "run", "run": "new"}]
    assert older.num_sent == 3


def test_the_id_of_a_run_is_waited_for(start: Callable[..., Sender]) -> None:
    sender = start()
    sender.put({"op": "run", "run": "k"})

    assert sender.run_id("k", timeout_s=5) == "id"


def test_the_id_of_a_run_is_unknown_during_an_outage(
    writer: FakeWriter, start: Callable[..., Sender]
) -> None:
    writer.is_up.clear()
    sender = start()
    sender.put({"op": "run", "run": "k"})

    assert sender.run_id("k", timeout_s=0.1) is None
