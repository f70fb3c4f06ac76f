"""The thread that carries records from the ledger to the tracking store.

Training never waits for it. While the store does not answer, records stay in the ledger.
"""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

from algr.tracking.apply import RefusedRecord
from algr.tracking.ledger import LedgerFile, Record
from algr.tracking.store import first_line

logger = logging.getLogger(__name__)

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0
_ACKNOWLEDGE_EVERY = 20


class Writer(Protocol):
    """Takes records; raises `RefusedRecord` for those that can never be taken."""

    def apply(self, record: Record) -> None:
        """Write one record."""

    def run_id(self, key: str) -> str | None:
        """The store's id of a run that was written."""


class Sender:
    """Sends what older ledgers still hold, then the records of this process, in their order.

    Args:
        writer: Of the store; used by the sender's thread only.
        older: Ledgers of processes that ended before everything was sent.
        own: The ledger of this process, for its count of sent records.
        label: Of the store, for messages.
    """

    def __init__(
        self, writer: Writer, *, older: Sequence[LedgerFile], own: LedgerFile, label: str
    ) -> None:
        self._writer = writer
        self._older = deque(older)
        self._own = own
        self._label = label
        self._records: deque[Record] = deque()
        self._sent = 0
        self._changed = threading.Condition()
        self._closing = False
        self._is_busy = bool(older)
        self._has_ended = False
        self._is_offline = False
        self._thread = threading.Thread(target=self._run, name="algr-tracking", daemon=True)

    def start(self) -> None:
        """Begin sending."""
        self._thread.start()

    def put(self, record: Record) -> None:
        """Queue a record that is already in the ledger."""
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def run_id(self, key: str, *, timeout_s: float) -> str | None:
        """The store's id of a run, as soon as the run is written; `None` if that takes longer."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._writer.run_id(key) is not None or not self._is_pending(),
                timeout=timeout_s,
            )
            return self._writer.run_id(key)

    def flush(self, *, timeout_s: float) -> int:
        """Wait until everything is sent, at most so long.

        Returns:
            The number of records that are not.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self._is_pending(), timeout=timeout_s)
            return len(self._records)

    def close(self, *, timeout_s: float) -> int:
        """Stop after at most so long.

        Returns:
            The number of own records that stay in the ledger unsent.
        """
        unsent = self.flush(timeout_s=timeout_s)
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=timeout_s)
        return unsent

    def _is_pending(self) -> bool:
        return not self._has_ended and (bool(self._records) or bool(self._older) or self._is_busy)

    def _run(self) -> None:
        try:
            self._send_all()
        finally:
            if self._sent:
                with contextlib.suppress(OSError):  # a full disk; they are then sent once more
                    self._own.acknowledge(self._sent)
            with self._changed:
                self._has_ended = True
                self._changed.notify_all()

    def _send_all(self) -> None:
        while self._older:
            if not self._send_ledger(self._older[0]):
                return
            with self._changed:
                self._older.popleft()
        while True:
            with self._changed:
                self._is_busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._records) or self._closing)
                if not self._records or self._closing:
                    return
                record = self._records[0]
                self._is_busy = True
            if not self._send(record):
                return
            with self._changed:
                self._records.popleft()
                self._sent += 1
                if self._sent % _ACKNOWLEDGE_EVERY == 0 or not self._records:
                    self._own.acknowledge(self._sent)

    def _send_ledger(self, ledger: LedgerFile) -> bool:
        lock = ledger.try_lock()
        if lock is None:
            return True
        try:
            return self._replay(ledger)
        finally:
            lock.release()

    def _replay(self, ledger: LedgerFile) -> bool:
        sent = ledger.num_sent
        for record in ledger.records(start=sent):
            if not self._send(record):
                return False
            sent += 1
        ledger.acknowledge(sent)
        return True

    def _send(self, record: Record) -> bool:
        """Send until it is taken. `False`: closing came first."""
        pause_s = _FIRST_PAUSE_S
        while True:
            error = try_to_write(self._writer, record)
            if error is None:
                if self._is_offline:
                    logger.info("The tracking store %s answers again", self._label)
                self._is_offline = False
                return True
            if not self._is_offline:
                self._is_offline = True
                logger.warning(
                    "The tracking store %s does not answer; records are kept in %s and sent when "
                    "it does (%s)",
                    self._label,
                    self._own.path,
                    first_line(error),
                )
            with self._changed:
                if self._changed.wait_for(lambda: self._closing, timeout=pause_s):
                    return False
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def try_to_write(writer: Writer, record: Record) -> Exception | None:
    """Write one record; a record that the store refuses for good is reported and left out.

    Returns:
        Why the store did not take it now; `None` when that is done.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        writer.apply(record)
    except RefusedRecord as refusal:
        logger.warning(
            "The tracking store refused %s of run %s: %s",
            _what(record),
            record["run"],
            refusal,
        )
    except (MlflowException, SQLAlchemyError, OSError) as error:
        return error
    return None


def _what(record: Record) -> str:
    kind: Any = record["op"]
    names = {"run": "the start", "end": "the end", "artifact": "a file"}
    return names.get(kind, str(kind))
