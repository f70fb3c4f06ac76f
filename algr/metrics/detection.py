"""Figures of detections, from counts of right and wrong answers; NaN where one is undefined.

Shape suffixes: 4 = true positives, false positives, false negatives, true negatives.
"""

import numpy as np
from numpy.typing import NDArray

from algr.metrics.agreement import Figures, Numbers
from algr.metrics.ratios import ratio


def detection_f1(table_4: Numbers) -> Figures:
    """F1 of what is present, (...); NaN if it is neither present nor detected anywhere."""
    hits, false, missed, _ = _parts(table_4)
    return ratio(2 * hits, 2 * hits + false + missed)


def detection_accuracy(table_4: Numbers) -> Figures:
    """Share of right answers, (...)."""
    hits, false, missed, right = _parts(table_4)
    return ratio(hits + right, hits + false + missed + right)


def prevalence(table_4: Numbers) -> Figures:
    """Share of those in whom it is present, (...)."""
    hits, false, missed, right = _parts(table_4)
    return ratio(hits + missed, hits + false + missed + right)


def detection_kappa(table_4: Numbers) -> Figures:
    """Cohen's kappa, (...); NaN where chance alone agrees always."""
    hits, false, missed, right = _parts(table_4)
    disagreement = (hits + false) * (false + right) + (hits + missed) * (missed + right)
    return ratio(2 * (hits * right - missed * false), disagreement)


def _parts(table_4: Numbers) -> tuple[NDArray[np.float64], ...]:
    table_4 = np.asarray(table_4, np.float64)
    return table_4[..., 0], table_4[..., 1], table_4[..., 2], table_4[..., 3]
