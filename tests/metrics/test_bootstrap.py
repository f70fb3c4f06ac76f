"""Intervals by resampling subjects."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algr.faces import GRADES
from algr.metrics import (
    Interval,
    TestedFrames,
    can_resample,
    draw_weights,
    gather_evidence,
    holm,
    intervals,
    percentile_interval,
    resample,
    two_sided_p,
)
from tests.metrics.drawn_frames import graded_frames, repeated, unit_frames


@pytest.mark.parametrize("make", [graded_frames, unit_frames])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_draw_scores_as_the_frames_of_its_subjects_written_down_again(make, seed: int) -> None:
    tested = make(seed=seed)
    evidence = gather_evidence(tested)
    weight_RS = draw_weights(evidence.subjects, evidence.fold_S, draws=4)

    found = evidence.figures(weight_RS)

    slow = [gather_evidence(repeated(tested, row.astype(int))) for row in weight_RS]
    expected = [one.figures(np.ones((1, len(one.subjects)))) for one in slow]
    names = [name for name in found if all(name in row for row in expected)]
    assert {"landmark_error", "f1_macro" if make is graded_frames else "units/auc_mean"} < {*names}
    np.testing.assert_allclose(
        [found[name] for name in names],
        [[row[name][0] for row in expected] for name in names],
        atol=1e-12,
    )


def test_the_mean_of_a_draw_is_over_the_folds_in_which_a_figure_is_defined() -> None:
    evidence = gather_evidence(graded_frames(seed=1))
    weight_RS = draw_weights(evidence.subjects, evidence.fold_S, draws=50)

    found = resample(evidence, weight_RS)

    one_by_one = [
        evidence.figures(weight_RS * (evidence.fold_S == fold))["video/auc_severe"]
        for fold in (0, 1, 2)
    ]
    known = np.isfinite(one_by_one).any(0)
    assert known.sum() > 0
    np.testing.assert_allclose(
        found.mean["video/auc_severe"][known], np.nanmean(np.array(one_by_one)[:, known], axis=0)
    )
    assert np.isnan(found.mean["video/auc_severe"][~known]).all()


def test_every_fold_keeps_its_number_of_subjects() -> None:
    fold_S = np.array([0, 1, 0, 1, 1, 0, 2, 2])

    weight_RS = draw_weights([f"{i:02x}" for i in range(8)], fold_S, draws=100)

    totals = [set(weight_RS[:, fold_S == fold].sum(1)) for fold in range(3)]
    assert totals == [{3}, {3}, {2}]
    assert len(np.unique(weight_RS, axis=0)) > 50


@settings(max_examples=20, deadline=None)
@given(order=st.permutations(range(8)), renumbered=st.permutations(range(3)))
def test_draws_depend_on_the_subjects_not_on_their_order_or_the_number_of_their_fold(
    order: list[int], renumbered: list[int]
) -> None:
    names, fold_S = [f"{i:02x}" for i in range(8)], np.array([0, 1, 0, 1, 1, 0, 2, 2])
    first = draw_weights(names, fold_S, draws=20)

    second = draw_weights([names[i] for i in order], np.array(renumbered)[fold_S[order]], draws=20)

    np.testing.assert_array_equal(second, first[:, order])


def simulated_accuracy(random: np.random.Generator, *, subjects: int) -> TestedFrames:
    """Frames of one person are right together: each has an accuracy of its own, on average 0.6."""
    frames = 40
    skill_S = random.beta(1.8, 1.2, subjects)
    right_N = random.random(subjects * frames) < np.repeat(skill_S, frames)
    probability_NK = np.zeros((len(right_N), 4))
    probability_NK[np.arange(len(right_N)), np.where(right_N, 0, 1)] = 1
    subject_N = np.repeat(np.arange(subjects), frames)
    return TestedFrames(
        kind="grade",
        label_names=GRADES,
        subjects=tuple(sorted(f"{random.integers(2**60):024x}" for _ in range(subjects))),
        fold_S=np.zeros(subjects, int),
        subject_N=subject_N,
        video_N=subject_N,
        truth=np.zeros(len(right_N), np.int8),
        probability={"averaged": probability_NK},
        landmark_error_N=np.zeros(len(right_N)),
    )


def accuracy_interval(random: np.random.Generator, *, subjects: int) -> Interval:
    evidence = gather_evidence(simulated_accuracy(random, subjects=subjects))
    weight_RS = draw_weights(evidence.subjects, evidence.fold_S, draws=400)
    interval = percentile_interval(resample(evidence, weight_RS).pooled["accuracy"])
    assert interval is not None
    return interval


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(0)

    found = [accuracy_interval(random, subjects=30) for _ in range(150)]

    covered = [interval.low <= 0.6 <= interval.high for interval in found]
    widths = [interval.high - interval.low for interval in found]
    # if frames were the unit, intervals would be 2 x 1.96 x sqrt(0.24 / 1200) = 0.055 wide and
    # cover the truth less than half of the time
    assert 0.87 <= np.mean(covered) <= 0.98
    assert 0.13 < np.mean(widths) < 0.21


@pytest.mark.parametrize(
    ("folds", "possible"), [([0, 0], True), ([0], False), ([0, 0, 1], False), ([1, 2, 1, 2], True)]
)
def test_a_fold_with_one_subject_cannot_be_resampled(folds: list[int], possible: bool) -> None:
    assert can_resample(np.array(folds)) is possible


def test_an_undefined_figure_has_no_interval_and_a_rarely_undefined_one_has() -> None:
    often, rarely = np.linspace(0, 1, 100), np.linspace(0, 1, 100)
    often[::5], rarely[::20] = np.nan, np.nan

    found = intervals(
        {"often": often, "rarely": rarely, "never": rarely},
        {"often": 0.5, "rarely": 0.5, "never": None},
    )

    assert found["often"] is None
    assert found["never"] is None
    assert found["rarely"] is not None
    assert found["rarely"].low == pytest.approx(0.03, abs=0.01)


def test_a_grade_that_no_one_has_and_nothing_predicts_has_no_interval() -> None:
    tested = graded_frames(seed=2)
    mild = np.minimum(tested.truth, 2).astype(np.int8)
    probability = tested.probability["averaged"] * np.array([1, 1, 1, 0])
    evidence = gather_evidence(
        TestedFrames(**{**vars(tested), "truth": mild, "probability": {"averaged": probability}})
    )
    draws = resample(evidence, draw_weights(evidence.subjects, evidence.fold_S, draws=50))

    found = intervals(draws.pooled, dict.fromkeys(draws.pooled, 0.5))

    assert found["f1_high"] is None
    assert found["video/sensitivity_severe"] is None
    assert found["accuracy"] is not None


def test_p_is_twice_the_smaller_tail_and_never_zero() -> None:
    difference = np.arange(-1.5, 97.5)  # 99 draws, two of them below 0

    assert two_sided_p(difference) == pytest.approx(2 * (2 + 1) / 100)
    assert two_sided_p(np.ones(99)) == pytest.approx(2 / 100)
    assert two_sided_p(np.zeros(99)) == 1
    assert two_sided_p(np.full(99, np.nan)) is None


def test_holm_by_hand() -> None:
    # sorted 0.01 0.03 0.04: times 3, 2, 1, each at least the one before
    assert holm([0.04, None, 0.01, 0.03]) == pytest.approx([0.06, None, 0.03, 0.06])
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
