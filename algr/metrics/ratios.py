"""Ratios and means that are NaN where there is nothing to stand on."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def ratio(part: ArrayLike, of: ArrayLike) -> NDArray[np.float64]:
    """Element by element; NaN where the denominator is 0."""
    part, of = np.asarray(part, np.float64), np.asarray(of, np.float64)
    found = np.full(np.broadcast_shapes(part.shape, of.shape), np.nan)
    np.divide(part, of, out=found, where=of != 0)
    return found


def defined_mean(values: NDArray[np.floating[Any]], *, axis: int = -1) -> NDArray[np.float64]:
    """Mean over the values that are not NaN; NaN where there is none."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis), known.sum(axis))


def defined(value: float) -> float | None:
    """The number itself, or None for NaN."""
    return None if np.isnan(value) else float(value)
