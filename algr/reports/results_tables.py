"""The tables of the paper with one's own finished cross-validations beside the rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from algr.cv import FinishedRun
from algr.metrics import headline
from algr.reports.comparison import comparability, protocol_note, published_dict, slips
from algr.reports.comparison_tables import (
    listed,
    mean_and_sd,
    percent,
    published_grid,
)
from algr.reports.grid import Grid
from algr.reports.published import DATASET_TITLES, PublishedTable, published_dataset


@dataclass(frozen=True)
class OwnRun:
    """A finished run of one's own.

    Attributes:
        name: Of the run.
        network: What was trained, in the paper's words.
        finished: Its figures.
    """

    name: str
    network: str
    finished: FinishedRun


@dataclass(frozen=True)
class ResultsView:
    """A table of the paper, and own runs with its labels."""

    table: PublishedTable
    runs: tuple[OwnRun, ...]


def results_text(views: Sequence[ResultsView], *, others: Sequence[OwnRun] = ()) -> str:
    """What a terminal shows; `others` are runs whose labels no table has."""
    numbers = {run.name: place for place, run in enumerate(_runs(views, others), start=1)}
    blocks = [_grid(view, numbers).to_text() for view in views]
    if others:
        blocks.append(_grid_without_published(others, numbers).to_text())
    legend = [
        f"[{number}] {run.name}: {run.network}; {_words(run.finished)}"
        for run in _runs(views, others)
        for number in (numbers[run.name],)
    ]
    notes = listed(_notes(views, others))
    return "\n\n".join(
        ["\n\n".join(blocks), *(["\n".join(legend)] if legend else []), "\n".join(notes)]
    )


def results_dict(views: Sequence[ResultsView], *, others: Sequence[OwnRun] = ()) -> dict[str, Any]:
    """What `algr results --json` prints: published figures in percent, own ones as in `cv`."""
    return {
        "tables": [
            {
                "number": view.table.number,
                "title": view.table.title,
                "source": view.table.source,
                "measure": view.table.measure,
                "columns": list(view.table.columns),
                "published_percent": [
                    {**published_dict(row, view.table.columns), "row": row.row}
                    for row in view.table.rows
                ],
                "runs": [run.name for run in view.runs],
            }
            for view in views
        ],
        "runs": [
            {"name": run.name, "network": run.network, **run.finished.to_dict()}
            for run in _runs(views, others)
        ],
        "notes": _notes(views, others),
    }


def _runs(views: Sequence[ResultsView], others: Sequence[OwnRun]) -> list[OwnRun]:
    shown = [run for view in views for run in view.runs] + list(others)
    return list({run.name: run for run in shown}.values())


def _grid(view: ResultsView, numbers: dict[str, int]) -> Grid:
    published = published_grid(view.table)
    own = tuple(
        (f"[{numbers[run.name]}] {run.network}", *_cells(run.finished, view.table))
        for run in view.runs
    )
    return Grid(published.title, published.headings, (*published.lines, *own))


def _cells(finished: FinishedRun, table: PublishedTable) -> tuple[str, ...]:
    result = finished.result
    if table.measure == "landmark_error":
        dataset = published_dataset(kind=finished.kind, label_names=finished.label_names)
        error = result.mean["landmark_error"]
        shown = "-" if error is None else f"{error:.2f}"
        own = None if dataset is None else DATASET_TITLES[dataset]
        return tuple(shown if column == own else "" for column in table.columns)
    labels = [percent(result.mean[f"f1_{column.lower()}"]) for column in table.columns]
    return (*labels, mean_and_sd(result, headline(finished.kind)))


def _grid_without_published(runs: Sequence[OwnRun], numbers: dict[str, int]) -> Grid:
    return Grid(
        "own runs whose labels no published table has",
        ("", "F1 ± sd", "landmarks %"),
        tuple(
            (
                f"[{numbers[run.name]}] {run.network}",
                mean_and_sd(run.finished.result, headline(run.finished.kind)),
                "-"
                if (error := run.finished.result.mean["landmark_error"]) is None
                else f"{error:.2f}",
            )
            for run in runs
        ),
    )


def _words(finished: FinishedRun) -> str:
    words = [f"dataset {finished.dataset}", f"protocol {finished.result.protocol}"]
    words.append(f"{len(finished.result.folds)} folds")
    if finished.init is not None:
        words.append(f"started from {finished.init}")
    if finished.simulated:
        words.append("simulated: not comparable")
    return ", ".join(words)


def _notes(views: Sequence[ResultsView], others: Sequence[OwnRun]) -> list[str]:
    finished = [run.finished for run in _runs(views, others)]
    notes = [comparability(one) for one in finished]
    notes += [protocol_note(one.result.protocol) for one in finished]
    notes += slips([view.table for view in views])
    if any("*" in row.title for view in views for row in view.table.rows):
        notes.append("* pretrained on further data, as the paper marks it")
    sources = sorted({view.table.source.partition(", Table")[0] for view in views})
    notes += [f"published: {source}; all values in %" for source in sources]
    return list(dict.fromkeys(notes))
