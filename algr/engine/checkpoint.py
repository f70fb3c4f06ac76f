"""Checkpoints of all folds of one configuration: one file, written whole or not at all.

Layout: `schema`, `identity`, `epoch` (finished epochs), `history` (one row per finished epoch, one
entry per fold in it), `folds` (by fold number: `model`, `optimizer`, `rng`, `best_epoch`,
`best_model`). Tensors and plain values only; nothing is unpickled that could run code.
"""

import os
import pickle
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from algr.durable import sync
from algr.engine.records import FoldEpoch
from algr.errors import IntegrityError, StudyError

SCHEMA = 1
_KEYS = {"schema", "identity", "epoch", "history", "folds"}


@dataclass(frozen=True)
class Checkpoint:
    """The state of several folds after the same number of epochs."""

    identity: str
    """Hash of what the numbers depend on: configuration, data and folds."""
    history: tuple[tuple[FoldEpoch, ...], ...]
    folds: Mapping[int, Mapping[str, Any]]
    """State of each fold, as `FoldTrainer.state()` gives it."""

    @property
    def epoch(self) -> int:
        """Finished epochs."""
        return len(self.history)


def merge_checkpoints(parts: Sequence[Checkpoint]) -> Checkpoint:
    """One checkpoint from those of workers that hold different folds of the same run."""
    assert len({(part.identity, part.epoch) for part in parts}) == 1, "parts of different runs"
    folds = {fold: state for part in parts for fold, state in part.folds.items()}
    rows = zip(*(part.history for part in parts), strict=True)
    history = tuple(
        tuple(sorted((entry for row in epoch for entry in row), key=lambda entry: entry.fold))
        for epoch in rows
    )
    return Checkpoint(parts[0].identity, history, dict(sorted(folds.items())))


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write the file under a temporary name, bring it to the disk, and rename it."""
    tree = {
        "schema": SCHEMA,
        "identity": checkpoint.identity,
        "epoch": checkpoint.epoch,
        "history": [[entry.to_dict() for entry in row] for row in checkpoint.history],
        "folds": {fold: dict(state) for fold, state in checkpoint.folds.items()},
    }
    save_atomically(path, tree)


def load_checkpoint(path: Path, *, identity: str) -> Checkpoint:
    """Read a checkpoint onto the CPU.

    Raises:
        IntegrityError: The file is cut off, altered, or no checkpoint.
        StudyError: It belongs to another version of algr, or to another configuration, dataset or
            set of folds.
    """
    tree = load_tensors(path)
    if not isinstance(tree, dict) or "schema" not in tree:
        raise _damaged(path, "it holds no checkpoint")
    if tree["schema"] != SCHEMA:
        raise StudyError(
            f"{path}: checkpoint schema {tree['schema']}",
            expected=f"schema {SCHEMA}",
            advice="go on with the version of algr that wrote it, or start under a new --name",
        )
    if missing := sorted(_KEYS - tree.keys()):
        raise _damaged(path, f"it lacks {', '.join(missing)}")
    if tree["identity"] != identity:
        raise StudyError(
            f"{path}: written by a run with identity {str(tree['identity'])[:12]}",
            expected=f"identity {identity[:12]}: the same configuration, dataset, folds and seed",
            advice="repeat the options of the first start, or start under a new --name",
        )
    history = tuple(tuple(FoldEpoch.from_dict(entry) for entry in row) for row in tree["history"])
    if len(history) != tree["epoch"]:
        raise _damaged(path, f"epoch {tree['epoch']} but {len(history)} rows of history")
    return Checkpoint(identity, history, tree["folds"])


def save_atomically(path: Path, tree: object) -> None:
    """`torch.save` that leaves either the old file or the whole new one.

    Raises:
        StudyError: The disk does not take it.
    """
    try:
        _save(path, tree)
    except (OSError, RuntimeError) as error:
        # a writer that the disk refuses complains to torch, which raises a complaint of its own
        cause = error if isinstance(error, OSError) else error.__context__
        if not isinstance(cause, OSError):
            raise
        raise StudyError(
            f"{path} cannot be written: {cause.strerror or cause}",
            expected="room for a checkpoint, in a folder that may be written",
            advice="make room there, then repeat the command with --resume; the checkpoint before "
            "this one is whole",
        ) from error


def _save(path: Path, tree: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            torch.save(tree, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def load_tensors(path: Path) -> Any:
    """What `save_atomically` wrote, on the CPU; only tensors and plain values are accepted.

    Raises:
        IntegrityError: The file cannot be read as such.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as error:
        raise _damaged(path, str(error).splitlines()[0]) from error


def _damaged(path: Path, reason: str) -> IntegrityError:
    return IntegrityError(
        f"{path} is damaged: {reason}",
        expected="a whole checkpoint written by algr",
        advice="delete the file; the run then starts from its first epoch",
    )
