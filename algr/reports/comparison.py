"""The results of compared rows as values: beside the published ones, and as differences."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from algr.config import Config, flatten
from algr.cv import CrossValidation, FinishedRun
from algr.engine import FoldFailure, mean_defined
from algr.metrics import headline
from algr.reports.published import (
    DATASET_TITLES,
    PublishedDataset,
    PublishedRow,
    PublishedTable,
    published_dataset,
    published_table,
)

_TABLE_OF: dict[tuple[str, PublishedDataset], int] = {
    ("ablation", "disfa"): 4,
    ("ablation", "bp4d"): 5,
    ("models", "bp4d"): 2,
    ("models", "disfa"): 3,
    ("models", "fpara"): 7,
}
_NOT_THE_RECIPE = (
    "train.compile",
    "train.precision",
    "train.threads_per_fold",
    "train.init_from",
    "train.recompute",
)


@dataclass(frozen=True, kw_only=True)
class ReportedRow:
    """A row with its figures, or with why it has none."""

    name: str
    title: str
    run: str
    finished: FinishedRun | None
    failure: FoldFailure | None


@dataclass(frozen=True)
class Difference:
    """A row less the reference, fold by fold: figures of 0 to 1."""

    per_fold: tuple[float | None, ...]
    """None where either is undefined."""
    mean: float | None
    sd: float | None
    """Of a sample; None below two folds."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"per_fold": list(self.per_fold), "mean": self.mean, "sd": self.sd}


def paired_difference(
    row: CrossValidation, reference: CrossValidation, *, metric: str
) -> Difference:
    """The difference of a figure in each fold; both are of the same folds."""
    assert row.folds_hash == reference.folds_hash, "figures of other folds cannot be paired"
    per_fold = tuple(
        None
        if (own := fold.metrics[metric]) is None or (other := beside.metrics[metric]) is None
        else own - other
        for fold, beside in zip(row.folds, reference.folds, strict=True)
    )
    defined = [value for value in per_fold if value is not None]
    sd = statistics.stdev(defined) if len(defined) > 1 else None
    return Difference(per_fold, mean_defined(per_fold), sd)


