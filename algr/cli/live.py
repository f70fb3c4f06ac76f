"""What a search and a cross-validation show while they run: on standard error only."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from algr.compose import CrossValidated
    from algr.engine import FoldEpoch, FoldProgress
    from algr.tune import Objective, TrialRecord

_VISIBLE_TRIALS = 16
_SECONDS_BETWEEN_LINES = 20.0
_MOST_FOLDS = 10
"""Shown one by one."""


@dataclass
class _Row:
    params: Mapping[str, Any]
    started: float
    epochs: int = 0
    value: float | None = None
    state: str = "RUNNING"
    seconds: float | None = None


@dataclass
class SearchDisplay:
    """A table of trials that follows the search; plain lines where there is no terminal.

    Args:
        total: Trials wanted in all.
        num_epochs: Epochs of a trial that is not stopped early.
        objective: What is optimised.
    """

    total: int
    num_epochs: int
    objective: "Objective"
    live: "Live | None" = None
    rows: dict[int, _Row] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    ended_here: int = 0

    def restore(self, records: Sequence["TrialRecord"]) -> None:
        """Show what an earlier command finished."""
        for record in records:
            if record.state == "WAITING" or record.adopted:
                continue
            self.rows[record.number] = _Row(
                params=record.params,
                started=time.monotonic(),
                epochs=record.epochs,
                value=record.value,
                state=record.state,
                seconds=record.seconds,
            )
        self._refresh()

    def on_trial_start(self, number: int, params: Mapping[str, Any]) -> None:
        """A trial begins, or goes on from its checkpoint."""
        self.rows[number] = _Row(params=dict(params), started=time.monotonic())
        self._say(f"trial {number} of {self.total}: {_short(params)}")

    def on_epoch(
        self,
        number: int,
        epoch: int,
        value: float | None,
        fold_epochs: Sequence["FoldEpoch"],  # noqa: ARG002 - the port's signature
    ) -> None:
        """An epoch of every fold is done."""
        row = self.rows[number]
        row.epochs = epoch + 1
        if value is not None and (row.value is None or self.objective.better(value, row.value)):
            row.value = value
        self._say(
            f"trial {number}: epoch {epoch + 1}/{self.num_epochs}, mean validation score "
            f"{self._text(value)}"
        )

    def on_trial_end(self, record: "TrialRecord") -> None:
        """A trial is complete, pruned or failed."""
        row = self.rows[record.number]
        row.state, row.value, row.seconds = record.state, record.value, record.seconds
        row.epochs = record.epochs
        self.ended_here += 1
        self._say(
            f"trial {record.number}: {record.state.lower()} after {record.epochs} epochs, "
            f"{self._text(record.value)}; {self._headline()}"
        )

    def _text(self, value: float | None) -> str:
        return objective_text(self.objective, value)

    def _headline(self) -> str:
        ended = [row for row in self.rows.values() if row.state != "RUNNING"]
        scored = {n: row.value for n, row in self.rows.items() if row.value is not None}
        best = max(scored, key=lambda n: (self.objective.key(scored[n]), -n), default=None)
        text = f"{len(ended)}/{self.total} trials done"
        if best is not None:
            text += f", best so far {self._text(scored[best])} (trial {best})"
        if self.ended_here and len(ended) < self.total:
            per_trial = (time.monotonic() - self.started) / self.ended_here
            text += f", about {duration_words(per_trial * (self.total - len(ended)))} left"
        return text

    def _say(self, line: str) -> None:
        if self.live is None:
            typer.echo(line, err=True)
        else:
            self._refresh()

    def _refresh(self) -> None:
        if self.live is not None:
            self.live.update(self._table())

    def _table(self) -> "Table":
        from rich.table import Table

        names = list(dict.fromkeys(key for row in self.rows.values() for key in row.params))
        table = Table(title=self._headline(), title_justify="left", box=None, pad_edge=False)
        for heading in ("trial", "state", "epochs", "score", *names, "seconds"):
            table.add_column(heading, justify="left" if heading == "state" else "right")
        for number in sorted(self.rows)[-_VISIBLE_TRIALS:]:
            row = self.rows[number]
            seconds = row.seconds if row.seconds is not None else time.monotonic() - row.started
            table.add_row(
                str(number),
                row.state.lower(),
                f"{row.epochs}/{self.num_epochs}",
                self._text(row.value),
                *(_number(row.params.get(name)) for name in names),
                f"{seconds:.0f}",
            )
        return table


@contextmanager
def search_display(
    *, total: int, num_epochs: int, objective: "Objective"
) -> Iterator[SearchDisplay]:
    """The display of one search: live on a terminal, lines in a pipe."""
    if not sys.stderr.isatty():
        yield SearchDisplay(total=total, num_epochs=num_epochs, objective=objective)
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(stderr=True), refresh_per_second=2) as live:
        yield SearchDisplay(total=total, num_epochs=num_epochs, objective=objective, live=live)


@dataclass
class EpochDisplay:
    """One line per epoch: the mean over folds, each fold's own score, and the time left.

    Args:
        title: What is being trained.
        num_epochs: Epochs per fold.
        headline: Name of the validation score.
    """

    title: str
    num_epochs: int
    headline: str
    started: float = field(default_factory=time.monotonic)
    first: int | None = None
    shares: dict[int, float] = field(default_factory=dict)
    shown_at: float = field(default_factory=time.monotonic)

    def on_progress(self, progress: "FoldProgress") -> None:
        """Show how far each fold is: on a terminal in one line that changes, else now and then."""
        self.shares[progress.fold] = progress.images / progress.of_images
        is_terminal = sys.stderr.isatty()
        now = time.monotonic()
        if not is_terminal and now - self.shown_at < _SECONDS_BETWEEN_LINES:
            return
        self.shown_at = now
        if len(self.shares) > _MOST_FOLDS:
            folds = f"{len(self.shares)} folds begun, {min(self.shares.values()):.0%} at least"
        else:
            folds = ", ".join(f"fold {k} {share:.0%}" for k, share in sorted(self.shares.items()))
        line = f"{self.title}: in epoch {progress.epoch + 1}/{self.num_epochs}, {folds}"
        typer.echo(f"\r{line}\x1b[K" if is_terminal else line, err=True, nl=not is_terminal)

    def on_epoch(self, fold_epochs: Sequence["FoldEpoch"]) -> None:
        """Show one epoch of every fold."""
        if self.shares and sys.stderr.isatty():
            typer.echo("\r\x1b[K", err=True, nl=False)
        self.shares.clear()
        self.shown_at = time.monotonic()
        epoch = fold_epochs[0].epoch
        self.first = epoch if self.first is None else self.first
        values = [result.validation.get(self.headline) for result in fold_epochs]
        known = [value for value in values if value is not None]
        loss = sum(result.train["loss"] for result in fold_epochs) / len(fold_epochs)
        text = f"{self.title}: epoch {epoch + 1}/{self.num_epochs}, loss {loss:.3f}"
        if known:
            folds = " ".join(_score(value) for value in values)
            if len(values) > _MOST_FOLDS:
                folds = f"{_score(min(known))} to {_score(max(known))}"
            text += f", {self.headline} {_score(sum(known) / len(known))} (folds {folds})"
        left = self.num_epochs - epoch - 1
        if left:
            per_epoch = (time.monotonic() - self.started) / (epoch + 1 - self.first)
            text += f", about {duration_words(per_epoch * left)} left"
        typer.echo(text, err=True)


def say_repeat(repeat: int, validated: "CrossValidated") -> None:
    """One line when a repeat is done."""
    row = next(row for row in validated.rows if row.metric in ("f1_macro", "f1_mean"))
    typer.echo(
        f"repeat {repeat} ({validated.result.name}): {row.title} {_score(row.mean)} ± "
        f"{_score(row.sd)} over {len(row.per_fold)} folds",
        err=True,
    )


def objective_text(objective: "Objective", value: float | None) -> str:
    """F1 and accuracy in percent, other figures as they are."""
    if value is None:
        return "-"
    is_share = objective.is_score and objective.metric.startswith(("f1_", "accuracy", "headline"))
    return f"{100 * value:.1f}" if is_share else f"{value:.4g}"


def _short(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {_number(value)}" for key, value in params.items())


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _score(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f}"


def duration_words(seconds: float) -> str:
    """Seconds, minutes or hours, whole where they are many."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
