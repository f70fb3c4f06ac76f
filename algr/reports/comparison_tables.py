"""The tables of a comparison: as text, Markdown and CSV. Scores are shown in percent."""

import csv
import io
import json
import textwrap
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from algr.cv import CrossValidation
from algr.durable import write_whole
from algr.reports.comparison import ComparisonReport, Difference, ReportedRow
from algr.reports.grid import Grid
from algr.reports.published import PublishedRow, PublishedTable, published_table

WIDEST = 100
"""Characters; published figures that do not fit beside one's own get a table of their own."""
TABLE_STEM = "table"


def comparison_text(report: ComparisonReport) -> str:
    """What a terminal shows."""
    grids = "\n\n".join(grid.to_text() for grid in comparison_grids(report))
    return "\n".join([grids, "", *listed(_notes(report))])


def write_report(report: ComparisonReport, directory: Path) -> tuple[Path, ...]:
    """Write `table.md`, `table.csv` and `table.json`; returns their paths."""
    texts = {
        ".md": _markdown(report),
        ".csv": comparison_csv(report),
        ".json": json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n",
    }
    paths = []
    for suffix, text in texts.items():
        paths.append(directory / f"{TABLE_STEM}{suffix}")
        write_whole(paths[-1], text)
    return tuple(paths)


def comparison_grids(report: ComparisonReport) -> tuple[Grid, ...]:
    """Figures per label, with the published ones beside or below; then differences."""
    published = report.published
    if published is None:
        return (_label_grid(report, beside=False), _difference_grid(report))
    together = _label_grid(report, beside=True)
    if together.width <= WIDEST:
        return (together, _difference_grid(report))
    own = _label_grid(report, beside=False)
    return (own, published_grid(published, mark=_mark(report)), _difference_grid(report))


def published_grid(table: PublishedTable, *, mark: str = "") -> Grid:
    """A table of the paper as it is printed."""
    has_average = any(row.average is not None for row in table.rows)
    return Grid(
        f"published: {table.title}, Table {table.number}{mark}",
        ("", *table.columns, *(("mean",) if has_average else ())),
        tuple(
            (row.title, *row.cells, *((row.average_shown,) if has_average else ()))
            for row in table.rows
        ),
    )


def _mark(report: ComparisonReport) -> str:
    return " (simulated: not comparable)" if report.simulated else ""


def _label_grid(report: ComparisonReport, *, beside: bool) -> Grid:
    title = f"F1 % on {report.dataset}, protocol {report.protocol}"
    if beside and report.published is not None:
        title += f"; in brackets Table {report.published.number}{_mark(report)}"
    mean = "macro ± sd" if report.kind == "grade" else "mean ± sd"
    lines = []
    for row in report.rows:
        published = report.published_row(row) if beside else None
        printed = (
            ("",) * (len(report.label_names) + 1)
            if published is None
            else tuple(f" ({cell})" for cell in (*published.cells, published.average_shown))
        )
        own = (*_label_cells(row, report), _headline_cell(row, report))
        joined = tuple(one + other for one, other in zip(own, printed, strict=True))
        lines.append((row.title, *joined))
    return Grid(title, ("", *report.label_names, mean), tuple(lines))


def _label_cells(row: ReportedRow, report: ComparisonReport) -> list[str]:
    if row.finished is None:
        return ["-" for _ in report.label_names]
    mean = row.finished.result.mean
    return [percent(mean[f"f1_{name.lower()}"]) for name in report.label_names]


def _headline_cell(row: ReportedRow, report: ComparisonReport) -> str:
    if row.finished is None:
        return "failed"
    return mean_and_sd(row.finished.result, report.metric)


def _difference_grid(report: ComparisonReport) -> Grid:
    """Each row against the reference and against the paper."""
    lines = [
        (
            row.title,
            _headline_cell(row, report),
            _difference_cell(report.difference(row)),
            *_published_cells(row, report),
            _landmark_cell(row, report),
            _epochs_cell(row),
            _time_cell(row),
        )
        for row in report.rows
    ]
    published = () if report.published is None else ("published", "its diff.")
    own_less = ("own-publ.",) if report.is_comparable else ()
    headings = ("", "F1 ± sd", "diff. ± sd", *published, *own_less, "landmarks %", "epochs", "time")
    return Grid(_difference_title(report), headings, tuple(lines))


def _difference_title(report: ComparisonReport) -> str:
    reference = next((row.title for row in report.rows if row.name == report.reference), None)
    if reference is None:
        return f"no differences, since row {report.reference} is not there"
    return f"differences to {reference}: points of %, paired fold by fold"


def _difference_cell(difference: Difference | None) -> str:
    if difference is None or difference.mean is None:
        return "-"
    text = f"{100 * difference.mean:+.1f}"
    return text if difference.sd is None else f"{text} ± {100 * difference.sd:.1f}"


def _published_cells(row: ReportedRow, report: ComparisonReport) -> tuple[str, ...]:
    if report.published is None:
        return ()
    published = report.published_row(row)
    average = None if published is None else published.average_used
    if published is None or average is None:
        return ("-",) * (3 if report.is_comparable else 2)
    cells = (published.average_shown, _published_difference(published, report))
    if not report.is_comparable:
        return cells
    own = None if row.finished is None else row.finished.result.mean[report.metric]
    return (*cells, "-" if own is None else f"{100 * own - float(average):+.1f}")


