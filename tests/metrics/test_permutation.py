import numpy as np
import pytest

from algr.metrics import permutation_interval


def sample(subjects: int, frames: int) -> tuple[np.ndarray, np.ndarray]:
    """Grades going round over the subjects, one row per frame, and the subjects' numbers."""
    subject = np.repeat(np.arange(subjects), frames)
    return subject % 4, subject


def interval(truth: np.ndarray, predicted: np.ndarray, subject: np.ndarray, *, seed: int = 0):  # type: ignore[no-untyped-def]
    return permutation_interval(
        truth_N=truth, predicted_N=predicted, subject_N=subject, num_grades=4, seed=seed
    )


def test_perfect_predictions_are_far_above_chance() -> None:
    truth, subject = sample(40, 10)

    chance = interval(truth, truth, subject)

    assert chance.permutations == 200
    assert chance.level == 0.95
    assert chance.low < chance.mean < chance.high < 0.6
    assert chance.mean == pytest.approx(0.25, abs=0.05)


def test_few_subjects_make_the_interval_wide_however_many_frames() -> None:
    few, many = sample(8, 500), sample(400, 10)

    wide = interval(few[0], few[0], few[1])
    narrow = interval(many[0], many[0], many[1])

    assert wide.high - wide.low > 4 * (narrow.high - narrow.low)


def test_one_prediction_for_all_scores_the_same_under_every_shuffle() -> None:
    truth, subject = sample(8, 5)

    chance = interval(truth, np.zeros_like(truth), subject)

    # precision 1/4 and recall 1 for one grade, 0 for the three others
    assert chance.low == chance.high == pytest.approx(0.4 / 4)


def test_the_seed_fixes_the_interval_and_frames_may_come_in_any_order() -> None:
    truth, subject = sample(12, 4)
    predicted = np.random.default_rng(5).integers(0, 4, truth.shape)
    shuffled = np.random.default_rng(6).permutation(len(truth))

    first = interval(truth, predicted, subject)
    second = interval(truth[shuffled], predicted[shuffled], subject[shuffled])

    assert first == second
    assert first != interval(truth, predicted, subject, seed=1)


def test_unknown_grades_are_left_out() -> None:
    truth, subject = sample(8, 5)
    predicted = (truth + 1) % 4
    with_unknown = np.concatenate([truth, np.full(5, -1)])

    found = interval(
        with_unknown, np.concatenate([predicted, np.zeros(5, int)]), np.append(subject, [99] * 5)
    )

    assert found == interval(truth, predicted, subject)
    assert interval(np.array([-1]), np.array([0]), np.array([0])) is None
