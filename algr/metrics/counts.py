"""Counts of an evaluation that add up over batches, processes and folds; scores come last.

Shape suffixes: B = images, L = landmarks, 2 = (x, y), A = action units, K = grades,
V = variants of an action unit's probability (`VARIANTS`), 4 = true positives, false positives,
false negatives, true negatives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from algr.faces import LEFT_EYE, RIGHT_EYE

Kind = Literal["au", "grade"]
FloatArray = NDArray[np.floating[Any]]
IntArray = NDArray[np.integer[Any]]

VARIANTS = ("averaged", "local", "whole")
"""From the mean of both heads, the head of the unit's own region, the whole-face head."""
FAILURE = 0.1
"""A landmark error above this share of the inter-ocular distance is a failure."""
_NUM_SUMS = 5


@dataclass(frozen=True, eq=False)
class EvaluationCounts:
    """Everything that the scores need, as sums.

    Attributes:
        kind: Action units or grades.
        label_names: Names of the action units or grades.
        table: For grades the confusion matrix, int64 (K, K), rows the truth; for action units
            int64 (V, A, 4).
        landmark_error_sum: Sum over images of the mean landmark distance over the inter-ocular
            distance.
        landmark_failures: Images whose error is above `FAILURE`.
        landmark_images: Images with known landmarks.
        loss_sum: Sum over images of the loss.
        images: Images, known or not.
    """

    kind: Kind
    label_names: tuple[str, ...]
    table: NDArray[np.int64]
    landmark_error_sum: float = 0.0
    landmark_failures: int = 0
    landmark_images: int = 0
    loss_sum: float = 0.0
    images: int = 0

    def __post_init__(self) -> None:
        assert self.table.shape == _table_shape(self.kind, self.label_names)

    @classmethod
    def zeros(cls, *, kind: Kind, label_names: Sequence[str]) -> Self:
        """Nothing counted yet."""
        shape = _table_shape(kind, label_names)
        return cls(kind, tuple(label_names), np.zeros(shape, dtype=np.int64))

    def __add__(self, other: Self) -> Self:
        assert self.kind == other.kind
        assert self.label_names == other.label_names
        return type(self)(
            kind=self.kind,
            label_names=self.label_names,
            table=self.table + other.table,
            landmark_error_sum=self.landmark_error_sum + other.landmark_error_sum,
            landmark_failures=self.landmark_failures + other.landmark_failures,
            landmark_images=self.landmark_images + other.landmark_images,
            loss_sum=self.loss_sum + other.loss_sum,
            images=self.images + other.images,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EvaluationCounts):
            return NotImplemented
        return (
            self.kind == other.kind
            and self.label_names == other.label_names
            and np.array_equal(self.to_array(), other.to_array())
        )

    __hash__ = None  # type: ignore[assignment]

    def to_array(self) -> NDArray[np.float64]:
        """All sums as one float64 vector, which a reduction may add; exact below 2**53."""
        sums = (
            self.landmark_error_sum,
            self.landmark_failures,
            self.landmark_images,
            self.loss_sum,
            self.images,
        )
        return np.concatenate([self.table.ravel().astype(np.float64), np.array(sums, np.float64)])

    @classmethod
    def from_array(cls, array: FloatArray, *, kind: Kind, label_names: Sequence[str]) -> Self:
        """The counts whose `to_array` gave the vector."""
        shape = _table_shape(kind, label_names)
        assert array.shape == (int(np.prod(shape)) + _NUM_SUMS,)
        sums = array[-_NUM_SUMS:]
        return cls(
            kind=kind,
            label_names=tuple(label_names),
            table=np.rint(array[:-_NUM_SUMS]).astype(np.int64).reshape(shape),
            landmark_error_sum=float(sums[0]),
            landmark_failures=round(float(sums[1])),
            landmark_images=round(float(sums[2])),
            loss_sum=float(sums[3]),
            images=round(float(sums[4])),
        )


def _table_shape(kind: Kind, label_names: Sequence[str]) -> tuple[int, ...]:
    count = len(label_names)
    return (count, count) if kind == "grade" else (len(VARIANTS), count, 4)


