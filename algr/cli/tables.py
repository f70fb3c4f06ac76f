"""Results as tables on standard output."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from algr.cli.start import start_line

if TYPE_CHECKING:
    from rich.table import Table

    from algr.compose import (
        CrossValidated,
        NestedResult,
        RepeatedCrossValidation,
        SearchResult,
    )
    from algr.cv import CrossValidation, TableRow

_MOST_COLUMNS = 10
"""Folds with a column of their own."""


def print_cross_validation(validated: "CrossValidated") -> None:
    """Figures per fold, mean ± standard deviation, and pooled."""
    result = validated.result
    _print(_folds_table(result, validated.rows))
    typer.echo(f"protocol {result.protocol}, folds {result.folds_hash[:12]}, run {result.run_id}")
    if result.protocol == "paper":
        typer.echo("the best epoch was chosen on the test fold, as in the paper: optimistic")
    if validated.start is not None:
        typer.echo(start_line(validated.start))
    typer.echo(f"predictions per frame: {validated.predictions}")


def print_repeats(repeated: "RepeatedCrossValidation") -> None:
    """One row per repeat of the headline, then mean and spreads of every figure."""
    rows = repeated.repeats[0].rows
    table = _table("", *(f"{row.title} %" for row in rows))
    for number, repeat in enumerate(repeated.repeats):
        table.add_row(f"repeat {number}", *(_mean_and_sd(row) for row in repeat.rows))
    over = repeated.over_repeats
    lines = {
        "mean over repeats": over.mean,
        "sd between repeats": over.sd_between,
        "sd over folds": over.sd_over_folds,
    }
    for title, scores in lines.items():
        table.add_row(title, *(_figure(row, scores[row.metric]) for row in rows))
    _print(table)
    first = repeated.repeats[0]
    typer.echo(
        f"protocol {first.result.protocol}, {over.count} drawings of the folds, run "
        f"{repeated.run_id}"
    )
    typer.echo(
        "how much the drawing of the folds matters: sd between repeats; how much the folds of one "
        "drawing differ: sd over folds"
    )
    if first.start is not None:
        typer.echo(start_line(first.start))
    for repeat in repeated.repeats:
        typer.echo(f"predictions per frame: {repeat.predictions}")


def print_nested(found: "NestedResult") -> None:
    """What each outer fold's search chose and how that scored, and the spread of the choices."""
    names = list(found.spread)
    row = next(row for row in found.rows if row.metric in ("f1_macro", "f1_mean"))
    table = _table("outer fold", "trial", "inner", "outer", "epoch", *names, "study")
    for fold, score in zip(found.folds, row.per_fold, strict=True):
        best = fold.outcome.best
        table.add_row(
            str(fold.result.fold),
            str(best.number),
            "-" if best.value is None else f"{100 * best.value:.1f}",
            _figure(row, score),
            str(fold.result.chosen_epoch + 1),
            *(_value(best.params.get(name)) for name in names),
            fold.study,
        )
    spreads = [
        f"{_value(one.low)} to {_value(one.high)}"
        if one.low is not None
        else f"{len(set(map(str, one.values)))} values"
        for one in found.spread.values()
    ]
    table.add_row("all", "", "", _mean_and_sd(row), "", *spreads, "")
    _print(table)
    typer.echo(f"\nouter folds, each with its own configuration ({row.title}, inner and outer, %):")
    _print(_folds_table(found.result, found.rows))
    result = found.result
    typer.echo(f"protocol {result.protocol}, folds {result.folds_hash[:12]}, run {result.run_id}")
    typer.echo("an estimate of search and training together: nothing is refitted or registered")
    if found.start is not None:
        typer.echo(start_line(found.start))
    typer.echo(f"predictions per frame: {found.predictions}")


def print_search(found: "SearchResult") -> None:
    """The trials by value, the best one's cross-validation, and the registered version."""
    trials = sorted(
        found.outcome.trials,
        key=lambda record: (record.value is None, -(record.value or 0.0), record.number),
    )
    names = list(dict.fromkeys(key for record in trials for key in record.params))
    table = _table("trial", "state", "score", "epochs", *names, "seconds")
    for record in trials:
        table.add_row(
            str(record.number),
            record.state.lower(),
            "-" if record.value is None else f"{100 * record.value:.1f}",
            str(record.epochs),
            *(_value(record.params.get(name)) for name in names),
            f"{record.seconds:.1f}",
        )
    _print(table)
    best = found.outcome.best
    typer.echo(f"\nstudy {found.study}: best is trial {best.number}; cross-validated:")
    print_cross_validation(found.cross_validated)
    registration = found.registration
    typer.echo(
        f"\nregistered as {registration.name} version {registration.version}: "
        f"{registration.decision.reason}"
    )


