"""Figures of recordings and units, against scikit-learn and by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    mean_absolute_error,
    recall_score,
    roc_auc_score,
)

from algr.faces import GRADES
from algr.metrics import TestedFrames, gather_evidence
from algr.metrics.ranking import rank_pairs
from tests.metrics.drawn_frames import graded_frames, unit_frames


def figures(tested: TestedFrames) -> dict[str, float]:
    found = gather_evidence(tested).figures(np.ones((1, len(tested.subjects))))
    return {name: float(value[0]) for name, value in found.items()}


def recordings(tested: TestedFrames) -> tuple[np.ndarray, np.ndarray]:
    """Truth and mean probability of each recording with a known grade, frame by frame."""
    known = [v for v in np.unique(tested.video_N) if tested.truth[tested.video_N == v].max() >= 0]
    truth = np.array([tested.truth[tested.video_N == video].max() for video in known])
    probability = tested.probability["averaged"].astype(np.float64)
    return truth, np.array([probability[tested.video_N == video].mean(0) for video in known])


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_figures_of_recordings_are_scikit_learns(seed: int) -> None:
    tested = graded_frames(seed=seed, frames=120)
    truth, probability = recordings(tested)
    predicted = probability.argmax(1)

    found = figures(tested)

    assert found["video/accuracy"] == pytest.approx(accuracy_score(truth, predicted))
    occurring = np.union1d(truth, predicted)
    macro = f1_score(truth, predicted, labels=occurring, average="macro", zero_division=0)
    assert found["video/f1_macro"] == pytest.approx(macro)
    kappa = cohen_kappa_score(truth, predicted, weights="quadratic", labels=range(4))
    assert found["video/kappa_quadratic"] == pytest.approx(kappa)
    assert found["video/mae"] == pytest.approx(mean_absolute_error(truth, predicted))
    assert found["video/within_one"] == pytest.approx(np.mean(abs(truth - predicted) <= 1))
    normalised = probability / probability.sum(1, keepdims=True)
    off_by = np.abs(probability.sum(1) - 1).max()  # rounded probabilities do not sum up to 1
    brier = brier_score_loss(truth, normalised, labels=range(4), scale_by_half=False)
    assert found["video/brier"] == pytest.approx(brier, abs=4 * off_by)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31), cut=st.sampled_from([(1, "any_palsy"), (2, "moderate")]))
def test_figures_at_a_cut_off_are_scikit_learns(seed: int, cut: tuple[int, str]) -> None:
    tested = graded_frames(seed=seed, num_subjects=20, frames=200)
    truth, probability = recordings(tested)
    least, name = cut
    is_ill, called_ill = truth >= least, probability.argmax(1) >= least

    found = figures(tested)

    assert found[f"video/sensitivity_{name}"] == pytest.approx(recall_score(is_ill, called_ill))
    assert found[f"video/specificity_{name}"] == pytest.approx(
        recall_score(is_ill, called_ill, pos_label=False)
    )
    area = roc_auc_score(is_ill, probability[:, least:].sum(1))
    assert found[f"video/auc_{name}"] == pytest.approx(area)


def test_calibration_by_hand() -> None:
    tested = TestedFrames(
        kind="grade",
        label_names=GRADES,
        subjects=("a", "b", "c"),
        fold_S=np.zeros(3, int),
        subject_N=np.array([0, 1, 2]),
        video_N=np.array([0, 1, 2]),
        truth=np.array([0, 0, 3]),
        probability={
            "averaged": np.array([[0.75, 0.25, 0, 0], [0.75, 0, 0.25, 0], [0.5, 0.5, 0, 0]])
        },
        landmark_error_N=np.full(3, np.nan),
    )

    found = figures(tested)

    # bin 0.7: two of 0.75, both right, gap 0.5 in sum; bin 0.5: one of 0.5, wrong, gap 0.5
    assert found["video/ece"] == pytest.approx((0.5 + 0.5) / 3)
    # twice 0.25² + 0.25², once 0.5² + 0.5² + 1
    assert found["video/brier"] == pytest.approx((0.125 + 0.125 + 1.5) / 3)
    assert math.isnan(found["landmark_error"])


def test_undefined_figures_are_not_numbers() -> None:
    tested = graded_frames(seed=0)
    normal = np.where(tested.truth >= 0, 0, -1).astype(np.int8)
    everybody_normal = TestedFrames(**{**vars(tested), "truth": normal})

    found = figures(everybody_normal)

    undefined = {name for name, value in found.items() if math.isnan(value)}
    assert {"video/sensitivity_any_palsy", "video/auc_severe"} <= undefined
    assert "video/specificity_any_palsy" not in undefined


def test_a_person_with_one_grade_counts_once_and_one_with_several_is_left_out() -> None:
    probability = np.array([[0.9, 0.1, 0, 0], [0.2, 0.8, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0]])
    tested = TestedFrames(
        kind="grade",
        label_names=GRADES,
        subjects=("a", "b"),
        fold_S=np.zeros(2, int),
        subject_N=np.array([0, 0, 1, 1]),
        video_N=np.array([0, 1, 2, 3]),
        truth=np.array([0, 0, 2, 1]),
        probability={"averaged": probability},
        landmark_error_N=np.zeros(4),
    )

    evidence = gather_evidence(tested)

    # a: mean (0.55, 0.45): normal, right; b had two grades
    confusion = evidence.sections["subject"].confusion_SKK.sum(0)
    np.testing.assert_array_equal(confusion, np.diag([1, 0, 0, 0]))
    assert evidence.mixed_subjects == 1


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_figures_of_units_are_scikit_learns_on_the_coded_frames(seed: int) -> None:
    tested = unit_frames(seed=seed)
    coded = tested.truth[:, 1] >= 0
    truth = tested.truth[coded, 1]
    stated = tested.probability["averaged"][coded, 1].astype(np.float64)
    detected = stated >= 0.5

    found = figures(tested)

    assert found["f1_au12"] == pytest.approx(f1_score(truth, detected))
    local = tested.probability["local"][coded, 1] >= 0.5
    assert found["f1_au12_local"] == pytest.approx(f1_score(truth, local))
    assert found["units/auc_au12"] == pytest.approx(roc_auc_score(truth, stated))
    assert found["units/kappa_au12"] == pytest.approx(cohen_kappa_score(truth, detected))
    assert found["units/accuracy_au12"] == pytest.approx(accuracy_score(truth, detected))
    assert found["units/prevalence_au12"] == pytest.approx(truth.mean())
    assert found["units/brier_au12"] == pytest.approx(brier_score_loss(truth, stated))
    both = [found["units/auc_au1"], found["units/auc_au12"]]
    assert found["units/auc_mean"] == pytest.approx(np.mean(both))


def wins_one_by_one(score: np.ndarray, positive: np.ndarray, subject: np.ndarray) -> np.ndarray:
    wins = np.zeros((4, 4))
    for i in np.flatnonzero(positive):
        for j in np.flatnonzero(~positive):
            wins[subject[i], subject[j]] += (score[i] > score[j]) + (score[i] == score[j]) / 2
    return wins


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31), count=st.integers(0, 60), values=st.integers(1, 30))
def test_pairs_are_those_of_a_loop_over_all_pairs(seed: int, count: int, values: int) -> None:
    random = np.random.default_rng(seed)
    score = random.integers(0, values, count) / values
    positive, subject = random.random(count) < 0.5, random.integers(0, 4, count)

    found = rank_pairs(score_N=score, is_positive_N=positive, subject_N=subject, num_subjects=4)

    np.testing.assert_array_equal(found.wins_ST, wins_one_by_one(score, positive, subject))


def test_the_confusion_of_recordings_has_the_truth_in_rows() -> None:
    tested = graded_frames(seed=3, frames=120)
    truth, probability = recordings(tested)

    found = gather_evidence(tested).sections["video"].confusion_SKK.sum(0)

    expected = confusion_matrix(truth, probability.argmax(1), labels=range(4))
    np.testing.assert_array_equal(found, expected)
