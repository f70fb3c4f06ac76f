"""Folds as text for people: a table of parts, then the rate of each label or grade."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from algr.data.fold_report import FoldReport

_COLUMNS_PER_TABLE = 8


def print_folds(report: "FoldReport") -> None:
    """The parts of each fold, the share of frames with each label, and what is lacking."""
    from rich.console import Console

    console = Console()
    console.width = min(console.width, 100) if console.is_terminal else 100
    plan = report.plan
    is_au = plan.kind == "au"
    for start in range(0, len(report.names), _COLUMNS_PER_TABLE):
        names = report.names[start : start + _COLUMNS_PER_TABLE]
        console.print(_table(report, names, with_counts=start == 0))
    typer.echo("% of the frames in which it is coded" if is_au else "subjects of each grade")
    typer.echo(f"protocol {plan.protocol}, seed {plan.seed}, folds {plan.folds_hash}")
    for lack in report.lacking:
        typer.echo(f"warning: {lack}")


def _table(report: "FoldReport", names: tuple[str, ...], *, with_counts: bool) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    counts = ["subjects", "frames"] if with_counts else []
    for place, heading in enumerate(["fold", "part", *counts, *names]):
        table.add_column(heading, justify="left" if place < 2 else "right", no_wrap=True)
    for fold in report.folds:
        for part in fold.parts:
            numbers = [str(part.subjects), str(part.frames)] if with_counts else []
            values = [_value(report, part.rate(name), part.subjects_with[name]) for name in names]
            of = f" (part {fold.tests_part})" if fold.tests_part and part.part == "test" else ""
            table.add_row(str(fold.index), part.part + of, *numbers, *values)
    return table


def _value(report: "FoldReport", rate: float | None, subjects: int) -> str:
    if report.plan.kind == "grade":
        return str(subjects)
    return "-" if rate is None else f"{100 * rate:.1f}"
