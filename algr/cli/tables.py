"""Results as tables on standard output."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from algr.cli.live import objective_text
from algr.cli.start import start_line
from algr.cli.statistics_tables import figure_table, plain_table, print_statistics, print_table

if TYPE_CHECKING:
    from rich.table import Table

    from algr.compose import CrossValidated, SearchResult
    from algr.distributed import SearchOutcome


def print_cross_validation(validated: "CrossValidated", *, details: bool = False) -> None:
    """Figures per fold, mean ± standard deviation, pooled, and 95 % intervals.

    Args:
        validated: The finished cross-validation.
        details: Also every figure of recordings and units, confusion matrices and calibration.
    """
    result = validated.result
    table = figure_table("", validated.rows, folds=[fold.fold for fold in result.folds])
    if all(fold.part for fold in result.folds):
        table.add_row("published part", *(str(fold.part) for fold in result.folds))
    table.add_row("test subjects", *(str(fold.test_subjects) for fold in result.folds))
    table.add_row("chosen epoch", *(str(fold.chosen_epoch + 1) for fold in result.folds))
    print_table(table)
    print_statistics(validated, details=details)
    typer.echo(f"protocol {result.protocol}, folds {result.folds_hash[:12]}, run {result.run_id}")
    if result.protocol == "paper":
        typer.echo("the best epoch was chosen on the test fold, as in the paper: optimistic")
    if validated.start is not None:
        typer.echo(start_line(validated.start))
    typer.echo(f"predictions per frame: {validated.predictions}")
    if validated.figures:
        typer.echo(f"figures: {validated.figures[0].parent}")


def print_search(found: "SearchResult") -> None:
    """The trials by value, the best one's cross-validation, and the registered version."""
    objectives = found.outcome.objectives
    trials = sorted(
        found.outcome.trials,
        key=lambda record: (
            record.value is None,
            -objectives[0].key(record.value or 0.0),
            record.number,
        ),
    )
    names = list(dict.fromkeys(key for record in trials for key in record.params))
    table = plain_table("trial", "state", "score", "epochs", *names, "seconds")
    for record in trials:
        table.add_row(
            str(record.number),
            record.state.lower(),
            objective_text(objectives[0], record.value),
            str(record.epochs),
            *(value_text(record.params.get(name)) for name in names),
            f"{record.seconds:.1f}",
        )
    print_table(table)
    if found.outcome.front:
        _print_front(found.outcome)
    best = found.outcome.best
    if found.cross_validated is None or found.registration is None:
        typer.echo(f"\nstudy {found.study}: best so far is trial {best.number}")
        return
    typer.echo(f"\nstudy {found.study}: best is trial {best.number}; cross-validated:")
    print_cross_validation(found.cross_validated)
    registration = found.registration
    typer.echo(
        f"\nregistered as {registration.name} version {registration.version}: "
        f"{registration.decision.reason}"
    )


def _print_front(outcome: "SearchOutcome") -> None:
    """The trials that no other one beats in all objectives."""
    typer.echo("\nPareto front (no other trial is better in one figure and as good in the rest):")
    table = plain_table("trial", *(f"{one.name} {one.direction[:3]}" for one in outcome.objectives))
    for record in outcome.front:
        values = (objective_text(one, record.values[one.name]) for one in outcome.objectives)
        table.add_row(str(record.number), *values)
    print_table(table)


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
    print_table(_rows_table(shown))


def print_predictions(files: Sequence[Path], results: Sequence[dict[str, Any]]) -> None:
    """One table of frames per file, and its overall result."""
    for file, result in zip(files, results, strict=True):
        typer.echo(f"{file}")
        frames = [_frame_row(frame) for frame in result["frames"]]
        if frames:
            print_table(_rows_table(frames))
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
    table = plain_table(*rows[0])
    for row in rows:
        table.add_row(*(value_text(value) for value in row.values()))
    return table


def value_text(value: object) -> str:
    """A value as a person reads it."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(value_text(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "-" if value is None else str(value)
