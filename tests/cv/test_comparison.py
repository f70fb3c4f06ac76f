"""One cross-validation against another."""

from dataclasses import replace

import numpy as np
import pytest

from algr.cv import ComparedRun, Comparison, compare_runs
from algr.data import FoldPlan
from algr.data.folds import Fold
from algr.errors import StudyError
from algr.faces import GRADES
from algr.metrics import TestedFrames, gather_evidence

SUBJECTS = tuple(f"{index:024x}" for index in range(24))


def compared(
    name: str,
    *,
    mistakes: float,
    seed: int = 0,
    num_folds: int = 3,
    tested: int = 24,
    fingerprint: str = "f" * 64,
    shift: int = 0,
) -> ComparedRun:
    """A run that is wrong by one grade in so many of its frames; faces are hard for all runs."""
    random = np.random.default_rng(seed)
    frames = 30
    subject_N = np.repeat(np.arange(tested), frames)
    truth_N = subject_N % 4
    hardness_S = np.random.default_rng(99).random(tested)
    wrong_N = random.random(len(subject_N)) < 2 * mistakes * hardness_S[subject_N]
    predicted_N = np.where(wrong_N, (truth_N + 1) % 4, truth_N)
    fold_S = (np.arange(tested) // 4 + shift) % num_folds
    evidence = gather_evidence(
        TestedFrames(
            kind="grade",
            label_names=GRADES,
            subjects=SUBJECTS[:tested],
            fold_S=fold_S,
            subject_N=subject_N,
            video_N=subject_N,
            truth=truth_N,
            probability={"averaged": np.eye(4)[predicted_N]},
            landmark_error_N=np.where(wrong_N, 0.08, 0.04),
        )
    )

    def tested_in(fold: int) -> list[str]:
        return [SUBJECTS[index] for index in np.flatnonzero(fold_S == fold)]

    folds = tuple(
        Fold(
            index=fold,
            train=tuple(set(SUBJECTS) - set(tested_in(fold))),
            validation=(),
            test=tuple(tested_in(fold)),
        )
        for fold in range(num_folds)
    )
    plan = FoldPlan(
        dataset="d", kind="grade", fingerprint=fingerprint, protocol="paper", seed=0, folds=folds
    )
    return ComparedRun(name, plan, evidence)


def compare(base: ComparedRun, other: ComparedRun) -> Comparison:
    return compare_runs(base, [other], draws=500)[0]


def test_fewer_mistakes_are_better_and_more_are_worse() -> None:
    weak, strong = compared("weak", mistakes=0.3), compared("strong", mistakes=0.15, seed=1)

    forward, backward = compare(weak, strong), compare(strong, weak)

    gain = forward.differences["accuracy"]
    assert gain.value == pytest.approx(gain.other - gain.base)
    assert gain.value == pytest.approx(np.mean(gain.per_fold))
    assert gain.interval is not None
    assert 0 < gain.interval.low < gain.value < gain.interval.high
    assert (gain.verdict, backward.differences["accuracy"].verdict) == ("better", "worse")
    points = f"{100 * gain.value:.1f} points ({100 * gain.interval.low:.1f} to"
    assert forward.sentence("accuracy").startswith(f"strong is better by {points}")
    # the same draws for both: the interval of the reverse is the mirror image
    mirrored = backward.differences["accuracy"].interval
    assert mirrored is not None
    assert (-mirrored.high, -mirrored.low) == pytest.approx((gain.interval.low, gain.interval.high))


def test_a_smaller_error_is_better() -> None:
    found = compare(compared("weak", mistakes=0.3), compared("strong", mistakes=0.1, seed=1))

    error = found.differences["landmark_error"]
    assert error.value is not None
    assert error.value < 0
    assert (error.verdict, found.differences["video/mae"].verdict != "worse") == ("better", True)
    assert "% of the inter-ocular distance" in found.sentence("landmark_error")


def test_equally_good_runs_differ_within_noise() -> None:
    found = compare(compared("a", mistakes=0.2), compared("b", mistakes=0.2, seed=1))

    assert found.differences["f1_macro"].verdict == "noise"
    assert found.sentence("f1_macro").startswith("within noise: ")
    assert (found.differences["f1_macro"].p or 0) > 0.05


def test_pairing_makes_the_interval_narrower_than_that_of_runs_on_different_people() -> None:
    found = compare(compared("a", mistakes=0.3), compared("b", mistakes=0.25, seed=1))
    unpaired = compare(compared("zero", mistakes=0.0), compared("b", mistakes=0.25, seed=1))

    paired = found.differences["accuracy"].interval
    alone = unpaired.differences["accuracy"].interval
    assert paired is not None
    assert alone is not None
    assert paired.high - paired.low < 0.6 * 2**0.5 * (alone.high - alone.low)


def test_a_run_against_itself_differs_in_nothing() -> None:
    run = compared("a", mistakes=0.2)

    found = compare(run, replace(run, name="again"))

    assert {d.value for d in found.differences.values()} <= {0.0, None}
    assert found.differences["accuracy"].p == 1
    assert found.sentence("accuracy") == "within noise: +0.0 points (0.0 to 0.0)"


def test_several_runs_are_judged_by_their_adjusted_p() -> None:
    base = compared("base", mistakes=0.2)
    others = [compared(f"r{seed}", mistakes=0.17, seed=seed) for seed in range(1, 7)]

    found = compare_runs(base, others, draws=500)

    raw = [comparison.differences["accuracy"].p for comparison in found]
    adjusted = [comparison.differences["accuracy"].adjusted_p for comparison in found]
    assert all(a >= p for a, p in zip(adjusted, raw, strict=True))
    assert min(adjusted) == pytest.approx(min(1.0, 6 * min(raw)))
    verdicts = {
        comparison.differences["accuracy"].verdict
        for comparison, p in zip(found, adjusted, strict=True)
        if p > 0.05
    }
    assert verdicts <= {"noise"}
    assert "Holm-adjusted p" in found[raw.index(min(raw))].sentence("accuracy")


def test_other_folds_of_all_subjects_are_compared_by_pooled_figures() -> None:
    found = compare(
        compared("three", mistakes=0.3), compared("two", mistakes=0.1, seed=1, num_folds=2)
    )

    assert (found.of, found.differences["accuracy"].per_fold) == ("pooled", ())
    assert found.differences["accuracy"].verdict == "better"
    assert "the folds differ" in found.notes[0]


def test_other_folds_of_some_subjects_are_refused() -> None:
    with pytest.raises(StudyError, match="different folds") as caught:
        compare(compared("all", mistakes=0.2), compared("some", mistakes=0.2, tested=20))

    assert caught.value.problems == ("some tests 20 of 24 subjects",)


def test_other_data_are_refused() -> None:
    with pytest.raises(StudyError, match="different data"):
        compare(compared("a", mistakes=0.2), compared("b", mistakes=0.2, fingerprint="0" * 64))


def one_by_one(run: ComparedRun) -> ComparedRun:
    """The run with a fold for each subject."""
    subjects = run.evidence.subjects
    folds = tuple(
        Fold(index=index, train=tuple(set(subjects) - {name}), validation=(), test=(name,))
        for index, name in enumerate(subjects)
    )
    evidence = replace(run.evidence, fold_S=np.arange(len(subjects)))
    return replace(run, evidence=evidence, plan=replace(run.plan, folds=folds))


def test_folds_of_one_subject_are_compared_by_pooled_figures() -> None:
    weak, strong = compared("weak", mistakes=0.3), compared("strong", mistakes=0.1, seed=1)
    weak_pooled = replace(weak, plan=replace(weak.plan, folds=weak.plan.folds[::-1]))

    found = compare(one_by_one(weak), one_by_one(strong))

    gain = found.differences["f1_macro"]
    pooled = compare(weak_pooled, strong).differences["f1_macro"]
    assert (found.of, gain.verdict) == ("pooled", "better")
    assert (gain.base, gain.other, gain.interval) == (pooled.base, pooled.other, pooled.interval)
    assert len(gain.per_fold) == 24
    assert found.notes == ("a fold tests one subject: pooled figures, subjects drawn among all",)


def test_one_subject_alone_has_differences_without_intervals() -> None:
    runs = [
        compared(name, mistakes=0.2, seed=seed, tested=1, num_folds=1)
        for name, seed in (("a", 0), ("b", 1))
    ]

    found = compare(*runs)

    assert found.differences["accuracy"].value is not None
    assert found.differences["accuracy"].interval is None
    assert found.differences["accuracy"].verdict is None
    assert found.sentence("accuracy").endswith("there is no interval")


def test_what_made_the_numbers_is_noted_where_it_differs() -> None:
    base, other = compared("a", mistakes=0.2), compared("b", mistakes=0.2, seed=1)
    made = {"replicas": "1", "precision": "fp32", "torch": "2.8"}

    found = compare(
        replace(base, made_by=made), replace(other, made_by=made | {"replicas": "2", "algr": "9"})
    )
    same = compare(replace(base, made_by=made), replace(other, made_by=made))

    assert found.notes == (
        "made in different ways, which alone moves figures a little: replicas 1 and 2",
    )
    assert same.notes == ()


def test_an_other_protocol_is_noted() -> None:
    base, other = compared("a", mistakes=0.2), compared("b", mistakes=0.2, seed=1)
    honest = FoldPlan.from_dict(other.plan.to_dict() | {"protocol": "honest"})

    found = compare(base, replace(other, plan=honest))

    assert "protocols differ" in found.notes[0]