def count_batch(
    *,
    kind: Kind,
    label_names: Sequence[str],
    landmarks_BL2: FloatArray | None,
    true_landmarks_BL2: FloatArray,
    mean_loss: float = 0.0,
    grade_probability_BK: FloatArray | None = None,
    grade_B: IntArray | None = None,
    au_probability_BA: FloatArray | None = None,
    local_probability_BA: FloatArray | None = None,
    whole_probability_BA: FloatArray | None = None,
    labels_BA: IntArray | None = None,
) -> EvaluationCounts:
    """Counts of one batch, from plain arrays.

    Args:
        kind: Action units or grades.
        label_names: Names of the action units or grades.
        landmarks_BL2: Predicted, pixels; None from a network without landmarks.
        true_landmarks_BL2: Same pixels; an image with a NaN is left out of the landmark counts.
        mean_loss: Mean loss over the images of the batch.
        grade_probability_BK: For grades; the predicted grade is the first of the largest.
        grade_B: For grades; -1 is unknown and left out.
        au_probability_BA: For action units, the mean of both heads; present from 0.5 on.
        local_probability_BA: From the unit's own region, where the network has such heads.
        whole_probability_BA: From the whole face, where the network has such a head.
        labels_BA: For action units; 1, 0, or -1 for not coded, which is left out.
    """
    if kind == "grade":
        assert grade_probability_BK is not None
        assert grade_B is not None
        table = _confusion(grade_probability_BK, grade_B, num_grades=len(label_names))
    else:
        assert au_probability_BA is not None
        assert labels_BA is not None
        variants = (au_probability_BA, local_probability_BA, whole_probability_BA)
        table = np.stack([_detections(probability, labels_BA) for probability in variants])
    error_B = np.full(len(true_landmarks_BL2), np.nan)
    if landmarks_BL2 is not None:
        error_B = landmark_errors(landmarks_BL2, true_landmarks_BL2)
    known_B = np.isfinite(error_B)
    images = len(true_landmarks_BL2)
    return EvaluationCounts(
        kind=kind,
        label_names=tuple(label_names),
        table=table,
        landmark_error_sum=float(error_B[known_B].sum()),
        landmark_failures=int((error_B[known_B] > FAILURE).sum()),
        landmark_images=int(known_B.sum()),
        loss_sum=float(mean_loss) * images,
        images=images,
    )


def landmark_errors(predicted_BL2: FloatArray, truth_BL2: FloatArray) -> NDArray[np.float64]:
    """Mean point distance over the distance of the true eye centres, per image.

    Returns:
        (B,); NaN where a true landmark is missing or the eyes coincide.
    """
    truth_BL2 = truth_BL2.astype(np.float64)
    left_B2 = truth_BL2[:, LEFT_EYE].mean(1)
    right_B2 = truth_BL2[:, RIGHT_EYE].mean(1)
    interocular_B = np.linalg.norm(left_B2 - right_B2, axis=1)
    interocular_B[~(interocular_B > 0)] = np.nan
    distance_B = np.linalg.norm(predicted_BL2 - truth_BL2, axis=2).mean(1)
    errors_B: NDArray[np.float64] = distance_B / interocular_B
    return errors_B


def _confusion(
    probability_BK: FloatArray, grade_B: IntArray, *, num_grades: int
) -> NDArray[np.int64]:
    known_B = grade_B >= 0
    truth = grade_B[known_B].astype(np.int64)
    predicted = probability_BK[known_B].argmax(1)
    pairs = np.bincount(truth * num_grades + predicted, minlength=num_grades**2)
    return pairs.astype(np.int64).reshape(num_grades, num_grades)


def _detections(probability_BA: FloatArray | None, labels_BA: IntArray) -> NDArray[np.int64]:
    """(A, 4); zeros if there is no such head."""
    if probability_BA is None:
        return np.zeros((labels_BA.shape[1], 4), dtype=np.int64)
    detected_BA = probability_BA >= 0.5
    present_BA, absent_BA = labels_BA > 0, labels_BA == 0
    return np.stack(
        [
            (detected_BA & present_BA).sum(0),
            (detected_BA & absent_BA).sum(0),
            (~detected_BA & present_BA).sum(0),
            (~detected_BA & absent_BA).sum(0),
        ],
        axis=1,
    ).astype(np.int64)
