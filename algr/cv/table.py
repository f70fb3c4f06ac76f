"""The table of a cross-validation as values; who prints it decides how it looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from algr.cv.results import CrossValidation
from algr.metrics import headline


@dataclass(frozen=True)
class TableRow:
    """One figure in every fold."""

    metric: str
    """Its name in the results."""
    title: str
    unit: str
    """"%" for a share of the inter-ocular distance, empty for a number between 0 and 1."""
    per_fold: tuple[float | None, ...]
    mean: float | None
    sd: float | None
    pooled: float | None
    defined_folds: int


def table_rows(
    result: CrossValidation, *, kind: Literal["au", "grade"], label_names: Sequence[str]
) -> tuple[TableRow, ...]:
    """F1 per grade or action unit, their mean, and the landmark error."""
    main = headline(kind)
    titles = {f"f1_{name.lower()}": f"F1 {name}" for name in label_names}
    titles[main] = "F1 macro" if kind == "grade" else "F1 mean"
    if kind == "grade":
        titles["accuracy"] = "Accuracy"
    titles["landmark_error"] = "Landmark error"
    return tuple(
        TableRow(
            metric=key,
            title=title,
            unit="%" if key == "landmark_error" else "",
            per_fold=tuple(fold.metrics[key] for fold in result.folds),
            mean=result.mean[key],
            sd=result.sd[key],
            pooled=result.pooled[key],
            defined_folds=result.defined_folds[key],
        )
        for key, title in titles.items()
    )
