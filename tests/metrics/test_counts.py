import math

import numpy as np
import pytest

from algr.faces import GRADES
from algr.metrics import EvaluationCounts, count_batch, landmark_errors, scores

UNITS = ("AU1", "AU2")


def face(batch: int = 1, *, interocular: float = 50.0) -> np.ndarray:
    """Landmarks whose eye centres are `interocular` pixels apart; everything else at 0."""
    points = np.zeros((batch, 49, 2), dtype=np.float32)
    points[:, 25:31, 0] = interocular
    return points


def grade_counts(truth: list[int], predicted: list[int], *, loss: float = 0.0) -> EvaluationCounts:
    return count_batch(
        kind="grade",
        label_names=GRADES,
        landmarks_BL2=face(len(truth)),
        true_landmarks_BL2=face(len(truth)),
        mean_loss=loss,
        grade_probability_BK=np.eye(4)[predicted] * 0.6 + 0.1,
        grade_B=np.array(truth, dtype=np.int8),
    )


def au_counts(seed: int, batch: int) -> EvaluationCounts:
    generator = np.random.default_rng(seed)
    local, whole = generator.random((2, batch, 2), dtype=np.float32)
    return count_batch(
        kind="au",
        label_names=UNITS,
        landmarks_BL2=face(batch) + generator.normal(0, 3, (batch, 49, 2)),
        true_landmarks_BL2=face(batch),
        mean_loss=generator.random(),
        au_probability_BA=(local + whole) / 2,
        local_probability_BA=local,
        whole_probability_BA=whole,
        labels_BA=generator.integers(-1, 2, (batch, 2)).astype(np.int8),
    )


def test_confusion_has_the_truth_in_rows_and_leaves_out_unknown_grades() -> None:
    counts = grade_counts([0, 0, 1, 3, -1], [0, 1, 1, 2, 3])

    expected = np.zeros((4, 4))
    expected[0, 0] = expected[0, 1] = expected[1, 1] = expected[3, 2] = 1
    np.testing.assert_array_equal(counts.table, expected)
    assert counts.images == 5


def test_detections_are_counted_per_unit_and_head() -> None:
    counts = count_batch(
        kind="au",
        label_names=UNITS,
        landmarks_BL2=face(4),
        true_landmarks_BL2=face(4),
        au_probability_BA=np.array([[0.5, 0.1], [0.9, 0.1], [0.2, 0.9], [0.4, 0.9]]),
        local_probability_BA=np.full((4, 2), 0.9),
        labels_BA=np.array([[1, 0], [0, 1], [1, -1], [0, 1]], dtype=np.int8),
    )

    averaged, local, whole = counts.table
    np.testing.assert_array_equal(averaged, [[1, 1, 1, 1], [1, 0, 1, 1]])
    np.testing.assert_array_equal(local, [[2, 2, 0, 0], [2, 1, 0, 0]])
    assert whole.sum() == 0


def test_landmark_error_is_the_mean_distance_over_that_of_the_eye_centres() -> None:
    predicted = face()
    predicted[0, 0] = (30, 40)
    predicted[0, 1] = (0, 48)

    (error,) = landmark_errors(predicted, face())

    assert error == pytest.approx((50 + 48) / 49 / 50)


def test_landmark_error_is_unknown_without_landmarks_or_eyes() -> None:
    truth = np.concatenate([face(), face(), face(interocular=0)])
    truth[1, 40] = math.nan

    errors = landmark_errors(face(3), truth)

    assert np.isnan(errors).tolist() == [False, True, True]


def test_landmark_failures_lie_above_a_tenth_of_the_interocular_distance() -> None:
    predicted = face(3)
    predicted[0] += (3, 4)
    predicted[1] += (3.01, 4)
    truth = face(3)
    truth[2] = math.nan

    counts = count_batch(
        kind="grade",
        label_names=GRADES,
        landmarks_BL2=predicted,
        true_landmarks_BL2=truth,
        grade_probability_BK=np.full((3, 4), 0.25),
        grade_B=np.zeros(3, dtype=np.int8),
    )

    assert counts.landmark_images == 2
    assert counts.landmark_failures == 1
    assert scores(counts)["landmark_failure"] == pytest.approx(0.5)
    assert scores(counts)["landmark_error"] == pytest.approx(10.0, abs=0.01)


def test_counts_of_batches_add_up_to_those_of_all_images() -> None:
    first = grade_counts([0, 1], [0, 2], loss=0.5)
    second = grade_counts([3], [3], loss=2.0)

    total = first + second

    together = grade_counts([0, 1, 3], [0, 2, 3], loss=1.0)
    assert total == together
    assert total.loss_sum == pytest.approx(3.0)


@pytest.mark.parametrize("counts", [au_counts(0, 7), grade_counts([0, 1], [1, 1], loss=0.3)])
def test_counts_survive_a_reduction_as_an_array(counts: EvaluationCounts) -> None:
    reduced = counts.to_array() + counts.to_array()

    restored = EvaluationCounts.from_array(
        reduced, kind=counts.kind, label_names=counts.label_names
    )

    assert restored == counts + counts
    assert restored.table.dtype == np.int64


def test_zeros_change_nothing() -> None:
    counts = au_counts(1, 5)

    assert EvaluationCounts.zeros(kind="au", label_names=UNITS) + counts == counts


def test_different_counts_are_not_equal() -> None:
    assert au_counts(1, 5) != au_counts(2, 5)
    assert au_counts(1, 5) != "counts"


def test_a_network_without_landmarks_has_no_landmark_counts() -> None:
    counts = count_batch(
        kind="grade",
        label_names=GRADES,
        landmarks_BL2=None,
        true_landmarks_BL2=face(3),
        mean_loss=2.0,
        grade_probability_BK=np.eye(4)[[0, 1, 1]],
        grade_B=np.array([0, 1, 2], dtype=np.int8),
    )

    assert (counts.landmark_images, counts.landmark_failures) == (0, 0)
    assert (counts.images, counts.loss_sum) == (3, 6.0)
    assert counts.table.trace() == 2
    assert scores(counts)["landmark_error"] is None
