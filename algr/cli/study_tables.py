"""Studies as tables on standard output."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from algr.cli.live import duration_words, objective_text
from algr.cli.statistics_tables import plain_table, print_table
from algr.cli.tables import value_text

if TYPE_CHECKING:
    from algr.compose import StudyStatus, StudySummary


def print_studies(found: "Sequence[StudySummary]") -> None:
    """One line per study."""
    rows = [
        {
            "study": one.name,
            "state": one.state,
            "dataset": one.dataset,
            "trials done": f"{_done(one)}/{one.wanted}",
            "by state": _by_state(one),
            "best": value_text(one.best),
            "last activity": one.last_activity,
        }
        for one in found
    ]
    table = plain_table(*rows[0])
    for row in rows:
        table.add_row(*row.values())
    print_table(table)
    for one in found:
        if one.damage:
            typer.echo(f"{one.name} is damaged: {one.damage}")


def print_status(found: "StudyStatus") -> None:
    """State, trials, best, who works on it, time left."""
    summary = found.summary
    typer.echo(f"study {summary.name} on {summary.dataset}: {_state(found)}")
    first, *others = found.objectives
    names = list(dict.fromkeys(key for record in found.records for key in record.params))
    table = plain_table(
        "trial",
        "state",
        "epochs",
        first.name,
        *(one.name for one in others),
        *names,
        "seconds",
        "reason",
    )
    for record in found.records:
        table.add_row(
            str(record.number),
            _state_word(record.state, is_running=summary.state == "running"),
            f"{record.epochs}/{found.num_epochs}",
            objective_text(first, record.value),
            *(objective_text(one, record.values.get(one.name)) for one in others),
            *(value_text(record.params.get(name)) for name in names),
            f"{record.seconds:.0f}" if record.seconds else "-",
            record.reason,
        )
    print_table(table)
    typer.echo(f"{_done(summary)} of {summary.wanted} trials done ({_by_state(summary)})")
    if found.best is not None:
        best = objective_text(first, found.best.value)
        typer.echo(f"best by {first.name}: trial {found.best.number} with {best}")
    if others:
        front = ", ".join(str(one.number) for one in found.front)
        typer.echo(f"Pareto front: {f'trials {front}' if front else 'no trial is complete'}")
    if found.left_s is not None and summary.state not in ("searched", "finished"):
        typer.echo(
            f"about {duration_words(found.left_s)} of searching left, if trials go on taking as "
            "long"
        )


_OPEN = ("RUNNING", "WAITING")


def _state(found: "StudyStatus") -> str:
    state = found.summary.state
    if found.holder is not None:
        holder = found.holder
        return f"{state}, process {holder['pid']} on {holder['host']} since {holder['since']}"
    if found.halt is not None and state in ("paused", "stopped"):
        return f"{state} by {found.halt['reason']} at {found.halt['at']}"
    return state


def _state_word(state: str, *, is_running: bool) -> str:
    """A running trial of a study on which nobody works is half done."""
    if state == "RUNNING" and not is_running:
        return "half done"
    return state.lower()


def _done(summary: "StudySummary") -> int:
    return sum(count for state, count in summary.trials.items() if state not in _OPEN)


def _by_state(summary: "StudySummary") -> str:
    return ", ".join(
        f"{count} {_state_word(state, is_running=summary.state == 'running')}"
        for state, count in summary.trials.items()
    )