def _published_difference(published: PublishedRow, report: ComparisonReport) -> str:
    assert report.published is not None
    reference = report.published.of(report.reference)
    if reference is None or reference is published:
        return "-"
    other, own = reference.average_used, published.average_used
    return "-" if other is None or own is None else _signed(own - other)


def _landmark_cell(row: ReportedRow, report: ComparisonReport) -> str:
    """Own, and in brackets what Table 6 has for the row."""
    error = None if row.finished is None else row.finished.result.mean["landmark_error"]
    text = "-" if error is None else f"{error:.2f}"
    published, table = published_table(6).of(row.name), report.published
    if published is None or table is None or table.dataset is None:
        return text
    place = ("bp4d", "disfa", "fpara").index(table.dataset)
    return f"{text} ({published.cells[place]})"


def _epochs_cell(row: ReportedRow) -> str:
    """Chosen by each fold, counted from 1."""
    if row.finished is None:
        return "-"
    return " ".join(str(fold.chosen_epoch + 1) for fold in row.finished.result.folds)


def _time_cell(row: ReportedRow) -> str:
    return "-" if row.finished is None else duration(row.finished.fold_seconds)


def _notes(report: ComparisonReport) -> list[str]:
    return [
        "± is the standard deviation over the folds; time is that of training and validating, "
        "all folds added",
        *_undefined(report),
        *report.notes,
        f"tables: {report.name}/{TABLE_STEM}.md, .csv, .json; each row is a run: {report.name}-ROW",
    ]


def _undefined(report: ComparisonReport) -> list[str]:
    results = [row.finished.result for row in report.rows if row.finished is not None]
    labels = [
        name
        for name in report.label_names
        if any(result.defined_folds[f"f1_{name.lower()}"] < len(result.folds) for result in results)
    ]
    if not labels:
        return []
    return [f"{', '.join(labels)}: undefined in some folds, the mean is over the others"]


def listed(notes: Sequence[str]) -> list[str]:
    """Notes as items of a list, no wider than a table."""
    return [
        textwrap.fill(note, width=WIDEST, initial_indent="- ", subsequent_indent="  ")
        for note in notes
    ]


def _markdown(report: ComparisonReport) -> str:
    grids = "\n\n".join(grid.to_markdown() for grid in comparison_grids(report))
    notes = "\n".join(f"- {note}" for note in _notes(report))
    return f"# {report.name}\n\n{grids}\n\n{notes}\n"


def comparison_csv(report: ComparisonReport) -> str:
    """One line per row; all figures in percent, with the published ones as printed."""
    labels = [f"f1_{name.lower()}" for name in report.label_names]
    metrics = [report.metric, *labels, "landmark_error"]
    columns = () if report.published is None else report.published.columns
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        [
            *("row", "title", "run", "state"),
            *(f"{metric}_{part}" for metric in metrics for part in ("mean", "sd")),
            *("difference_mean", "difference_sd"),
            *(f"published_{column.lower()}" for column in columns),
            *(("published_average", "published_cells_average") if columns else ()),
        ]
    )
    for row in report.rows:
        writer.writerow(_csv_cells(row, report, metrics))
    return out.getvalue()


def _csv_cells(row: ReportedRow, report: ComparisonReport, metrics: list[str]) -> list[str]:
    result = None if row.finished is None else row.finished.result
    difference = report.difference(row)
    figures: list[float | None] = []
    for metric in metrics:
        factor = 1 if metric == "landmark_error" else 100
        parts = (None, None) if result is None else (result.mean[metric], result.sd[metric])
        figures += [None if part is None else factor * part for part in parts]
    parts = (None, None) if difference is None else (difference.mean, difference.sd)
    figures += [None if part is None else 100 * part for part in parts]
    state = "failed" if result is None else "finished"
    return [
        *(row.name, row.title, row.run, state),
        *("" if figure is None else f"{figure:.4f}" for figure in figures),
        *_csv_published(row, report),
    ]


def _csv_published(row: ReportedRow, report: ComparisonReport) -> list[str]:
    if report.published is None:
        return []
    published = report.published_row(row)
    if published is None:
        return [""] * (len(report.published.columns) + 2)
    return [*published.cells, published.average or "", f"{published.recomputed:.4f}"]


def percent(value: float | None) -> str:
    """A score of 0 to 1."""
    return "-" if value is None else f"{100 * value:.1f}"


def mean_and_sd(result: CrossValidation, metric: str) -> str:
    """A score over the folds; how many define it, if not all do."""
    text, sd = percent(result.mean[metric]), result.sd[metric]
    if sd is not None:
        text += f" ± {100 * sd:.1f}"
    defined, folds = result.defined_folds[metric], len(result.folds)
    return text if defined == folds else f"{text} ({defined} of {folds})"


def duration(seconds: float) -> str:
    """Seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _signed(value: Decimal) -> str:
    return f"{value:+.1f}"
