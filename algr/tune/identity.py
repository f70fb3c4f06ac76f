"""What a study's numbers depend on, and how two such sets differ."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from algr.config import Config, SearchSpace, flatten, keys_since

SCHEMA = 1
"""Rises when the same configuration gives other suggestions, decisions or scores."""

_UNSET = "not set"


@dataclass(frozen=True)
class StudyIdentity:
    """Everything that must be the same for a study to be continued."""

    config: Config
    space: SearchSpace
    folds_hash: str
    fingerprint: str
    objectives: tuple[str, ...] = ()
    """By name; empty for the headline alone."""
    replicas: int = 1
    """Workers that share the batches of a fold: with several, numbers are others in last digits."""
    schema: int = SCHEMA
    since: tuple[str, ...] = ()
    """Configuration keys that the study was begun without; see `keys_since`."""

    def as_begun(self, recorded: Mapping[str, Any]) -> "StudyIdentity":
        """As the version of algr had it that recorded a study, if that knew fewer keys."""
        known = recorded.get("config")
        return replace(self, since=keys_since(known, flatten(self.config)) if known else ())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, as they are stored in `study.json`."""
        tree = {
            "schema": self.schema,
            "fingerprint": self.fingerprint,
            "folds_hash": self.folds_hash,
            "config": self._settings(self.config),
            "space": self.space.to_dict(),
        }
        if self.objectives:  # left out otherwise, as in studies from before there was a choice
            tree["objectives"] = list(self.objectives)
        if self.replicas > 1:
            tree["replicas"] = self.replicas
        plain: dict[str, Any] = json.loads(json.dumps(tree))
        return plain

    @property
    def digest(self) -> str:
        """SHA-256 over all of it; 64 hexadecimal digits."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def trial_digest(self, config: Config) -> str:
        """SHA-256 of what one trial's numbers depend on: its configuration, data and folds."""
        tree = {**self.to_dict(), "config": self._settings(config), "space": None}
        tree.pop("objectives", None)
        return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()

    def differences(self, recorded: Mapping[str, Any]) -> list[str]:
        """One line for each value that is not the recorded one."""
        now, then = _leaves(self.as_begun(recorded).to_dict()), _leaves(recorded)
        return [
            f"{key}: {then.get(key, _UNSET)} in the study, {now.get(key, _UNSET)} now"
            for key in sorted(now.keys() | then.keys())
            if now.get(key, _UNSET) != then.get(key, _UNSET)
        ]

    def _settings(self, config: Config) -> dict[str, Any]:
        return {key: value for key, value in flatten(config).items() if key not in self.since}


def _leaves(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings as dotted keys; the configuration's keys as the user types them."""
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            prefix = "" if key == "config" else f"{key}."
            leaves.update({f"{prefix}{inner}": leaf for inner, leaf in _leaves(value).items()})
        else:
            leaves[key] = value
    return leaves
