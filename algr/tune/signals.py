"""Asking a search to end, by a file in the study's folder: also from another machine."""

import json
import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from algr.durable import write_whole
from algr.tune.limits import iso

Wish = Literal["pause", "stop"]

_REQUEST = "request.json"
_HOLDER = "holder.json"


@dataclass(frozen=True)
class Halt:
    """Why a search ends before its trials do."""

    kind: Literal["limit", "pause", "stop"]
    reason: str

    def to_dict(self, *, at: float) -> dict[str, str]:
        """As the study keeps it."""
        return {"kind": self.kind, "reason": self.reason, "at": iso(at)}


def ask(directory: Path, wish: Wish) -> None:
    """Leave a request for whoever works on the study; the last one holds."""
    tree = {"do": wish, "at": iso(time.time()), "host": socket.gethostname()}
    write_whole(directory / _REQUEST, json.dumps(tree))


def asked(directory: Path) -> Halt | None:
    """What somebody asked for, if anything."""
    tree = _read(directory / _REQUEST)
    wish = None if tree is None else tree.get("do")
    if wish not in ("pause", "stop"):
        return None
    return Halt(wish, f"`algr {wish}` on {(tree or {}).get('host', 'another machine')}")


def forget(directory: Path) -> None:
    """Remove the request: it was heard, or it was meant for a process that has gone."""
    (directory / _REQUEST).unlink(missing_ok=True)


def sign(directory: Path) -> None:
    """Note who holds the study, for those who want to know."""
    tree = {"host": socket.gethostname(), "pid": os.getpid(), "since": iso(time.time())}
    write_whole(directory / _HOLDER, json.dumps(tree))


def unsign(directory: Path) -> None:
    """Remove the note; one that a killed process left does no harm."""
    (directory / _HOLDER).unlink(missing_ok=True)


def holder(directory: Path) -> Mapping[str, Any] | None:
    """Host, process and start of whoever holds the study, or held it and was killed."""
    return _read(directory / _HOLDER)


def _read(file: Path) -> dict[str, Any] | None:
    """A file that may go away, or be half a thought of another program."""
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return tree if isinstance(tree, dict) else None
