"""From preset, file and options to one validated configuration, with the source of each value."""

import difflib
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from algr.config.sections import PRESETS, Config
from algr.errors import ConfigError


@dataclass(frozen=True)
class ResolvedConfig:
    """A configuration, and for each dotted key where its value came from."""

    config: Config
    sources: Mapping[str, str]


def flatten(config: BaseModel) -> dict[str, Any]:
    """Dotted keys and values, in the order of the sections."""
    flat: dict[str, Any] = {}
    for name in type(config).model_fields:
        value = getattr(config, name)
        if isinstance(value, BaseModel):
            flat.update({f"{name}.{key}": inner for key, inner in flatten(value).items()})
        else:
            flat[name] = value
    return flat


def config_hash(config: Config, *, since: Collection[str] = ()) -> str:
    """SHA-256 over keys and values, independent of their order; 64 hexadecimal digits.

    Args:
        config: Any.
        since: Keys to leave out, from `keys_since`: the hash is then what an earlier version gave.
    """
    kept = {key: value for key, value in flatten(config).items() if key not in since}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def keys_since(recorded: Mapping[str, Any], values: Mapping[str, Any]) -> tuple[str, ...]:
    """Keys that have come since a configuration was recorded, as far as they are at their defaults.

    A new key's default does what was done before there was that key. A key for which that cannot be
    needs another schema of studies and checkpoints.

    Args:
        recorded: Values by key, as an earlier version may have written them.
        values: The same of now; what is no configuration key is not looked at.
    """
    defaults = flatten(Config())
    return tuple(
        key
        for key, value in values.items()
        if key not in recorded and key in defaults and value == defaults[key]
    )


def with_values(config: Config, values: Mapping[str, Any]) -> Config:
    """The configuration with some dotted keys changed, validated anew.

    Raises:
        ConfigError: Unknown keys or refused values, all of them named.
    """
    problems = unknown_keys(values)
    if problems:
        raise ConfigError("unknown configuration keys", problems=problems)
    return _build({**flatten(config), **values}, dict.fromkeys(values, ""))


def resolve_config(
    *,
    preset: str = "paper",
    file: Path | None = None,
    sets: Sequence[str] = (),
    overrides: Mapping[str, Any] | None = None,
) -> ResolvedConfig:
    """Preset, then file, then `--set` pairs, then dedicated options; the later one holds.

    Args:
        preset: Name of a preset.
        file: YAML with the sections as mappings, or dotted keys.
        sets: `KEY=VALUE` pairs; the value is read as YAML.
        overrides: Values of dedicated options by dotted key; None where the option was not given.

    Raises:
        ConfigError: Unknown preset or keys, an unreadable file, refused values; all together.
    """
    if preset not in PRESETS:
        raise ConfigError(
            f"unknown preset {preset!r}{did_you_mean(preset, PRESETS)}",
            expected=", ".join(PRESETS),
        )
    flat = flatten(Config())
    sources = dict.fromkeys(flat, "default (paper)")
    problems: list[str] = []
    layers: list[tuple[str, Mapping[str, Any]]] = [(f"preset {preset}", PRESETS[preset])]
    if file is not None:
        layers.append((str(file), _read_file(file)))
    pairs, malformed = _parse_sets(sets)
    problems += malformed
    layers.append(("--set", pairs))
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    layers.append(("option", given))
    for source, values in layers:
        problems += [f"{source}: {problem}" for problem in unknown_keys(values)]
        known = {key: value for key, value in values.items() if key in flat}
        flat.update(known)
        sources.update(dict.fromkeys(known, source))
    return ResolvedConfig(_build(flat, sources, problems), sources)


def did_you_mean(word: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    """`; did you mean 'x'?` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def unknown_keys(values: Mapping[str, Any]) -> list[str]:
    """One line for each key that is not a configuration key, with the nearest one."""
    known = flatten(Config())
    return [f"{key}: unknown key{_nearest_key(key, known)}" for key in values if key not in known]


def _nearest_key(key: str, known: Mapping[str, Any]) -> str:
    by_leaf = {name.rpartition(".")[2]: name for name in known}
    near = did_you_mean(key, known)
    if near:
        return near
    leaf = difflib.get_close_matches(key.rpartition(".")[2], list(by_leaf), n=1, cutoff=0.7)
    return f"; did you mean {by_leaf[leaf[0]]!r}?" if leaf else ""


def _build(
    flat: Mapping[str, Any], sources: Mapping[str, str], problems: Sequence[str] = ()
) -> Config:
    found = list(problems)
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        section, _, leaf = key.rpartition(".")
        if section:
            tree.setdefault(section, {})[leaf] = value
        else:
            tree[leaf] = value
    try:
        config = Config.model_validate(tree)
    except ValidationError as error:
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            source = sources.get(key, "")
            reason = item["msg"].removeprefix("Value error, ")
            shown = f"{key}: {item['input']!r} is refused: {reason}" if key else reason
            found.append(f"{source}: {shown}" if source else shown)
        config = Config()
    if found:
        count = "1 problem" if len(found) == 1 else f"{len(found)} problems"
        raise ConfigError(
            f"configuration: {count}",
            problems=found,
            advice="list every key with `algr config show`",
        )
    return config


def _parse_sets(sets: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    pairs: dict[str, Any] = {}
    problems = []
    for text in sets:
        key, separator, value = text.partition("=")
        if not separator or not key:
            problems.append(f"--set {text}: expected KEY=VALUE, for instance train.num_epochs=1")
            continue
        try:
            parsed = yaml.safe_load(value)
        except yaml.YAMLError:
            parsed = value
        pairs[key.strip()] = None if parsed == "none" and _takes_none(key.strip()) else parsed
    return pairs, problems


def _takes_none(key: str) -> bool:
    return key in {"train.clip_norm", "train.init_from"}


def _read_file(file: Path) -> dict[str, Any]:
    tree = read_yaml_mapping(file, what="configuration file")
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update({f"{key}.{leaf}": inner for leaf, inner in value.items()})
        else:
            flat[str(key)] = value
    return {
        key: None if value == "none" and _takes_none(key) else value for key, value in flat.items()
    }


def read_yaml(file: Path, *, what: str) -> Any:
    """What a YAML file holds.

    Raises:
        ConfigError: Missing, unreadable, or not YAML.
    """
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{what} {file} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{what} {file} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{what} {file} is not valid YAML: {error}") from None


def read_yaml_mapping(file: Path, *, what: str) -> dict[str, Any]:
    """A YAML file whose top level is a mapping.

    Raises:
        ConfigError: Missing, unreadable, not YAML, or not a mapping.
    """
    tree = read_yaml(file, what=what)
    if tree is None:
        return {}
    if not isinstance(tree, dict):
        raise ConfigError(
            f"{what} {file} holds a {type(tree).__name__}", expected="sections with keys"
        )
    return tree
