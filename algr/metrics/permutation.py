"""What a score would be by chance: the grades shuffled over the subjects.

Shape suffixes: N = frames, S = subjects, K = grades, R = permutations.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics.agreement import grade_f1

IntArray = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class PermutationInterval:
    """Macro F1 under shuffled grades.

    Attributes:
        low: Lower end of the interval.
        high: Upper end.
        mean: Mean over the permutations.
        permutations: How many were drawn.
        level: Share of the permutations inside the interval.
    """

    low: float
    high: float
    mean: float
    permutations: int
    level: float


def permutation_interval(
    *,
    truth_N: IntArray,
    predicted_N: IntArray,
    subject_N: IntArray,
    num_grades: int,
    seed: int,
    permutations: int = 200,
    level: float = 0.95,
) -> PermutationInterval | None:
    """Interval of the macro F1 if grades had nothing to do with faces.

    Predictions stay with their frames; whole subjects exchange their grades, so that the frames of
    one person count as one draw. A subject with several grades (visits) brings its most frequent
    one, the higher of equals.

    Args:
        truth_N: Grade of each frame; frames with -1 are left out.
        predicted_N: Predicted grade of each frame.
        subject_N: Index or number of each frame's subject.
        num_grades: Number of grades.
        seed: Of the shuffling.
        permutations: Number of shuffles.
        level: Share of the shuffles inside the interval.

    Returns:
        None if no frame has a grade.
    """
    known_N = truth_N >= 0
    if not known_N.any():
        return None
    subjects, row_N = np.unique(subject_N[known_N], return_inverse=True)
    shape = (len(subjects), num_grades)
    predicted_SK = _histogram(row_N, predicted_N[known_N], shape)
    truth_SK = _histogram(row_N, truth_N[known_N], shape)
    grade_S = num_grades - 1 - truth_SK[:, ::-1].argmax(1)
    generator = np.random.default_rng(seed)
    drawn_RS = generator.permuted(np.tile(grade_S, (permutations, 1)), axis=1)
    one_hot_RSK = np.eye(num_grades, dtype=np.int64)[drawn_RS]
    confusion_RKK = np.einsum("rsk,sj->rkj", one_hot_RSK, predicted_SK)
    macro_R = np.nanmean(grade_f1(confusion_RKK), axis=1)
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(macro_R, [tail, 100 - tail])
    return PermutationInterval(
        low=float(low),
        high=float(high),
        mean=float(macro_R.mean()),
        permutations=permutations,
        level=level,
    )


def _histogram(row_N: IntArray, value_N: IntArray, shape: tuple[int, int]) -> NDArray[np.int64]:
    flat = np.bincount(row_N * shape[1] + value_N.astype(np.int64), minlength=shape[0] * shape[1])
    return flat.astype(np.int64).reshape(shape)
