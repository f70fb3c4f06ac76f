"""Replaying ledgers: records that did not reach the store when they were written."""

from dataclasses import dataclass

from algr.config import DataHome
from algr.tracking import records
from algr.tracking.apply import RecordWriter
from algr.tracking.ledger import LedgerFile, list_ledgers
from algr.tracking.records import STATE_TAG
from algr.tracking.sender import try_to_write
from algr.tracking.store import Store, open_store, unreachable
from algr.tracking.tracker import ensure_experiment


@dataclass(frozen=True)
class SyncReport:
    """What a replay did."""

    num_ledgers: int
    num_records: int
    """Records that the store took."""
    num_closed_runs: int
    """Runs that their processes never ended, and that are marked as killed now."""


def sync(home: DataHome, *, uri: str | None = None, everything: bool = False) -> SyncReport:
    """Send what the ledgers of a data home hold for a store.

    Ledgers of living processes are left alone. Runs whose process died and that no later process
    went on with are marked as killed.

    Args:
        home: Of the ledgers.
        uri: Of a server; else `MLFLOW_TRACKING_URI`, else the embedded store.
        everything: Send records again that the store has taken; that changes nothing in a store
            that has them, and rebuilds one that lost them.

    Raises:
        TrackingError: The store does not answer. What was sent stays sent.
    """
    store = open_store(home, uri=uri)
    ledgers = [
        ledger
        for ledger in list_ledgers(home.tracking / "ledger")
        if ledger.header.store == store.label
    ]
    writers: dict[str, RecordWriter] = {}
    open_runs: dict[str, RecordWriter] = {}
    num_ledgers = num_records = 0
    for ledger in ledgers:
        writer = _writer(store, ledger, writers)
        lock = ledger.try_lock()
        if lock is not None:
            try:
                sent = _replay(store, ledger, writer, everything=everything)
            finally:
                lock.release()
            num_records += sent
            num_ledgers += int(sent > 0)
        _follow(ledger, writer, open_runs, is_alive=lock is None)
    for key, writer in open_runs.items():
        tag = records.tags_record(key, {STATE_TAG: "INTERRUPTED"})
        for record in (tag, records.end_record(key, status="KILLED")):
            _write(store, writer, record)
    return SyncReport(num_ledgers, num_records, len(open_runs))


def _writer(store: Store, ledger: LedgerFile, writers: dict[str, RecordWriter]) -> RecordWriter:
    name = ledger.header.experiment
    if name not in writers:
        experiment_id = ensure_experiment(store, name.removeprefix("algr/"))
        writers[name] = RecordWriter(store.client(), experiment_id=experiment_id)
    return writers[name]


def _replay(store: Store, ledger: LedgerFile, writer: RecordWriter, *, everything: bool) -> int:
    start = 0 if everything else ledger.num_sent
    sent = start
    try:
        for record in ledger.records(start=start):
            _write(store, writer, record)
            sent += 1
    finally:
        ledger.acknowledge(max(sent, ledger.num_sent))
    return sent - start


def _write(store: Store, writer: RecordWriter, record: dict[str, object]) -> None:
    error = try_to_write(writer, record)
    if error is not None:
        raise unreachable(store, error) from error


def _follow(
    ledger: LedgerFile,
    writer: RecordWriter,
    open_runs: dict[str, RecordWriter],
    *,
    is_alive: bool,
) -> None:
    """Keep book of the runs that were begun and not ended; those of a living process are open."""
    for record in ledger.records():
        if record["op"] == "run" and not is_alive:
            open_runs[record["run"]] = writer
        elif record["op"] in ("run", "end"):
            open_runs.pop(record["run"], None)
