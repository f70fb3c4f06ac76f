"""Which version may be champion."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray

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
    gate="mean",
)
NOISE_R = np.random.default_rng(0).normal(size=4000)
"""By which each draw of subjects is easier or harder than all of them."""


def version(number: int, score: float, **changes: object) -> Candidate:
    changed = {"version": number, "score": score, **changes}
    return dataclasses.replace(CHAMPION, **changed)  # type: ignore[arg-type]


def draws_of(candidate: Candidate) -> NDArray[np.float64] | None:
    """As if all versions found the same draws hard, but for what is their own."""
    own_R = np.random.default_rng(candidate.version).normal(size=4000)
    return candidate.score + 0.1 * NOISE_R + 0.05 * own_R


def unknown(_: Candidate) -> None:
    """No version has draws."""


def test_a_better_mean_passes() -> None:
    assert passes(version(2, 0.61), CHAMPION, draws_of=unknown)


def test_an_equal_mean_does_not_pass() -> None:
    assert not passes(version(2, 0.6), CHAMPION, draws_of=unknown)


@pytest.mark.parametrize("field", ["fingerprint", "protocol", "folds_hash", "metric"])
def test_a_better_mean_measured_on_something_else_does_not_pass(field: str) -> None:
    other = version(2, 0.9, **{field: "other"})

    reason = explain(other, CHAMPION, champion=CHAMPION, draws_of=draws_of)

    assert not passes(other, CHAMPION, draws_of=draws_of)
    assert "cannot be compared" in reason
    assert field.partition("_")[0] in reason


def test_the_interval_of_a_gain_is_that_of_the_differences_in_the_same_draws() -> None:
    gain = paired_gain(version(2, 0.8), CHAMPION, draws_of=draws_of)

    assert gain is not None
    assert gain.mean == pytest.approx(0.2)
    # what both find hard cancels out: 0.05 * sqrt(2) is left, and 1.96 of it to either side
    assert gain.interval is not None
    assert gain.interval.low == pytest.approx(0.2 - 0.1386, abs=0.006)
    assert gain.interval.high == pytest.approx(0.2 + 0.1386, abs=0.006)


def test_the_interval_gate_refuses_an_uncertain_gain_and_names_the_interval() -> None:
    uncertain = version(2, 0.7, gate="interval")

    assert not passes(uncertain, CHAMPION, draws_of=draws_of)
    assert "+0.100 over version 1 is not certain: its interval over subjects, -0.0" in explain(
        uncertain, CHAMPION, champion=CHAMPION, draws_of=draws_of
    )


def test_the_interval_gate_lets_a_steady_gain_through() -> None:
    assert passes(version(2, 0.8, gate="interval"), CHAMPION, draws_of=draws_of)


def test_the_first_version_becomes_champion() -> None:
    own = version(1, 0.1)

    assert choose_champion(None, [own], own=own, draws_of=unknown) is own


def test_of_two_first_versions_the_better_one_becomes_champion() -> None:
    own, other = version(1, 0.1), version(2, 0.2)

    assert choose_champion(None, [own, other], own=own, draws_of=unknown) is other


def test_the_best_of_several_contenders_becomes_champion() -> None:
    own, other = version(2, 0.7), version(3, 0.8)

    assert choose_champion(CHAMPION, [CHAMPION, own, other], own=own, draws_of=unknown) is other


def test_a_version_without_algrs_tags_is_no_candidate() -> None:
    assert candidate_from_tags(3, {"team": "x"}) is None


def test_a_version_without_draws_has_no_interval_and_does_not_pass_the_interval_gate() -> None:
    tags = {
        "algr.fingerprint": "f",
        "algr.protocol": "honest",
        "algr.folds": "h",
        "algr.metric": "f1_macro",
        "algr.score": "0.9",
        "algr.gate": "interval",
    }
    known = {1: draws_of(CHAMPION)}

    candidate = candidate_from_tags(4, tags)

    assert candidate is not None
    gain = paired_gain(candidate, CHAMPION, draws_of=lambda one: known.get(one.version))
    assert gain is not None
    assert (gain.mean, gain.interval) == (pytest.approx(0.3), None)
    assert not passes(candidate, CHAMPION, draws_of=lambda one: known.get(one.version))
    assert "the draws of version 4 are not known" in explain(
        candidate, CHAMPION, champion=CHAMPION, draws_of=lambda one: known.get(one.version)
    )


def test_a_score_that_is_undefined_in_many_draws_gives_no_interval() -> None:
    own = version(2, 0.9, gate="interval")

    def often_undefined(one: Candidate) -> NDArray[np.float64]:
        return np.where(np.arange(100) < 20, np.nan, one.score)

    assert not passes(own, CHAMPION, draws_of=often_undefined)
    assert "undefined in too many draws" in explain(
        own, CHAMPION, champion=CHAMPION, draws_of=often_undefined
    )
