"""The tables of a cross-validation as values; who prints them decides how they look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from algr.cv.results import CrossValidation
from algr.cv.statistics import Section
from algr.engine import Scores
from algr.metrics import Interval, headline

Unit = Literal["share", "%", "classes", ""]
"""A share is printed in percent; "%" is one of the inter-ocular distance; "" a plain number."""

_LOWER_IS_BETTER = ("landmark_", "mae", "brier", "ece", "loss")
_PLAIN = ("brier", "kappa")
_CUT_OFF_WORDS = {"any_palsy": "any palsy", "moderate": "moderate or worse", "severe": "severe"}
_SHORT_VIDEO = ("accuracy", "f1_macro", "kappa_quadratic", "within_one", "mae")
_SHORT_UNITS = ("auc_mean", "kappa_mean", "accuracy_mean")
_WORDS = {
    "accuracy": "Accuracy",
    "f1_macro": "F1 macro",
    "f1_mean": "F1 mean",
    "kappa_quadratic": "Kappa, quadratic",
    "within_one": "Within one grade",
    "mae": "Mean error, grades",
    "brier": "Brier score",
    "ece": "Calibration error",
    "landmark_error": "Landmark error",
    "landmark_failure": "Landmark failure",
    "auc": "AUC",
    "kappa": "Kappa",
    "prevalence": "Prevalence",
    "f1": "F1",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
}


@dataclass(frozen=True)
class TableRow:
    """One figure in every fold."""

    metric: str
    """Its name in the results."""
    title: str
    unit: Unit
    per_fold: tuple[float | None, ...]
    mean: float | None
    sd: float | None
    pooled: float | None
    defined_folds: int
    interval: Interval | None = None
    """Of the mean."""
    pooled_interval: Interval | None = None


def table_rows(
    result: CrossValidation, *, kind: Literal["au", "grade"], label_names: Sequence[str]
) -> tuple[TableRow, ...]:
    """F1 per grade or action unit, their mean, and the landmark error."""
    spread = result.statistics.interval if result.statistics else None
    by_fold = [fold.metrics for fold in result.folds]
    return tuple(
        _row(
            metric,
            label_names=label_names,
            by_fold=by_fold,
            columns=(result.mean, result.sd, result.pooled),
            intervals=(spread.mean, spread.pooled) if spread else ({}, {}),
        )
        for metric in main_metrics(kind, label_names)
    )


def main_metrics(kind: Literal["au", "grade"], label_names: Sequence[str]) -> tuple[str, ...]:
    """The figures of frames that are read first."""
    others = ("accuracy", "landmark_error") if kind == "grade" else ("landmark_error",)
    return (*(f"f1_{name.lower()}" for name in label_names), headline(kind), *others)


def short_metrics(section: str) -> tuple[str, ...]:
    """The figures of a section that are read first."""
    return _SHORT_UNITS if section == "units" else _SHORT_VIDEO


def section_rows(
    section: Section, *, label_names: Sequence[str], details: bool
) -> tuple[TableRow, ...]:
    """The figures of a section that are read first, or all of them."""
    return tuple(
        _row(
            metric,
            label_names=label_names,
            by_fold=section.by_fold,
            columns=(section.mean, section.sd, section.pooled),
            intervals=(section.interval.mean, section.interval.pooled),
        )
        for metric in (section.mean if details else short_metrics(section.name))
    )


def figure_title(metric: str, label_names: Sequence[str]) -> str:
    """What a figure is called in a table."""
    if metric in _WORDS:
        return _WORDS[metric]
    start, _, rest = metric.partition("_")
    names = {name.lower(): name for name in label_names} | _CUT_OFF_WORDS | {"mean": "mean"}
    return f"{_WORDS.get(start, start)} {names.get(rest, rest)}"


def figure_unit(metric: str) -> Unit:
    """In what a figure is measured."""
    if metric == "landmark_error":
        return "%"
    if metric == "mae":
        return "classes"
    return "" if metric.startswith(_PLAIN) else "share"


def lower_is_better(metric: str) -> bool:
    """Whether a model wants the figure to be small."""
    return metric.startswith(_LOWER_IS_BETTER)


def _row(
    metric: str,
    *,
    label_names: Sequence[str],
    by_fold: Sequence[Scores],
    columns: tuple[Scores, Scores, Scores],
    intervals: tuple[Mapping[str, Interval | None], Mapping[str, Interval | None]],
) -> TableRow:
    mean, sd, pooled = columns
    per_fold = tuple(figures[metric] for figures in by_fold)
    return TableRow(
        metric=metric,
        title=figure_title(metric, label_names),
        unit=figure_unit(metric),
        per_fold=per_fold,
        mean=mean[metric],
        sd=sd[metric],
        pooled=pooled[metric],
        defined_folds=sum(value is not None for value in per_fold),
        interval=intervals[0].get(metric),
        pooled_interval=intervals[1].get(metric),
    )
