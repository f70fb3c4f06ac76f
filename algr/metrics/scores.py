"""Scores of summed counts. A score without anything to stand on is None, never 0.

Shape suffixes: A = action units, K = grades, 4 as in `counts`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics.counts import VARIANTS, EvaluationCounts, Kind


def headline(kind: Kind) -> str:
    """Name of the score by which configurations and epochs are compared."""
    return "f1_macro" if kind == "grade" else "f1_mean"


def scores(counts: EvaluationCounts) -> dict[str, float | None]:
    """Flat names and values.

    For grades: `f1_macro` over the grades that occur among the true or predicted ones,
    `f1_<grade>` and `accuracy`. For action units: `f1_mean`, `f1_<unit>` of the averaged
    probability, and the same with `_local` and `_whole` behind them; a unit that is neither
    present nor detected anywhere is None and left out of the mean. For both: `landmark_error` in
    percent of the inter-ocular distance, `landmark_failure` as a share of the images, `loss`.
    """
    known = counts.landmark_images
    return {
        **(_grade_scores(counts) if counts.kind == "grade" else _au_scores(counts)),
        "landmark_error": _ratio(100 * counts.landmark_error_sum, known),
        "landmark_failure": _ratio(counts.landmark_failures, known),
        "loss": _ratio(counts.loss_sum, counts.images),
    }


def grade_f1(confusion: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """One-versus-rest F1 per grade; NaN for a grade neither true nor predicted.

    Args:
        confusion: Counts with the truth in rows, (..., K, K).

    Returns:
        (..., K).
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    either = confusion.sum(-1) + confusion.sum(-2)
    f1: NDArray[np.float64] = np.where(either > 0, 2 * hits / np.maximum(either, 1), np.nan)
    return f1


def _grade_scores(counts: EvaluationCounts) -> dict[str, float | None]:
    per_grade = [_defined(value) for value in grade_f1(counts.table)]
    named = zip(counts.label_names, per_grade, strict=True)
    return {
        "f1_macro": _mean(per_grade),
        **{f"f1_{name.lower()}": value for name, value in named},
        "accuracy": _ratio(int(np.trace(counts.table)), int(counts.table.sum())),
    }


def _au_scores(counts: EvaluationCounts) -> dict[str, float | None]:
    found: dict[str, float | None] = {}
    for variant, table_A4 in zip(VARIANTS, counts.table, strict=True):
        suffix = "" if variant == "averaged" else f"_{variant}"
        per_unit = [
            _ratio(2 * int(hits), 2 * int(hits) + int(false) + int(missed))
            for hits, false, missed, _ in table_A4
        ]
        found[f"f1_mean{suffix}"] = _mean(per_unit)
        for name, value in zip(counts.label_names, per_unit, strict=True):
            found[f"f1_{name.lower()}{suffix}"] = value
    return found


def _ratio(value: float, of: float) -> float | None:
    return float(value) / of if of else None


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _mean(values: list[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None
