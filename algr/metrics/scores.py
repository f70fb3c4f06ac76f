"""Scores of summed counts. A score without anything to stand on is None, never 0.

Shape suffixes: A = action units, K = grades, V = variants, 4 as in `counts`.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics.agreement import Figures, Numbers, accuracy, grade_f1
from algr.metrics.counts import VARIANTS, EvaluationCounts, Kind
from algr.metrics.detection import detection_f1
from algr.metrics.ratios import defined, defined_mean, ratio


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
    landmarks_3 = np.array(
        [counts.landmark_error_sum, counts.landmark_failures, counts.landmark_images], np.float64
    )
    found = {
        **table_figures(counts.table, kind=counts.kind, label_names=counts.label_names),
        **landmark_figures(landmarks_3),
        "loss": ratio(counts.loss_sum, counts.images),
    }
    return {name: defined(float(value)) for name, value in found.items()}


def table_figures(table: Numbers, *, kind: Kind, label_names: Sequence[str]) -> dict[str, Figures]:
    """What `scores` says of a table of counts, on all leading axes at once; NaN for undefined.

    Args:
        table: (..., K, K) for grades, (..., V, A, 4) for action units.
        kind: Action units or grades.
        label_names: Names of the action units or grades.
    """
    names = [name.lower() for name in label_names]
    if kind == "grade":
        f1 = grade_f1(table)
        return {
            "f1_macro": defined_mean(f1),
            **{f"f1_{name}": f1[..., index] for index, name in enumerate(names)},
            "accuracy": accuracy(table),
        }
    found: dict[str, Figures] = {}
    for variant, name_of_variant in enumerate(VARIANTS):
        suffix = "" if name_of_variant == "averaged" else f"_{name_of_variant}"
        f1 = detection_f1(table[..., variant, :, :])
        found[f"f1_mean{suffix}"] = defined_mean(f1)
        found |= {f"f1_{name}{suffix}": f1[..., index] for index, name in enumerate(names)}
    return found


def landmark_figures(sums_3: NDArray[np.floating[Any]]) -> dict[str, Figures]:
    """Landmark error and failure from (..., 3): sum of errors, failures, images."""
    return {
        "landmark_error": ratio(100 * sums_3[..., 0], sums_3[..., 2]),
        "landmark_failure": ratio(sums_3[..., 1], sums_3[..., 2]),
    }
