import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

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


@settings(max_examples=20, deadline=None)
@given(
    pairs=st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 3)), min_size=1, max_size=30),
    parts=st.integers(1, 4),
)
def test_grades_in_any_number_of_batches_score_as_scikit_learn_scores_them_together(
    pairs: list[tuple[int, int]], parts: int
) -> None:
    batches = [part.tolist() for part in np.array_split(np.array(pairs), parts) if len(part)]
    counts = EvaluationCounts.zeros(kind="grade", label_names=GRADES)
    for batch in batches:
        counts += grade_counts([truth for truth, _ in batch], [guess for _, guess in batch])
    found = scores(counts)

    known = [(truth, guess) for truth, guess in pairs if truth >= 0]
    truth, guess = [pair[0] for pair in known], [pair[1] for pair in known]
    occurring = sorted({*truth, *guess})
    expected = (
        f1_score(truth, guess, labels=occurring, average="macro", zero_division=0)
        if known
        else None
    )
    assert found["f1_macro"] == (expected if expected is None else pytest.approx(expected))
    if known:
        np.testing.assert_array_equal(counts.table, confusion_matrix(truth, guess, labels=range(4)))


@settings(max_examples=20, deadline=None)
@given(
    labels=st.lists(st.tuples(*[st.integers(-1, 1)] * 2), min_size=1, max_size=20),
    seed=st.integers(0, 2**31),
)
def test_units_with_any_label_missing_score_as_scikit_learn_scores_the_coded_ones(
    labels: list[tuple[int, int]], seed: int
) -> None:
    truth = np.array(labels, dtype=np.int8)
    probability = np.random.default_rng(seed).random(truth.shape)

    found = scores(
        count_batch(
            kind="au",
            label_names=UNITS,
            landmarks_BL2=None,
            true_landmarks_BL2=face(len(truth)),
            au_probability_BA=probability,
            labels_BA=truth,
        )
    )

    coded = [truth[:, unit] >= 0 for unit in range(2)]
    detected = probability >= 0.5
    defined = [
        float(f1_score(truth[rows, unit], detected[rows, unit]))
        for unit, rows in enumerate(coded)
        if (truth[rows, unit] | detected[rows, unit]).any()
    ]
    shown = [found["f1_au1"], found["f1_au2"]]
    assert [value for value in shown if value is not None] == pytest.approx(defined)
    assert found["f1_mean"] == (pytest.approx(np.mean(defined)) if defined else None)
