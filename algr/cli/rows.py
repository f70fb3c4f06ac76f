"""What a comparison shows while its rows are trained: on standard error only."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from algr.cli.live import EpochDisplay, duration_words

if TYPE_CHECKING:
    from algr.compose import ComparedRow, RowOutcome
    from algr.engine import FoldEpoch


@dataclass
class RowClock:
    """Estimates how long the rows that are left will take, from those trained by this command.

    Rows differ in what they cost, so that this is a rough figure until most of them are done.
    """

    rows_left: int = 0
    """After the present one."""
    finished_s: list[float] = field(default_factory=list)
    started: float = 0.0

    def start(self, *, rows_left: int) -> None:
        """A row begins."""
        self.rows_left, self.started = rows_left, time.monotonic()

    def finish(self) -> float:
        """A row has ended; its seconds."""
        self.finished_s.append(time.monotonic() - self.started)
        return self.finished_s[-1]

    def between_s(self) -> float:
        """Seconds left when no row is under way and one has ended."""
        return self.rows_left * sum(self.finished_s) / len(self.finished_s)

    def left_s(self, *, share: float) -> float:
        """Seconds left when the present row is so far; `share` is above 0."""
        expected = (time.monotonic() - self.started) / share
        per_row = [*self.finished_s, expected]
        return expected * (1 - share) + self.rows_left * sum(per_row) / len(per_row)


@dataclass
class RowEpochs(EpochDisplay):
    """The epochs of a row, and after each the time left for all rows."""

    clock: RowClock = field(default_factory=RowClock)

    def on_epoch(self, fold_epochs: Sequence["FoldEpoch"]) -> None:
        """Show one epoch of every fold."""
        super().on_epoch(fold_epochs)
        epoch, first = fold_epochs[0].epoch, self.first or 0
        share = (epoch + 1 - first) / (self.num_epochs - first)
        left = self.clock.left_s(share=share)
        if self.clock.rows_left and epoch + 1 < self.num_epochs:
            typer.echo(f"  all rows: about {duration_words(left)} left", err=True)


class RowsDisplay:
    """Lines for the rows, and the display of their epochs."""

    def __init__(self) -> None:
        self._clock = RowClock()
        self._label = ""

    def on_row_start(self, row: "ComparedRow", *, place: int, of: int) -> None:
        """A row begins, or goes on."""
        self._label = f"row {place}/{of} {row.title}"
        self._clock.start(rows_left=of - place)
        typer.echo(f"{self._label} ({row.name})", err=True)

    def epochs(self, title: str, num_epochs: int, headline: str) -> RowEpochs:  # noqa: ARG002
        """The display of the row's epochs; the row's name takes the place of the run's."""
        return RowEpochs(self._label, num_epochs, headline, clock=self._clock)

    def on_row_end(self, outcome: "RowOutcome", *, place: int, of: int, is_new: bool) -> None:
        """A row is over."""
        label = f"row {place}/{of} {outcome.row.title}"
        state = "failed" if outcome.finished is None else "done"
        if is_new:
            text = f"{label}: {state} after {duration_words(self._clock.finish())}"
            if place < of:
                left = duration_words(self._clock.between_s())
                text += f"; rows left: {of - place}, about {left}"
        else:
            text = f"{label}: {state} before, not repeated"
        typer.echo(text, err=True)
        if outcome.finished is None and outcome.failure is not None:
            typer.echo(f"  fold {outcome.failure.fold}: {outcome.failure.reason}", err=True)
