"""Tables of figures with their intervals, of recordings, of calibration, and of differences."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from algr.compose import CrossValidated
    from algr.cv import Comparison, Section, TableRow
    from algr.cv.table import Unit
    from algr.metrics import Interval

Value = TypeVar("Value", int, float)

_MOST_FOLDS = 10
"""With a column of their own."""
_HEADINGS = {
    "video": "{items} recordings, by the mean probability of their frames",
    "subject": "{items} people, by the mean over their recordings",
    "units": "action units in {items} frames",
}


def print_statistics(validated: "CrossValidated", *, details: bool) -> None:
    """Figures of recordings, people or units, below the figures of frames."""
    statistics = validated.result.statistics
    if statistics is None:
        return
    from algr.cv import section_rows

    folds = [fold.fold for fold in validated.result.folds]
    for section in statistics.sections:
        rows = section_rows(section, label_names=validated.label_names, details=details)
        typer.echo("\n" + _HEADINGS[section.name].format(items=section.items))
        print_table(figure_table("", rows, folds=folds))
        if section.left_out:
            typer.echo(f"left out, for recordings of different grades: {section.left_out}")
        if details:
            _print_details(section, validated.label_names)
    subjects = sum(fold.test_subjects for fold in validated.result.folds)
    spread = statistics.interval
    if all(interval is None for interval in spread.pooled.values()):
        typer.echo("\nno intervals: there are fewer than two test subjects")
    elif all(interval is None for interval in spread.mean.values()):
        typer.echo(
            f"\n95 %: intervals of the pooled figures from {statistics.draws} draws of the "
            f"{subjects} test subjects among all; means have none, since a fold tests one subject"
        )
    else:
        typer.echo(
            f"\n95 %: intervals from {statistics.draws} draws of the {subjects} test subjects; "
            "they say nothing about training again"
        )


def figure_table(heading: str, rows: Sequence["TableRow"], *, folds: Sequence[int]) -> "Table":
    """Figures per fold, their mean and spread, and the pooled ones, with 95 % intervals."""
    is_wide = len(folds) > _MOST_FOLDS
    columns = ("lowest", "highest") if is_wide else tuple(f"fold {fold}" for fold in folds)
    table = plain_table(heading, *columns, "mean ± sd", "95 %", "pooled", "95 %")
    for row in rows:
        table.add_row(
            row_title(row),
            *per_fold_words(row.per_fold, partial(figure_words, row.unit)),
            mean_and_sd(row),
            _interval_words(row.unit, row.interval),
            figure_words(row.unit, row.pooled),
            _interval_words(row.unit, row.pooled_interval),
        )
    return table


def row_title(row: "TableRow") -> str:
    """Name of a figure, with its unit."""
    return f"{row.title} %" if row.unit in ("share", "%") else row.title


def per_fold_words(
    values: Sequence[Value | None], words: Callable[[Value | None], str]
) -> tuple[str, ...]:
    """One word per fold; of many folds the lowest and the highest."""
    if len(values) <= _MOST_FOLDS:
        return tuple(words(value) for value in values)
    known = [value for value in values if value is not None]
    return (words(min(known, default=None)), words(max(known, default=None)))


def difference_table(comparison: "Comparison") -> "Table":
    """Both runs' figures and their difference; in percentage points where they are shares.

    Differences by fold stand beside those of means, while they are few.
    """
    from algr.cv import figure_title, figure_unit

    by_fold = next((len(d.per_fold) for d in comparison.differences.values()), 0)
    folds = by_fold if comparison.of == "mean" and by_fold <= _MOST_FOLDS else 0
    table = plain_table(
        "",
        comparison.base,
        comparison.other,
        "difference",
        "95 %",
        *(f"fold {fold}" for fold in range(folds)),
        "p" if not _is_adjusted(comparison) else "p (Holm)",
        "",
    )
    for metric in comparison.shown:
        found = comparison.differences[metric]
        section, _, figure = metric.rpartition("/")
        unit = figure_unit(figure)
        title = figure_title(figure, comparison.label_names)
        table.add_row(
            f"{section} {title}".strip() + (" %" if unit in ("share", "%") else ""),
            figure_words(unit, found.base),
            figure_words(unit, found.other),
            _signed_words(unit, found.value),
            _interval_words(unit, found.interval),
            *(_signed_words(unit, value) for value in found.per_fold[:folds]),
            "-" if found.adjusted_p is None else f"{found.adjusted_p:.3f}",
            found.verdict or "-",
        )
    return table


def figure_words(unit: "Unit", value: float | None) -> str:
    """A figure with as many digits as its unit deserves; "-" for undefined."""
    if value is None:
        return "-"
    return f"{100 * value:.1f}" if unit == "share" else f"{value:.{_DIGITS[unit]}f}"


_DIGITS = {"%": 1, "classes": 2, "": 3}


def plain_table(*headings: str) -> "Table":
    """A table without lines; the first column holds names."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 else "right", no_wrap=True)
    return table


def print_table(table: "Table") -> None:
    """Print a table; a pipe gets it in full width."""
    from rich.console import Console

    console = Console()
    console.width = max(console.width, 160) if not console.is_terminal else console.width
    console.print(table)


def _print_details(section: "Section", label_names: Sequence[str]) -> None:
    is_units = section.name == "units"
    labels = ("absent", "present") if is_units else label_names
    for name, counts in section.confusion.items():
        of = f" of {name}" if is_units else ""
        typer.echo(f"\nconfusion{of}, pooled: rows true, columns predicted")
        table = plain_table("", *labels)
        for label, row in zip(labels, counts, strict=True):
            table.add_row(label, *(str(count) for count in row))
        print_table(table)
    stated = "probability of presence" if is_units else "probability of the predicted grade"
    for name, bins in section.reliability.items():
        of = f" of {name}" if is_units else ""
        typer.echo(f"\ncalibration{of}, pooled: {stated} against how often it came true")
        table = plain_table("bin", "items", "stated %", "observed %")
        for part in bins:
            table.add_row(
                f"{part.low:.1f} to {part.high:.1f}",
                str(part.items),
                figure_words("share", part.stated),
                figure_words("share", part.observed),
            )
        print_table(table)


def mean_and_sd(row: "TableRow") -> str:
    """Mean over folds and spread; says in how many folds, if not in all."""
    text = figure_words(row.unit, row.mean)
    if row.sd is not None:
        text += f" ± {figure_words(row.unit, row.sd)}"
    folds = len(row.per_fold)
    return text if row.defined_folds == folds else f"{text} ({row.defined_folds} of {folds})"


def _interval_words(unit: "Unit", interval: "Interval | None") -> str:
    if interval is None:
        return "-"
    return f"{figure_words(unit, interval.low)} to {figure_words(unit, interval.high)}"


def _signed_words(unit: "Unit", value: float | None) -> str:
    words = figure_words(unit, value)
    return words if value is None or value < 0 else f"+{words}"


def _is_adjusted(comparison: "Comparison") -> bool:
    return any(found.adjusted_p != found.p for found in comparison.differences.values())
