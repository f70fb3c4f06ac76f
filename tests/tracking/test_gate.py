"""Which version may be champion."""

import dataclasses

import pytest

from algr.tracking.gate import (
    Candidate,
    candidate_from_tags,
    choose_champion,
    explain,
    paired_gain,
    passes,
)

CHAMPION = Candidate(
    version=1,
    fingerprint="f",
    protocol="honest",
    folds_hash="h",
    metric="f1_macro",
    score=0.6,
    by_fold=(0.5, 0.6, 0.7),
    gate="mean",
)


def version(number: int, *by_fold: float, **changes: object) -> Candidate:
    score = sum(by_fold) / len(by_fold)
    changed = {"version": number, "score": score, "by_fold": by_fold, **changes}
    return dataclasses.replace(CHAMPION, **changed)  # type: ignore[arg-type]


def test_a_better_mean_passes() -> None:
    assert passes(version(2, 0.5, 0.6, 0.71), CHAMPION)


def test_an_equal_mean_does_not_pass() -> None:
    assert not passes(version(2, 0.5, 0.6, 0.7), CHAMPION)


@pytest.mark.parametrize("field", ["fingerprint", "protocol", "folds_hash", "metric"])
def test_a_better_mean_measured_on_something_else_does_not_pass(field: str) -> None:
    other = version(2, 0.9, 0.9, 0.9, **{field: "other"})

    assert not passes(other, CHAMPION)
    assert "cannot be compared" in explain(other, CHAMPION, champion=CHAMPION)
    assert field.partition("_")[0] in explain(other, CHAMPION, champion=CHAMPION)


def test_the_paired_interval_is_that_of_nadeau_and_bengio() -> None:
    # Differences 0.1, 0.2, 0.3: mean 0.2, variance 0.01; half width 4.302653 * sqrt(0.01 * (1/3 +
    # 1/2)) = 0.392777.
    gain = paired_gain(version(2, 0.6, 0.8, 1.0), CHAMPION)

    assert gain is not None
    assert gain.mean == pytest.approx(0.2)
    assert gain.low == pytest.approx(0.2 - 0.392777, abs=1e-6)
    assert gain.high == pytest.approx(0.2 + 0.392777, abs=1e-6)


def test_the_interval_gate_refuses_an_uncertain_gain_and_names_the_interval() -> None:
    uncertain = version(2, 0.6, 0.8, 1.0, gate="interval")

    assert not passes(uncertain, CHAMPION)
    assert "-0.193 to +0.593" in explain(uncertain, CHAMPION, champion=CHAMPION)


def test_the_interval_gate_lets_a_steady_gain_through() -> None:
    assert passes(version(2, 0.59, 0.70, 0.81, gate="interval"), CHAMPION)


def test_the_first_version_becomes_champion() -> None:
    own = version(1, 0.1, 0.1, 0.1)

    assert choose_champion(None, [own], own=own) is own


def test_of_two_first_versions_the_better_one_becomes_champion() -> None:
    own, other = version(1, 0.1, 0.1, 0.1), version(2, 0.2, 0.2, 0.2)

    assert choose_champion(None, [own, other], own=own) is other


def test_the_best_of_several_contenders_becomes_champion() -> None:
    own, other = version(2, 0.7, 0.7, 0.7), version(3, 0.8, 0.8, 0.8)

    assert choose_champion(CHAMPION, [CHAMPION, own, other], own=own) is other


def test_a_version_without_algrs_tags_is_no_candidate() -> None:
    assert candidate_from_tags(3, {"team": "x"}) is None


def test_an_undefined_score_in_a_fold_gives_no_interval() -> None:
    tags = {
        "algr.fingerprint": "f",
        "algr.protocol": "honest",
        "algr.folds": "h",
        "algr.metric": "f1_macro",
        "algr.score": "0.9",
        "algr.scores_by_fold": "0.9 none 0.9",
        "algr.gate": "interval",
    }

    candidate = candidate_from_tags(4, tags)

    assert candidate is not None
    assert paired_gain(candidate, CHAMPION) is None
    assert not passes(candidate, CHAMPION)
    assert "undefined in a fold" in explain(candidate, CHAMPION, champion=CHAMPION)
