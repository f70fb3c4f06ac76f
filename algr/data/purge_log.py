"""`purges.jsonl` in the data home: that somebody was removed, from what and when, but not who."""

import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import TypeAdapter, ValidationError

from algr import __version__
from algr.config import DataHome
from algr.durable import write_whole
from algr.errors import DataError

LOG_FILE = "purges.jsonl"


@dataclass(frozen=True, kw_only=True)
class PurgeEntry:
    """One line: a purge of one dataset. Holds no id of anybody, hashed or not."""

    purge: str
    """Drawn; the lines of one purge share it."""
    state: Literal["started", "done"]
    time: str
    dataset: str
    fingerprint_before: str
    fingerprint: str = ""
    """After it; empty where nobody was left, or while it is going on."""
    subjects: int
    videos: int
    frames: int
    used_by: tuple[str, ...] = ()
    """Runs, studies and models that had used the dataset, in words."""
    algr_version: str = __version__

    @classmethod
    def start(
        cls,
        *,
        dataset: str,
        fingerprint_before: str,
        subjects: int,
        videos: int,
        frames: int,
        used_by: tuple[str, ...],
    ) -> Self:
        """A purge that begins now."""
        return cls(
            purge=secrets.token_hex(8),
            state="started",
            time=_now(),
            dataset=dataset,
            fingerprint_before=fingerprint_before,
            subjects=subjects,
            videos=videos,
            frames=frames,
            used_by=used_by,
        )

    def done(self, *, fingerprint: str) -> Self:
        """The same purge, ended now."""
        return replace(self, state="done", time=_now(), fingerprint=fingerprint)


_ENTRY = TypeAdapter(PurgeEntry)


def read_log(home: DataHome) -> tuple[PurgeEntry, ...]:
    """All lines, oldest first.

    Raises:
        DataError: A line is not one that algr wrote.
    """
    path = home.root / LOG_FILE
    if not path.exists():
        return ()
    entries = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            entries.append(_ENTRY.validate_json(line))
        except ValidationError as error:
            raise DataError(
                f"{path}: line {number} is not a record of a purge",
                expected="the file as algr wrote it",
                advice="restore it from a copy, or move it away",
            ) from error
    return tuple(entries)


def append(home: DataHome, entry: PurgeEntry) -> Path:
    """Add a line; the file is whole at any moment."""
    path = home.root / LOG_FILE
    lines = path.read_text(encoding="utf-8") if path.exists() else ""
    write_whole(path, lines + json.dumps(asdict(entry)) + "\n")
    return path


def unfinished(home: DataHome) -> tuple[PurgeEntry, ...]:
    """Purges that were started and never ended: killed, or stopped by an error."""
    entries = read_log(home)
    ended = {entry.purge for entry in entries if entry.state == "done"}
    return tuple(entry for entry in entries if entry.purge not in ended)


def earlier_fingerprints(home: DataHome, fingerprint: str) -> tuple[str, ...]:
    """The fingerprints that a dataset had before purges, and its own: newest first."""
    before = {
        entry.fingerprint: entry.fingerprint_before
        for entry in read_log(home)
        if entry.state == "done" and entry.fingerprint
    }
    chain = [fingerprint]
    while chain[-1] in before and before[chain[-1]] not in chain:
        chain.append(before[chain[-1]])
    return tuple(chain)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
