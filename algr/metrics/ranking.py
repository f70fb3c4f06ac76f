"""Area under the ROC curve as a form of subjects' weights: exact, and cheap to resample.

The area is the share of pairs, one item with and one without the property, in which the first has
the higher score; equal scores count half. Pairs are counted once per pair of subjects; then the
area for any weights of the subjects is a product of small matrices.

Shape suffixes: N = items, S = T = subjects, R = draws.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics.ratios import ratio

_LOT = 8
"""Items are ranked in lots: across lots histograms are multiplied, within a lot pairs compared."""


@dataclass(frozen=True, eq=False)
class RankedPairs:
    """Pairs of items, by the subjects they come from."""

    wins_ST: NDArray[np.float64]
    """Pairs of a positive of S above a negative of T, ties half."""
    positives_S: NDArray[np.float64]
    negatives_S: NDArray[np.float64]

    def area(self, weight_RS: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Area under the curve for each row of weights, (R,); NaN without positive or negative."""
        wins_R = ((weight_RS @ self.wins_ST) * weight_RS).sum(1)
        return ratio(wins_R, (weight_RS @ self.positives_S) * (weight_RS @ self.negatives_S))


def rank_pairs(
    *,
    score_N: NDArray[np.floating[Any]],
    is_positive_N: NDArray[np.bool_],
    subject_N: NDArray[np.integer[Any]],
    num_subjects: int,
) -> RankedPairs:
    """Count the pairs of all subjects, in N log N time.

    Args:
        score_N: The higher, the more likely positive.
        is_positive_N: Whether the item has the property.
        subject_N: Index of each item's subject.
        num_subjects: Number of subjects.
    """
    order_N = np.argsort(score_N)
    score_N, is_positive_N = score_N[order_N], is_positive_N[order_N]
    person_N: NDArray[np.int64] = subject_N[order_N].astype(np.int64)
    wins_ST = _wins(is_positive_N, person_N, num_subjects)
    is_equal_N = score_N[1:] == score_N[:-1]
    tied_N = np.append(is_equal_N, False) | np.insert(is_equal_N, 0, False)
    if tied_N.any():
        wins_ST += _correction(
            score_N[tied_N], is_positive_N[tied_N], person_N[tied_N], num_subjects
        )
    return RankedPairs(
        wins_ST=wins_ST,
        positives_S=_histogram(person_N[is_positive_N], num_subjects),
        negatives_S=_histogram(person_N[~is_positive_N], num_subjects),
    )


def _correction(
    score_N: NDArray[np.floating[Any]],
    is_positive_N: NDArray[np.bool_],
    subject_N: NDArray[np.int64],
    num_subjects: int,
) -> NDArray[np.float64]:
    """(S, T) what is missing for ties to count half, among items that have equals."""
    last_N, first_N = (np.lexsort((tie_N, score_N)) for tie_N in (is_positive_N, ~is_positive_N))
    most, least, counted = (
        _wins(is_positive_N[order_N], subject_N[order_N], num_subjects)
        for order_N in (last_N, first_N, slice(None))
    )
    return (most + least) / 2 - counted


def _wins(
    is_positive_N: NDArray[np.bool_], subject_N: NDArray[np.int64], num_subjects: int
) -> NDArray[np.float64]:
    """(S, T) pairs of a positive behind a negative, of items in ascending order."""
    count = len(subject_N)
    lots = -(-count // _LOT)
    cell_N = np.arange(count) // _LOT * num_subjects + subject_N
    positives = _histogram(cell_N[is_positive_N], lots * num_subjects).reshape(lots, num_subjects)
    negatives = _histogram(cell_N[~is_positive_N], lots * num_subjects).reshape(lots, num_subjects)
    wins_ST = positives.T @ (negatives.cumsum(0) - negatives)
    place_N = np.arange(count) % _LOT
    for shift in range(1, min(_LOT, count)):
        is_pair = is_positive_N[shift:] & ~is_positive_N[:-shift] & (place_N[shift:] >= shift)
        pair = subject_N[shift:][is_pair] * num_subjects + subject_N[:-shift][is_pair]
        wins_ST += _histogram(pair, num_subjects**2).reshape(num_subjects, num_subjects)
    return wins_ST


def _histogram(index_N: NDArray[np.int64], size: int) -> NDArray[np.float64]:
    return np.bincount(index_N, minlength=size).astype(np.float64)
