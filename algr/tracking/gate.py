"""Which registered version may be champion. Values in, a decision out; knows no registry."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algr.metrics import Interval, percentile_interval

Gate = Literal["mean", "interval"]


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What the gate looks at in a registered version."""

    version: int
    fingerprint: str
    protocol: str
    folds_hash: str
    metric: str
    score: float
    """Mean over folds."""
    gate: Gate
    """The rule under which it was registered."""
    draws_sha256: str = ""
    """Of the file with the score in every draw of test subjects; empty if there is none."""

    @property
    def measured_on(self) -> tuple[str, str, str, str]:
        """Two versions with the same value may be compared."""
        return (self.fingerprint, self.protocol, self.folds_hash, self.metric)


DrawsOf = Callable[[Candidate], NDArray[np.float64] | None]
"""The score of a version in every draw of test subjects; None where that is not known."""


@dataclass(frozen=True)
class Gain:
    """How much better a version is than the champion on the same test subjects."""

    mean: float
    interval: Interval | None
    """95 %, by bootstrap over test subjects, the same drawn for both; None where not known."""

    @property
    def is_sure(self) -> bool:
        """Whether the interval excludes 0."""
        return self.interval is not None and self.interval.low > 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        found = self.interval
        return {
            "mean": self.mean,
            "low": None if found is None else found.low,
            "high": None if found is None else found.high,
        }


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of the alias `champion` when a version was registered."""

    is_champion: bool
    champion: int | None
    """Version that has the alias now."""
    reason: str
    gain: Gain | None
    """Over the champion before; None where the two cannot be compared."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "is_champion": self.is_champion,
            "champion": self.champion,
            "reason": self.reason,
            "gain": None if self.gain is None else self.gain.to_dict(),
        }


def paired_gain(challenger: Candidate, champion: Candidate, *, draws_of: DrawsOf) -> Gain | None:
    """The challenger's gain in score, with its 95 % interval.

    Returns:
        `None` where the two were not measured on the same folds.
    """
    if challenger.measured_on != champion.measured_on:
        return None
    ours, theirs = draws_of(challenger), draws_of(champion)
    interval = None
    if ours is not None and theirs is not None and len(ours) == len(theirs):
        interval = percentile_interval(ours - theirs)
    return Gain(challenger.score - champion.score, interval)


def passes(challenger: Candidate, champion: Candidate, *, draws_of: DrawsOf) -> bool:
    """Whether the challenger may take the champion's place, by the rule it came with."""
    if challenger.measured_on != champion.measured_on or challenger.score <= champion.score:
        return False
    if challenger.gate == "mean":
        return True
    gain = paired_gain(challenger, champion, draws_of=draws_of)
    return gain is not None and gain.is_sure


def choose_champion(
    champion: Candidate | None,
    contenders: Sequence[Candidate],
    *,
    own: Candidate,
    draws_of: DrawsOf,
) -> Candidate:
    """The version that should have the alias.

    Args:
        champion: That has it now.
        contenders: Versions that may take it.
        own: The version that is being registered, one of the contenders.
        draws_of: Scores by draw of test subjects.
    """
    if champion is None:
        fellows = [other for other in contenders if other.measured_on == own.measured_on]
        return max(fellows, key=lambda fellow: (fellow.score, -fellow.version))
    better = [one for one in contenders if passes(one, champion, draws_of=draws_of)]
    return max(better, key=lambda fellow: (fellow.score, -fellow.version), default=champion)


def explain(
    own: Candidate, previous: Candidate | None, *, champion: Candidate, draws_of: DrawsOf
) -> str:
    """Why the alias is where it is, in a sentence.

    Args:
        own: The version that was registered.
        previous: The champion before.
        champion: The champion now.
        draws_of: Scores by draw of test subjects.
    """
    if champion.version == own.version:
        return _explain_promotion(own, previous)
    if champion.measured_on != own.measured_on:
        return (
            f"it cannot be compared with the champion, version {champion.version}: other "
            f"{_differences(own, champion)}; cross-validate both on the same dataset, protocol and "
            "folds"
        )
    if own.score <= champion.score:
        return f"{own.metric} {own.score:.3f} is not better than {_figure(champion)}"
    gain = paired_gain(own, champion, draws_of=draws_of)
    if gain is None or gain.interval is None:
        unknown = [one.version for one in (champion, own) if draws_of(one) is None]
        return "its gain has no interval over subjects: " + (
            f"the draws of version {unknown[0]} are not known (registered by an earlier version of "
            "algr, measured on folds of one subject, or its files are gone); compare the runs with "
            "`algr compare`"
            if unknown
            else "the score is undefined in too many draws"
        )
    return (
        f"the gain of {gain.mean:+.3f} over version {champion.version} is not certain: its "
        f"interval over subjects, {gain.interval.low:+.3f} to {gain.interval.high:+.3f}, does not "
        "exclude 0"
    )


def _explain_promotion(own: Candidate, previous: Candidate | None) -> str:
    if previous is None:
        return "no other version was champion"
    if previous.version == own.version:
        return "it was the champion already"
    return f"{own.metric} {own.score:.3f} is better than {_figure(previous)}"


def candidate_from_tags(version: int, tags: Mapping[str, str]) -> Candidate | None:
    """The candidate that a version's tags describe; `None` for versions that algr did not score."""
    try:
        return Candidate(
            version=version,
            fingerprint=tags["algr.fingerprint"],
            protocol=tags["algr.protocol"],
            folds_hash=tags["algr.folds"],
            metric=tags["algr.metric"],
            score=float(tags["algr.score"]),
            gate="interval" if tags.get("algr.gate") == "interval" else "mean",
            draws_sha256=tags.get("algr.draws_sha256", ""),
        )
    except (KeyError, ValueError):
        return None


def _figure(version: Candidate) -> str:
    return f"{version.score:.3f} of version {version.version}"


def _differences(own: Candidate, other: Candidate) -> str:
    names = ("fingerprint", "protocol", "folds", "metric")
    pairs = zip(names, own.measured_on, other.measured_on, strict=True)
    return " and ".join(name for name, ours, theirs in pairs if ours != theirs)
