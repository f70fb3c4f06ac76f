"""Whether probabilities mean what they say: counts per bin of probability, and figures of them.

Shape suffixes: N = items, B = bins, 3 = items, sum of stated probabilities, sum of outcomes.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics.agreement import Figures, Numbers
from algr.metrics.ratios import ratio

NUM_BINS = 10
"""Of equal width over 0 to 1; a probability on an edge belongs to the bin above."""


def reliability_sums(
    *,
    stated_N: NDArray[np.floating[Any]],
    outcome_N: NDArray[Any],
    owner_N: NDArray[np.integer[Any]],
    num_owners: int,
) -> NDArray[np.float64]:
    """Sums per owner (a subject) and bin.

    Args:
        stated_N: Probability that was stated, 0 to 1.
        outcome_N: Whether it came true.
        owner_N: Index of each item's owner.
        num_owners: Number of owners.

    Returns:
        (owners, B, 3).
    """
    stated_N = stated_N.astype(np.float64)
    bin_N = np.minimum((stated_N * NUM_BINS).astype(np.int64), NUM_BINS - 1)
    cell_N = owner_N.astype(np.int64) * NUM_BINS + bin_N
    sums = [
        np.bincount(cell_N, weights=weight, minlength=num_owners * NUM_BINS).astype(np.float64)
        for weight in (np.ones(len(stated_N)), stated_N, outcome_N.astype(np.float64))
    ]
    return np.stack(sums, axis=-1).reshape(num_owners, NUM_BINS, 3)


def calibration_error(sums_B3: Numbers) -> Figures:
    """Expected calibration error: mean gap between stated and observed, by items; (...)."""
    items_B, stated_B, outcome_B = sums_B3[..., 0], sums_B3[..., 1], sums_B3[..., 2]
    return ratio(np.abs(stated_B - outcome_B).sum(-1), items_B.sum(-1))
