"""How much each action unit or grade weighs in the losses: the rarer, the more."""

# Shape suffixes: N = training frames, A = action units or grades.

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algr.data.store import PreparedDataset
from algr.faces import GRADES


def class_weights(
    dataset: PreparedDataset,
    rows: NDArray[np.integer],
    *,
    mode: Literal["inverse_occurrence", "none"],
) -> NDArray[np.float32]:
    r"""Weights \(w_i = (1/r_i)\, n / \sum_j 1/r_j\) of the paper's eqs. 2, 3 and 6; mean 1.

    \(r_i\) is the share of the frames that show action unit (or grade) i, among those in which it
    is coded. What never occurs in `rows` weighs 1 and does not enter the mean.

    Args:
        dataset: Of kind `au` or `grade`.
        rows: The training frames.
        mode: `none` gives ones.

    Returns:
        (A,) one per action unit, or (4,) one per grade.
    """
    if dataset.kind == "au":
        labels_NA = dataset.frames.labels[rows]
        present_A = (labels_NA == 1).sum(axis=0)
        coded_A = (labels_NA >= 0).sum(axis=0)
    else:
        grade_N = dataset.frames.grade[rows]
        present_A = np.bincount(grade_N[grade_N >= 0], minlength=len(GRADES))
        coded_A = np.full(len(GRADES), present_A.sum())
    weights_A = np.ones(len(present_A), np.float32)
    occurring_A = present_A > 0
    if mode == "none" or not occurring_A.any():
        return weights_A
    inverse_rate = coded_A[occurring_A] / present_A[occurring_A]
    weights_A[occurring_A] = inverse_rate / inverse_rate.mean()
    return weights_A
