"""`plan.json` and `config.json` of a run: what it was asked to do, for reading and for resuming.

Beside them `environment.json` says by which versions it was done and on what, and `numerics.json`
what of the machines its numbers depend on.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from algr.config import Config, flatten, keys_since, with_values
from algr.cv.executor import job_identity
from algr.cv.numerics import (
    NUMERICS_FILE,
    Numerics,
    begun_with,
    numerics_of_run,
    numerics_problems,
)
from algr.data import FoldPlan
from algr.durable import write_whole
from algr.errors import IntegrityError, StudyError
from algr.versions import record_versions

logger = logging.getLogger(__name__)

PLAN_FILE = "plan.json"
CONFIG_FILE = "config.json"
REPEATS_FILE = "repeats.json"


def write_run_files(
    directory: Path, *, config: Config, plan: FoldPlan, numerics: Numerics | None = None
) -> None:
    """Write both files; a folder that has them already must have the same.

    Args:
        directory: Of the run; made if it is not there.
        config: What it trains and how.
        plan: Its folds.
        numerics: How this command makes numbers, for `numerics.json`; None if it makes none.

    Raises:
        StudyError: The folder belongs to another configuration, other folds, or numbers that were
            made in another way; all differences are named.
    """
    trees = {PLAN_FILE: plan.to_dict(), CONFIG_FILE: _settings(directory, config)}
    noted: dict[str, Mapping[str, Any]] = {}
    problems: list[str] = []
    if numerics is not None:
        then = begun_with(directory, numerics, is_begun=(directory / CONFIG_FILE).exists())
        at_once = 1 if plan.protocol == "nested" else len(plan.folds)
        problems = numerics_problems(then, numerics, num_folds=at_once)
        noted = {NUMERICS_FILE: then.to_dict()}
    _refuse_differences(directory, trees, further=problems)
    since = keys_of_run_since(directory, config)
    if since:
        values = flatten(config)
        logger.info(
            "%s was begun by an earlier version of algr; taken as it was then: %s",
            directory.name,
            ", ".join(f"{key} {values[key]}" for key in since),
        )
    _write(directory, noted | trees, device=numerics.device if numerics else None)


def identity_of_run(directory: Path, config: Config, plan: FoldPlan, folds: Sequence[int]) -> str:
    """`job_identity` of folds of a run whose files were written.

    Raises:
        IntegrityError: A file cannot be read.
    """
    since = keys_of_run_since(directory, config)
    return job_identity(config, plan, folds, since=since, numerics=numerics_of_run(directory))


def keys_of_run_since(directory: Path, config: Config) -> tuple[str, ...]:
    """Keys that have come since a run was begun and are at their defaults; see `keys_since`.

    The run keeps its `config.json`, so that its checkpoints stay its own.

    Raises:
        IntegrityError: The file cannot be read.
    """
    file = directory / CONFIG_FILE
    return keys_since(_read(file), flatten(config)) if file.exists() else ()


def _settings(directory: Path, config: Config) -> dict[str, Any]:
    """What stands, or shall stand, in `config.json` of a run."""
    since = keys_of_run_since(directory, config)
    return {key: value for key, value in flatten(config).items() if key not in since}


def write_repeats_files(directory: Path, *, config: Config, plans: Mapping[str, FoldPlan]) -> None:
    """Write the configuration, and the folds of each repeat by the name of its run.

    A folder that has the files already must have the same, but for the number of repeats.

    Raises:
        StudyError: The folder belongs to something else; all differences are named.
    """
    settings = _settings(directory, config)
    folds = {name: plan.to_dict() for name, plan in plans.items()}
    known: dict[str, Any] = {}
    compared = dict(settings)
    if (directory / REPEATS_FILE).exists():
        known = _read(directory / REPEATS_FILE)
        compared["cv.repeats"] = _read(directory / CONFIG_FILE).get("cv.repeats")
    again = {name: tree for name, tree in folds.items() if name in known}
    _refuse_differences(directory, {CONFIG_FILE: compared, REPEATS_FILE: known | again})
    _write(directory, {CONFIG_FILE: settings, REPEATS_FILE: known | folds})


def _refuse_differences(
    directory: Path, trees: Mapping[str, Mapping[str, Any]], *, further: Sequence[str] = ()
) -> None:
    problems = [
        f"{name}: {problem}"
        for name, tree in trees.items()
        if (directory / name).exists()
        for problem in _differences(*_with_same_pictures(_read(directory / name), _plain(tree)))
    ]
    problems += further
    if problems:
        raise StudyError(
            f"{directory.name} was started with other settings",
            problems=problems,
            advice="repeat the options of the first start, or start under a new --name",
        )


def _write(
    directory: Path, trees: Mapping[str, Mapping[str, Any]], *, device: str | None = None
) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    for name, tree in trees.items():
        write_whole(directory / name, json.dumps(tree, indent=2) + "\n")
    record_versions(directory, device=device)


def read_run_files(directory: Path) -> tuple[Config, FoldPlan]:
    """The configuration and the folds of a run.

    Raises:
        StudyError: The folder holds no run.
        IntegrityError: A file cannot be read.
    """
    for name in (PLAN_FILE, CONFIG_FILE):
        if not (directory / name).is_file():
            raise StudyError(f"{directory} holds no run", expected=f"a folder with {name}")
    config = with_values(Config(), _read(directory / CONFIG_FILE))
    return config, FoldPlan.from_dict(_read(directory / PLAN_FILE))


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{path} cannot be read: {error}") from error
    if not isinstance(tree, dict):
        raise IntegrityError(f"{path} holds a {type(tree).__name__}", expected="an object")
    return tree


def _plain(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The tree as JSON gives it back."""
    plain: dict[str, Any] = json.loads(json.dumps(tree))
    return plain


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    return [
        f"{key}: {_short(there.get(key))} there, {_short(here.get(key))} now"
        for key in sorted(there.keys() | here.keys())
        if there.get(key) != here.get(key)
    ]


def _with_same_pictures(
    there: Mapping[str, Any], here: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Both trees; that an older version noted no pictures is no difference.

    A tree is a plan, or several by their names.
    """
    if "pictures" not in there:
        here = {key: value for key, value in here.items() if key != "pictures"}
    nested = [key for key, value in there.items() if isinstance(value, Mapping) and key in here]
    pairs = {
        key: _with_same_pictures(there[key], here[key])
        for key in nested
        if isinstance(here[key], Mapping)
    }
    return (
        {**there, **{key: pair[0] for key, pair in pairs.items()}},
        {**here, **{key: pair[1] for key, pair in pairs.items()}},
    )


def _short(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
