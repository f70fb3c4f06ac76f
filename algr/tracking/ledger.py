"""The ledger: every record for the tracking store, first written to a local file.

One file per process that tracks, one JSON object per line, the first of them a header. Beside it
`<name>.sent` counts the lines that the store has taken. Knows nothing of MLflow.
"""

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from filelock import FileLock, Timeout

SCHEMA = 1
Record = dict[str, Any]


@dataclass(frozen=True)
class Header:
    """What the records of a file belong to."""

    store: str
    """`embedded`, or the address of the server without password."""
    experiment: str


class LedgerWriter:
    """The ledger of this process; held by a lock until it is closed.

    Args:
        folder: Of all ledgers.
        header: First line of the file.
    """

    def __init__(self, folder: Path, *, header: Header) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex[:8]}.jsonl"
        self.path = folder / name
        self._lock = FileLock(_lock_path(self.path), thread_local=False)
        self._lock.acquire()
        self._file: IO[str] = self.path.open("x", encoding="utf-8")
        self._write({"schema": SCHEMA, "store": header.store, "experiment": header.experiment})

    def append(self, record: Record) -> None:
        """Write one record, so that it outlives this process.

        It is not forced to the disk, which can take longer than an epoch of a small network; the
        study and its checkpoints are, and a resumed run tells again what a power cut took.
        """
        self._write(record)

    def close(self) -> None:
        """Close the file and let others replay it."""
        if not self._file.closed:
            self._file.close()
            self._lock.release()
            _lock_path(self.path).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, value: Record) -> None:
        self._file.write(json.dumps(value, allow_nan=True, separators=(",", ":")) + "\n")
        self._file.flush()


@dataclass(frozen=True)
class LedgerFile:
    """A ledger on disk, for replay."""

    path: Path
    header: Header

    def records(self, *, start: int = 0) -> Iterator[Record]:
        """The records from the given one on, without a last line that a crash cut off."""
        with self.path.open(encoding="utf-8") as file:
            for index, line in enumerate(file):
                if index > start and line.endswith("\n"):
                    yield json.loads(line)

    @property
    def num_records(self) -> int:
        """Whole records in the file."""
        return sum(1 for _ in self.records())

    @property
    def num_sent(self) -> int:
        """Records that the store has taken."""
        try:
            return int(_sent_path(self.path).read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0

    def acknowledge(self, num_sent: int) -> None:
        """Record how many the store has taken. Losing it is harmless: replays change nothing."""
        partial = _sent_path(self.path).with_suffix(".sent-partial")
        partial.write_text(str(num_sent), encoding="ascii")
        partial.replace(_sent_path(self.path))

    def try_lock(self) -> FileLock | None:
        """The lock of the file, or `None` while another process writes or replays it."""
        lock = FileLock(_lock_path(self.path), thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return None
        return lock


def list_ledgers(folder: Path) -> tuple[LedgerFile, ...]:
    """All ledgers, oldest first. Files that hold no whole header, of a crash, are left out."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            first = file.readline()
        if not first.endswith("\n"):
            continue
        header = json.loads(first)
        if header.get("schema") == SCHEMA:
            found.append(LedgerFile(path, Header(header["store"], header["experiment"])))
    return tuple(found)


def _sent_path(path: Path) -> Path:
    return path.with_suffix(".sent")


def _lock_path(path: Path) -> Path:
    return path.with_suffix(".lock")
