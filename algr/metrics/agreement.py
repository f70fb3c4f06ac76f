"""How well predicted grades agree with true ones, from confusion matrices.

Every function takes counts with the truth in rows, (..., K, K), and works on all leading axes at
once. NaN where a figure is undefined.

Shape suffixes: K = grades, C = cut-offs.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics.ratios import ratio

Numbers = NDArray[np.integer[Any]] | NDArray[np.floating[Any]]
Figures = NDArray[np.float64]

CUT_OFFS = {"any_palsy": 1, "moderate": 2, "severe": 3}
"""Clinical questions about a face, each with the mildest grade that answers it with yes."""


def grade_f1(confusion: Numbers) -> Figures:
    """One-versus-rest F1 per grade, (..., K); NaN for a grade neither true nor predicted."""
    hits = np.diagonal(confusion, axis1=-2, axis2=-1)
    return ratio(2 * hits, confusion.sum(-1) + confusion.sum(-2))


def accuracy(confusion: Numbers) -> Figures:
    """Share on the diagonal, (...)."""
    return ratio(np.trace(confusion, axis1=-2, axis2=-1), confusion.sum((-2, -1)))


def within_one(confusion: Numbers) -> Figures:
    """Share at most one grade from the truth, (...)."""
    near = _distances(confusion) <= 1
    return ratio((confusion * near).sum((-2, -1)), confusion.sum((-2, -1)))


def mean_absolute_error(confusion: Numbers) -> Figures:
    """Mean distance from the truth in grades, (...)."""
    return ratio((confusion * _distances(confusion)).sum((-2, -1)), confusion.sum((-2, -1)))


def quadratic_kappa(confusion: Numbers) -> Figures:
    """Cohen's kappa weighted by the squared distance, (...).

    NaN where chance alone agrees always: all true and all predicted grades are one and the same.
    """
    squared = _distances(confusion) ** 2
    rows, columns = confusion.sum(-1), confusion.sum(-2)
    by_chance = (rows[..., :, None] * columns[..., None, :] * squared).sum((-2, -1))
    observed = (confusion * squared).sum((-2, -1)) * confusion.sum((-2, -1))
    return 1 - ratio(observed, by_chance)


def sensitivity(confusion: Numbers) -> Figures:
    """Share of those at or beyond each cut-off who are predicted so, (..., C)."""
    cuts = CUT_OFFS.values()
    hits = [confusion[..., cut:, cut:].sum((-2, -1)) for cut in cuts]
    return ratio(_stack(hits), _stack([confusion[..., cut:, :].sum((-2, -1)) for cut in cuts]))


def specificity(confusion: Numbers) -> Figures:
    """Share of those below each cut-off who are predicted so, (..., C)."""
    cuts = CUT_OFFS.values()
    hits = [confusion[..., :cut, :cut].sum((-2, -1)) for cut in cuts]
    return ratio(_stack(hits), _stack([confusion[..., :cut, :].sum((-2, -1)) for cut in cuts]))


def _distances(confusion: Numbers) -> NDArray[np.int64]:
    grades = np.arange(confusion.shape[-1])
    distances: NDArray[np.int64] = np.abs(grades[:, None] - grades)
    return distances


def _stack(values: list[Any]) -> NDArray[Any]:
    return np.stack(values, axis=-1)