@dataclass(frozen=True, kw_only=True)
class ComparisonReport:
    """All that is printed, written and sent of a comparison."""

    name: str
    run_id: str
    comparison: Literal["ablation", "models"]
    dataset: str
    kind: Literal["au", "grade"]
    label_names: tuple[str, ...]
    simulated: bool
    protocol: str
    fingerprint: str
    folds_hash: str
    reference: str
    """Name of the row to which the others are compared."""
    config: Config
    """What the rows share."""
    rows: tuple[ReportedRow, ...]

    @property
    def metric(self) -> str:
        """The headline."""
        return headline(self.kind)

    @property
    def published(self) -> PublishedTable | None:
        """The table of the paper that has these rows and labels."""
        dataset = published_dataset(kind=self.kind, label_names=self.label_names)
        number = None if dataset is None else _TABLE_OF.get((self.comparison, dataset))
        return None if number is None else published_table(number)

    @property
    def is_comparable(self) -> bool:
        """Whether own and published figures may be set off against each other at all."""
        return self.published is not None and not self.simulated

    @property
    def failed(self) -> tuple[ReportedRow, ...]:
        """Rows without figures."""
        return tuple(row for row in self.rows if row.finished is None)

    def published_row(self, row: ReportedRow) -> PublishedRow | None:
        """What the paper prints for a row."""
        return None if self.published is None else self.published.of(row.name)

    def difference(self, row: ReportedRow) -> Difference | None:
        """To the reference; None for itself, and where one of the two has no figures."""
        reference = next((one for one in self.rows if one.name == self.reference), None)
        if reference is None or row is reference:
            return None
        if reference.finished is None or row.finished is None:
            return None
        return paired_difference(row.finished.result, reference.finished.result, metric=self.metric)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know to judge the figures."""
        return (
            *_failures(self.failed),
            *dict.fromkeys(
                comparability(row.finished) for row in self.rows if row.finished is not None
            ),
            protocol_note(self.protocol),
            *_recipe(self.config),
            *_starts(self.rows),
            *_slips(self.published),
        )

    def to_dict(self) -> dict[str, Any]:
        """What `--json` prints and `table.json` holds."""
        return {
            "name": self.name,
            "run_id": self.run_id,
            "comparison": self.comparison,
            "dataset": self.dataset,
            "simulated": self.simulated,
            "protocol": self.protocol,
            "fingerprint": self.fingerprint,
            "folds_hash": self.folds_hash,
            "metric": self.metric,
            "reference": self.reference,
            "comparable": self.is_comparable,
            "published": None if self.published is None else self.published.source,
            "notes": list(self.notes),
            "rows": [self._row_dict(row) for row in self.rows],
        }

    def _row_dict(self, row: ReportedRow) -> dict[str, Any]:
        published, difference = self.published_row(row), self.difference(row)
        failure = row.failure if row.finished is None else None
        return {
            "name": row.name,
            "title": row.title,
            "run": row.run,
            "state": "failed" if row.finished is None else "finished",
            "cv": None if row.finished is None else row.finished.result.to_dict(),
            "init": None if row.finished is None else row.finished.init,
            "fold_seconds": None if row.finished is None else row.finished.fold_seconds,
            "failure": None if failure is None else dict(vars(failure)),
            "difference": None if difference is None else difference.to_dict(),
            "published_percent": None
            if published is None or self.published is None
            else published_dict(published, self.published.columns),
        }


def published_dict(row: PublishedRow, columns: Sequence[str]) -> dict[str, Any]:
    """A published row as plain values, in percent."""
    return {
        "title": row.title,
        "cells": {column: float(cell) for column, cell in zip(columns, row.cells, strict=True)},
        "average": None if row.average is None else float(row.average),
        "average_of_cells": None if row.corrected is None else float(row.corrected),
    }


def comparability(finished: FinishedRun) -> str:
    """How far figures of a run may be set beside published ones."""
    dataset = published_dataset(kind=finished.kind, label_names=finished.label_names)
    if dataset is None:
        return "no published figures for these labels"
    if finished.simulated:
        return "simulated: not comparable; the faces are drawn"
    if dataset == "fpara":
        return (
            "published figures are of FPara, whose recordings are not public: other patients "
            "than these, unless this is FPara"
        )
    title = DATASET_TITLES[dataset]
    if all(fold.part for fold in finished.result.folds):
        return f"published figures are of {title}; the folds are its published ones"
    return (
        f"published figures are of {title} on its published folds; these folds were drawn, so "
        "that other subjects are tested together"
    )


def protocol_note(protocol: str) -> str:
    """Who chose the epochs."""
    if protocol == "paper":
        return "protocol paper: the test fold chose the best epoch: optimistic"
    return (
        f"protocol {protocol}: validation subjects chose the epochs; the paper does not say how "
        "its own were chosen"
    )


def slips(tables: Sequence[PublishedTable]) -> tuple[str, ...]:
    """Printed averages that their cells do not give."""
    return tuple(
        f"! printed so; the cells of {row.title} in Table {table.number} average {row.corrected}"
        for table in tables
        for row in table.rows
        if row.corrected is not None
    )


def _slips(table: PublishedTable | None) -> tuple[str, ...]:
    if table is None:
        return ()
    repeated = any(row.row is not None and row.corrected is not None for row in table.rows)
    used = ("differences are taken with the averages of the cells",) if repeated else ()
    return (*slips([table]), *used)


def _failures(failed: Sequence[ReportedRow]) -> list[str]:
    return [
        f"{row.title} failed: fold {row.failure.fold}, epoch {row.failure.epoch + 1}: "
        f"{row.failure.reason}"
        for row in failed
        if row.failure is not None
    ]


def _recipe(config: Config) -> list[str]:
    """Keys of the network and the recipe that are not the paper's; rows set theirs on top."""
    paper, own = flatten(Config()), flatten(config)
    changed = [
        f"{key.partition('.')[2]} {own[key]}"
        for key in own
        if key.partition(".")[0] in ("data", "model", "loss", "train")
        and key not in _NOT_THE_RECIPE
        and own[key] != paper[key]
    ]
    return [f"not the paper's settings: {', '.join(changed)}"] if changed else []


def _starts(rows: Sequence[ReportedRow]) -> list[str]:
    origins = {row.finished.init for row in rows if row.finished is not None}
    return [f"started from {origin}" for origin in sorted(origins - {None}, key=str)]
