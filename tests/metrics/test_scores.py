import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from algr.faces import GRADES
from algr.metrics import EvaluationCounts, count_batch, grade_f1, headline, scores
from tests.metrics.test_counts import UNITS, face, grade_counts


def test_headlines() -> None:
    assert headline("grade") == "f1_macro"
    assert headline("au") == "f1_mean"


def test_grade_scores_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    truth, predicted = generator.integers(0, 4, (2, 200))

    found = scores(grade_counts(truth.tolist(), predicted.tolist()))

    per_grade = f1_score(truth, predicted, average=None)
    assert found["f1_macro"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert [found[f"f1_{name}"] for name in GRADES] == pytest.approx(per_grade.tolist())
    assert found["accuracy"] == pytest.approx(accuracy_score(truth, predicted))


def test_a_grade_neither_true_nor_predicted_is_unknown_and_left_out_of_the_mean() -> None:
    found = scores(grade_counts([0, 0, 1, 1], [0, 1, 1, 3]))

    assert found["f1_normal"] == pytest.approx(2 / 3)
    assert found["f1_low"] == pytest.approx(1 / 2)
    assert found["f1_medium"] is None
    assert found["f1_high"] == 0
    assert found["f1_macro"] == pytest.approx((2 / 3 + 1 / 2 + 0) / 3)


def test_scores_of_nothing_are_unknown() -> None:
    grades = scores(EvaluationCounts.zeros(kind="grade", label_names=GRADES))
    units = scores(EvaluationCounts.zeros(kind="au", label_names=UNITS))

    assert set(grades.values()) == {None}
    assert set(units.values()) == {None}
    assert set(grades) == {
        *("f1_macro", "f1_normal", "f1_low", "f1_medium", "f1_high", "accuracy"),
        *("landmark_error", "landmark_failure", "loss"),
    }


def test_action_unit_scores_are_those_of_scikit_learn_over_the_coded_frames() -> None:
    generator = np.random.default_rng(1)
    local, whole = generator.random((2, 300, 2))
    averaged = (local + whole) / 2
    labels = generator.integers(-1, 2, (300, 2))

    found = scores(
        count_batch(
            kind="au",
            label_names=UNITS,
            landmarks_BL2=face(300),
            true_landmarks_BL2=face(300),
            mean_loss=0.25,
            au_probability_BA=averaged,
            local_probability_BA=local,
            whole_probability_BA=whole,
            labels_BA=labels,
        )
    )

    def expected(probability: np.ndarray, unit: int) -> float:
        coded = labels[:, unit] >= 0
        return float(f1_score(labels[coded, unit], probability[coded, unit] >= 0.5))

    assert found["f1_au1"] == pytest.approx(expected(averaged, 0))
    assert found["f1_au2_local"] == pytest.approx(expected(local, 1))
    assert found["f1_au2_whole"] == pytest.approx(expected(whole, 1))
    assert found["f1_mean"] == pytest.approx((expected(averaged, 0) + expected(averaged, 1)) / 2)
    assert found["f1_mean_local"] == pytest.approx((expected(local, 0) + expected(local, 1)) / 2)
    assert found["loss"] == pytest.approx(0.25)


def test_a_unit_that_never_occurs_and_is_never_detected_is_left_out_of_the_mean() -> None:
    found = scores(
        count_batch(
            kind="au",
            label_names=UNITS,
            landmarks_BL2=face(2),
            true_landmarks_BL2=face(2),
            au_probability_BA=np.array([[0.9, 0.1], [0.2, 0.3]]),
            labels_BA=np.array([[1, 0], [1, -1]], dtype=np.int8),
        )
    )

    assert found["f1_au2"] is None
    assert found["f1_mean"] == found["f1_au1"] == pytest.approx(2 / 3)
    assert found["f1_mean_whole"] is None


def test_f1_of_several_confusions_at_once() -> None:
    confusions = np.stack([np.diag([5, 0]), np.array([[1, 1], [2, 0]])])

    f1 = grade_f1(confusions)

    np.testing.assert_allclose(f1, [[1, np.nan], [2 / 5, 0]])
