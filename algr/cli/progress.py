"""Progress on standard error: a bar with time left on a terminal, plain lines in a pipe."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import typer

_SECONDS_BETWEEN_LINES = 5.0


class Report(Protocol):
    """Called with what is done, what there is, and what is being worked on."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show it."""


@contextmanager
def progress(title: str) -> Iterator[Report]:
    """A progress display for one piece of work; the caller reports into it."""
    if sys.stderr.isatty():
        with _bar(title) as report:
            yield report
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=None, note="")

        def report(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield report


def _lines(title: str) -> Report:
    started = time.monotonic()
    shown_at = -_SECONDS_BETWEEN_LINES

    def report(done: int, total: int, note: str = "") -> None:
        nonlocal shown_at
        now = time.monotonic() - started
        if done < total and now - shown_at < _SECONDS_BETWEEN_LINES:
            return
        shown_at = now
        left = f", about {now / done * (total - done):.0f} s left" if 0 < done < total else ""
        typer.echo(f"{title}: {done}/{total}, {now:.0f} s{left} {note}".rstrip(), err=True)

    return report
