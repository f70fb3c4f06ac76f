"""Moving the alias `champion`: registered versions, the gate, and others who register at once."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from algr.errors import TrackingError
from algr.tracking.gate import (
    Candidate,
    Decision,
    DrawsOf,
    candidate_from_tags,
    choose_champion,
    explain,
    paired_gain,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
_DECIDED_TAG = "algr.decided"
_ATTEMPTS = 50
_UNDECIDED_FOR_MS = 10 * 60 * 1000
"""A version that is undecided for longer belongs to a process that died."""


def promote(client: "MlflowClient", name: str, *, version: int, draws_of: DrawsOf) -> Decision:
    """Give the alias to the version that should have it now that this one is registered.

    MLflow has no compare-and-set for aliases. Each process looks again after it wrote the alias,
    at all versions that somebody may still be deciding on; so whoever writes last has seen them
    all, and the best one ends with the alias.

    Args:
        client: Of the registry.
        name: Of the registered model.
        version: That was just registered.
        draws_of: Scores by draw of test subjects.

    Raises:
        TrackingError: The alias does not come to rest.
    """
    first = held = _champion_version(client, name)
    decided = client.get_model_version(name, str(version)).tags
    if _DECIDED_TAG in decided and held != version:
        reason = "it was registered and decided on before"
        return Decision(is_champion=False, champion=held, reason=reason, gain=None)
    settled = _settled_versions(client, name, version)
    known = _candidates(client, name)
    for _ in range(_ATTEMPTS):
        candidates = _candidates(client, name)
        held = _champion_version(client, name)
        hindrance = _hindrance(candidates, version=version, held=held)
        if hindrance:
            decision = Decision(is_champion=False, champion=held, reason=hindrance, gain=None)
            _write(client, name, version, decision)
            return decision
        champion = None if held is None else candidates[held]
        contenders = [other for number, other in candidates.items() if number not in settled]
        own = candidates[version]
        chosen = choose_champion(champion, contenders, own=own, draws_of=draws_of)
        if champion is not None and chosen.version == champion.version:
            previous = None if first is None else known.get(first)
            decision = _decision(own, previous, chosen, draws_of=draws_of)
            _write(client, name, version, decision)
            return decision
        _set_alias(client, name, chosen.version)
    raise TrackingError(
        f"the alias {CHAMPION} of {name} does not come to rest; version {version} is registered",
        expected="nobody who moves the alias at the same time",
        advice="look at it with `algr models list` and run the command again",
    )


def _decision(
    own: Candidate, previous: Candidate | None, chosen: Candidate, *, draws_of: DrawsOf
) -> Decision:
    rival = previous if chosen.version == own.version else chosen
    is_other = rival is not None and rival.version != own.version
    return Decision(
        is_champion=chosen.version == own.version,
        champion=chosen.version,
        reason=explain(own, previous, champion=chosen, draws_of=draws_of),
        gain=paired_gain(own, rival, draws_of=draws_of) if rival and is_other else None,
    )


def _hindrance(candidates: Mapping[int, Candidate], *, version: int, held: int | None) -> str:
    """Why the gate cannot be asked; empty if it can."""
    if version not in candidates:
        return "it has no score to compare"
    if held is not None and held not in candidates:
        return (
            f"the champion, version {held}, has no scores to compare with; move the alias by hand "
            "if this one is better"
        )
    return ""


def _settled_versions(client: "MlflowClient", name: str, version: int) -> frozenset[int]:
    """Versions whose case is closed: a champion that was set back by hand stays set back.

    While another process is deciding nothing is closed, because its writes may still undo what
    was decided.
    """
    versions = {int(v.version): v for v in client.search_model_versions(f"name='{name}'")}
    created_ms = versions[version].creation_timestamp
    others = [other for number, other in versions.items() if number != version]
    undecided = [
        other
        for other in others
        if _DECIDED_TAG not in other.tags
        and created_ms - other.creation_timestamp < _UNDECIDED_FOR_MS
    ]
    if undecided:
        return frozenset()
    return frozenset(int(other.version) for other in others if _DECIDED_TAG in other.tags)


def _candidates(client: "MlflowClient", name: str) -> dict[int, Candidate]:
    candidates = {}
    for version in client.search_model_versions(f"name='{name}'"):
        candidate = candidate_from_tags(int(version.version), version.tags)
        if candidate is not None and version.status == "READY":
            candidates[candidate.version] = candidate
    return candidates


def _champion_version(client: "MlflowClient", name: str) -> int | None:
    aliases: Mapping[str, str] = client.get_registered_model(name).aliases
    return int(aliases[CHAMPION]) if CHAMPION in aliases else None


def _set_alias(client: "MlflowClient", name: str, version: int) -> None:
    """Set the alias; two first settings at once collide in the database of the server."""
    from mlflow.exceptions import MlflowException

    for pause_s in (0.1, 0.3, 1.0):
        try:
            client.set_registered_model_alias(name, CHAMPION, str(version))
        except MlflowException:
            time.sleep(pause_s)
        else:
            return
    client.set_registered_model_alias(name, CHAMPION, str(version))


def _write(client: "MlflowClient", name: str, version: int, decision: Decision) -> None:
    """Record the decision with the version; the tag that closes the case comes last."""
    tags = {"algr.reason": decision.reason}
    if decision.gain is not None:
        gain = decision.gain
        found = gain.interval
        ends = "" if found is None else f" [{found.low:+.6f}, {found.high:+.6f}]"
        tags["algr.gain"] = f"{gain.mean:+.6f}{ends}"
    tags[_DECIDED_TAG] = "champion" if decision.is_champion else "challenger"
    for key, value in tags.items():
        client.set_model_version_tag(name, str(version), key, value)