def _folds_table(result: "CrossValidation", rows: "Sequence[TableRow]") -> "Table":
    """Figures per fold, mean ± standard deviation, pooled; many folds are summed up."""
    is_wide = len(result.folds) > _MOST_COLUMNS
    shown = () if is_wide else result.folds
    between = ("lowest", "highest") if is_wide else tuple(f"fold {one.fold}" for one in shown)
    table = _table("", *between, "mean ± sd", "pooled")
    for row in rows:
        known = [value for value in row.per_fold if value is not None]
        ends = (min(known, default=None), max(known, default=None))
        table.add_row(
            f"{row.title} %",
            *(_figure(row, value) for value in (ends if is_wide else row.per_fold)),
            _mean_and_sd(row),
            _figure(row, row.pooled),
        )
    if not is_wide and all(fold.part for fold in result.folds):
        table.add_row("published part", *(str(fold.part) for fold in result.folds))
    subjects = [fold.test_subjects for fold in result.folds]
    epochs = [fold.chosen_epoch + 1 for fold in result.folds]
    for title, values in (("test subjects", subjects), ("chosen epoch", epochs)):
        ends_of = (min(values), max(values))
        table.add_row(title, *(str(value) for value in (ends_of if is_wide else values)))
    return table


def print_models(rows: Sequence[dict[str, Any]]) -> None:
    """Registered versions, without the long hashes that `--json` has."""
    shown = [
        {
            "name": row["name"],
            "version": row["version"],
            "alias": row["aliases"],
            "score": "-" if row["score"] is None else f"{row['metric']} {100 * row['score']:.1f} %",
            "protocol": row["protocol"],
            "simulated": row["simulated"],
            "dataset": str(row["fingerprint"])[:12],
        }
        for row in rows
    ]
    _print(_rows_table(shown))


def print_predictions(files: Sequence[Path], results: Sequence[dict[str, Any]]) -> None:
    """One table of frames per file, and its overall result."""
    for file, result in zip(files, results, strict=True):
        typer.echo(f"{file}")
        frames = [_frame_row(frame) for frame in result["frames"]]
        if frames:
            _print(_rows_table(frames))
        if "video" in result:
            video = result["video"]
            share = " ".join(f"{name} {p:.2f}" for name, p in video["grade_probability"].items())
            typer.echo(f"video: {video['grade']} ({share}), from {video['frames_used']} frames")
        if "landmark_source" in result:
            typer.echo(f"landmarks: {result['landmark_source']}")
        for part in result.get("rejected", ()):
            typer.echo(f"left out: {part['count']} frames ({part['reason']})")
        typer.echo(result["notice"])


def _frame_row(frame: dict[str, Any]) -> dict[str, object]:
    row: dict[str, object] = {"frame": frame["frame"]}
    if "time_s" in frame:
        row["time_s"] = f"{frame['time_s']:.2f}"
    if "grade" in frame:
        row["grade"] = frame["grade"]
    for key in ("grade_probability", "au_probability"):
        for name, probability in frame.get(key, {}).items():
            row[name] = f"{probability:.2f}"
    return row


def _rows_table(rows: Sequence[dict[str, Any]]) -> "Table":
    table = _table(*rows[0])
    for row in rows:
        table.add_row(*(_value(value) for value in row.values()))
    return table


def _table(*headings: str) -> "Table":
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for index, heading in enumerate(headings):
        table.add_column(heading, justify="left" if index == 0 else "right", no_wrap=True)
    return table


def _print(table: "Table") -> None:
    from rich.console import Console

    console = Console()
    console.width = max(console.width, 160) if not console.is_terminal else console.width
    console.print(table)


def _figure(row: "TableRow", value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value if row.unit == '%' else 100 * value:.1f}"


def _mean_and_sd(row: "TableRow") -> str:
    text = _figure(row, row.mean)
    if row.sd is not None:
        text += f" ± {_figure(row, row.sd)}"
    folds = len(row.per_fold)
    return text if row.defined_folds == folds else f"{text} ({row.defined_folds} of {folds})"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
