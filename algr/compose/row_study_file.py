"""`comparison.json`: what the rows of a comparison share, for resuming it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from algr.compose.rows import RowTable
from algr.config import keys_since
from algr.cv import PLAN_FILE
from algr.data import FoldPlan
from algr.durable import write_whole
from algr.errors import IntegrityError, StudyError

COMPARISON_FILE = "comparison.json"


def study_tree(comparison: RowTable, plan: FoldPlan, constant: Mapping[str, Any]) -> dict[str, Any]:
    """What the file holds: data, folds, and the configuration without what the rows vary."""
    tree = {
        "comparison": comparison.kind,
        "dataset": plan.dataset,
        "fingerprint": plan.fingerprint,
        "folds_hash": plan.folds_hash,
        "protocol": plan.protocol,
        **constant,
    }
    plain: dict[str, Any] = json.loads(json.dumps(tree))
    return plain


def write_study(directory: Path, tree: Mapping[str, Any]) -> None:
    """Write the file."""
    write_whole(directory / COMPARISON_FILE, json.dumps(tree, indent=2) + "\n")


def refuse_other_study(directory: Path, tree: Mapping[str, Any]) -> None:
    """Say that a study cannot be continued before anything is started.

    Raises:
        StudyError: The folder is a run's, or of a study with other settings.
        IntegrityError: Its file cannot be read.
    """
    if (directory / PLAN_FILE).exists():
        raise StudyError(
            f"run {directory.name!r} is a single cross-validation",
            expected="the name of a comparison",
            advice="choose another --name",
        )
    path = directory / COMPARISON_FILE
    if not path.is_file():
        return
    try:
        there = dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise IntegrityError(f"{path} cannot be read", expected="the file as algr wrote it") from (
            error
        )
    since = keys_since(there, tree)
    problems = [
        f"{key}: {there.get(key)} there, {tree.get(key)} now"
        for key in sorted((there.keys() | tree.keys()).difference(since))
        if there.get(key) != tree.get(key)
    ]
    if problems:
        raise StudyError(
            f"{directory.name} was started with other settings",
            problems=problems,
            advice="repeat the options of the first start, or start under a new --name",
        )
