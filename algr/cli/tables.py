"""Results as tables on standard output."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from algr.cli.live import objective_text
from algr.cli.start import start_line
from algr.cli.statistics_tables import (
    figure_table,
    figure_words,
    mean_and_sd,
    per_fold_words,
    plain_table,
    print_statistics,
    print_table,
    row_title,
)

if TYPE_CHECKING:
    from rich.table import Table

    from algr.compose import (
        CrossValidated,
        NestedResult,
        RepeatedCrossValidation,
        SearchResult,
    )
    from algr.distributed import SearchOutcome


def print_cross_validation(validated: "CrossValidated", *, details: bool = False) -> None:
    """Figures per fold, mean ± standard deviation, pooled, and 95 % intervals.

    Args:
        validated: The finished cross-validation.
        details: Also every figure of recordings and units, confusion matrices and calibration.
    """
    result = validated.result
    _print_folds(validated, details=details)
    typer.echo(f"protocol {result.protocol}, folds {result.folds_hash[:12]}, run {result.run_id}")
    if result.protocol == "paper":
        typer.echo("the best epoch was chosen on the test fold, as in the paper: optimistic")
    if validated.simulated:
        typer.echo("simulated faces: these figures say nothing about real ones")
    if validated.start is not None:
        typer.echo(start_line(validated.start))
    typer.echo(f"predictions per frame: {validated.predictions}")
    if validated.figures:
        typer.echo(f"figures: {validated.figures[0].parent}")


def print_repeats(repeated: "RepeatedCrossValidation", *, details: bool = False) -> None:
    """A row of figures per repeat, then their mean and spreads; each repeat by itself if asked."""
    rows = repeated.repeats[0].rows
    heading = "simulated faces" if repeated.repeats[0].simulated else ""
    table = plain_table(heading, *(row_title(row) for row in rows))
    for number, repeat in enumerate(repeated.repeats):
        table.add_row(f"repeat {number}", *(mean_and_sd(row) for row in repeat.rows))
    over = repeated.over_repeats
    lines = {
        "mean over repeats": over.mean,
        "sd between repeats": over.sd_between,
        "sd over folds": over.sd_over_folds,
    }
    for title, scores in lines.items():
        table.add_row(title, *(figure_words(row.unit, scores[row.metric]) for row in rows))
    print_table(table)
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
    for number, repeat in enumerate(repeated.repeats):
        if details:
            typer.echo(f"\nrepeat {number}:")
            print_cross_validation(repeat, details=True)
        else:
            typer.echo(f"predictions per frame: {repeat.predictions}")


def print_nested(found: "NestedResult") -> None:
    """What each outer fold's search chose and how that scored, and the spread of the choices."""
    names = list(found.spread)
    row = next(row for row in found.cross_validated.rows if row.metric in ("f1_macro", "f1_mean"))
    table = plain_table("outer fold", "trial", "inner", "outer", "epoch", *names, "study")
    for fold, score in zip(found.folds, row.per_fold, strict=True):
        best = fold.outcome.best
        table.add_row(
            str(fold.result.fold),
            str(best.number),
            objective_text(fold.outcome.objectives[0], best.value),
            figure_words(row.unit, score),
            str(fold.result.chosen_epoch + 1),
            *(value_text(best.params.get(name)) for name in names),
            fold.study,
        )
    spreads = [
        f"{value_text(one.low)} to {value_text(one.high)}"
        if one.low is not None
        else f"{len(set(map(str, one.values)))} values"
        for one in found.spread.values()
    ]
    table.add_row("all", "", "", mean_and_sd(row), "", *spreads, "")
    print_table(table)
    typer.echo(f"\nouter folds, each with its own configuration ({row.title}, inner and outer, %):")
    _print_folds(found.cross_validated, details=False)
    result = found.cross_validated.result
    typer.echo(f"protocol {result.protocol}, folds {result.folds_hash[:12]}, run {result.run_id}")
    typer.echo("an estimate of search and training together: nothing is refitted or registered")
    if found.cross_validated.start is not None:
        typer.echo(start_line(found.cross_validated.start))
    typer.echo(f"predictions per frame: {found.cross_validated.predictions}")


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


def _print_folds(validated: "CrossValidated", *, details: bool) -> None:
    folds = validated.result.folds
    heading = "simulated faces" if validated.simulated else ""
    table = figure_table(heading, validated.rows, folds=[fold.fold for fold in folds])
    if all(fold.part for fold in folds):
        table.add_row("published part", *per_fold_words([fold.part for fold in folds], str))
    table.add_row("test subjects", *per_fold_words([fold.test_subjects for fold in folds], str))
    table.add_row("chosen epoch", *per_fold_words([fold.chosen_epoch + 1 for fold in folds], str))
    print_table(table)
    print_statistics(validated, details=details)


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
