"""Which registered version may be champion. Values in, a decision out; knows no registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from algr.bundle import Interval, fold_interval

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
    by_fold: tuple[float, ...]
    """Empty if the score is undefined in one of the folds."""
    gate: Gate
    """The rule under which it was registered."""

    @property
    def measured_on(self) -> tuple[str, str, str, str]:
        """Two versions with the same value may be compared."""
        return (self.fingerprint, self.protocol, self.folds_hash, self.metric)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What became of the alias `champion` when a version was registered."""

    is_champion: bool
    champion: int | None
    """Version that has the alias now."""
    reason: str
    gain: Interval | None
    """Over the champion before, paired by folds; None where the two cannot be compared."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        gain = self.gain
        return {
            "is_champion": self.is_champion,
            "champion": self.champion,
            "reason": self.reason,
            "gain": None
            if gain is None
            else {"mean": gain.mean, "low": gain.low, "high": gain.high},
        }


def paired_gain(challenger: Candidate, champion: Candidate) -> Interval | None:
    """The challenger's gain in score, paired by folds, with its 95 % interval.

    Returns:
        `None` where the two were not measured on the same folds.
    """
    pairs = list(zip(challenger.by_fold, champion.by_fold, strict=False))
    if challenger.measured_on != champion.measured_on or not pairs:
        return None
    return fold_interval([ours - theirs for ours, theirs in pairs])


def passes(challenger: Candidate, champion: Candidate) -> bool:
    """Whether the challenger may take the champion's place, by the rule it came with."""
    if challenger.measured_on != champion.measured_on or challenger.score <= champion.score:
        return False
    if challenger.gate == "mean":
        return True
    gain = paired_gain(challenger, champion)
    return gain is not None and gain.low > 0


def choose_champion(
    champion: Candidate | None, contenders: Sequence[Candidate], *, own: Candidate
) -> Candidate:
    """The version that should have the alias.

    Args:
        champion: That has it now.
        contenders: Versions that may take it.
        own: The version that is being registered, one of the contenders.
    """
    if champion is None:
        fellows = [other for other in contenders if other.measured_on == own.measured_on]
        return max(fellows, key=lambda fellow: (fellow.score, -fellow.version))
    better = [challenger for challenger in contenders if passes(challenger, champion)]
    return max(better, key=lambda fellow: (fellow.score, -fellow.version), default=champion)


def explain(own: Candidate, previous: Candidate | None, *, champion: Candidate) -> str:
    """Why the alias is where it is, in a sentence.

    Args:
        own: The version that was registered.
        previous: The champion before.
        champion: The champion now.
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
    gain = paired_gain(own, champion)
    if gain is None:
        return "its gain has no interval: the score is undefined in a fold"
    return (
        f"the gain of {gain.mean:+.3f} over version {champion.version} is not certain: its "
        f"interval over folds, {gain.low:+.3f} to {gain.high:+.3f}, does not exclude 0"
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
        by_fold = _numbers(tags["algr.scores_by_fold"])
        return Candidate(
            version=version,
            fingerprint=tags["algr.fingerprint"],
            protocol=tags["algr.protocol"],
            folds_hash=tags["algr.folds"],
            metric=tags["algr.metric"],
            score=float(tags["algr.score"]),
            by_fold=() if None in by_fold else tuple(v for v in by_fold if v is not None),
            gate="interval" if tags.get("algr.gate") == "interval" else "mean",
        )
    except (KeyError, ValueError):
        return None


def _numbers(text: str) -> list[float | None]:
    return [None if part == "none" else float(part) for part in text.split()]


def _figure(version: Candidate) -> str:
    return f"{version.score:.3f} of version {version.version}"


def _differences(own: Candidate, other: Candidate) -> str:
    names = ("fingerprint", "protocol", "folds", "metric")
    pairs = zip(names, own.measured_on, other.measured_on, strict=True)
    return " and ".join(name for name, ours, theirs in pairs if ours != theirs)
