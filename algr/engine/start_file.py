"""Weights to start from as one file named by its checksum: one set for all folds, or one per fold.

Tensors are named `SET/NAME`; the description is one JSON text in the metadata, so that the same
content gives the same bytes.
"""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import Tensor

from algr.config import ModelConfig, start_key, start_sha256
from algr.durable import sha256_of, sync
from algr.errors import IntegrityError
from algr.models import NetworkSpec, Start

SCHEMA = 1
_KEY = "algr-start"


@dataclass(frozen=True, kw_only=True)
class TrainedOn:
    """A dataset of ours that went into weights, directly or by what they themselves started from.

    Attributes:
        fingerprint: Of the dataset.
        folds_hash: Of the plan; empty for a training on all subjects.
        protocol: Of the plan.
        is_by_fold: Whether set k saw what fold k of that plan may see, and nothing else of it.
        seen: Per set the digests of the subjects that it was trained on or chosen by; None if
            nobody knows.
        dataset: Its name; empty in files of versions of algr that did not note it.
        pictures: Per set the digests of the pictures alone of these subjects; None if they were
            not noted.
    """

    fingerprint: str
    folds_hash: str
    protocol: str
    is_by_fold: bool
    seen: tuple[tuple[str, ...], ...] | None
    dataset: str = ""
    pictures: tuple[tuple[str, ...], ...] | None = None


@dataclass(frozen=True, kw_only=True)
class StartFile:
    """Weights to start from.

    Attributes:
        spec: The network that they are of.
        sets: Its state, once, or once per fold.
        is_by_fold: Whether fold k starts from set k; else every fold from the only one.
        origin: Where they come from, in words without paths.
        trained_on: What they have seen, as far as it is data of ours.
    """

    spec: NetworkSpec
    sets: tuple[Mapping[str, Tensor], ...]
    is_by_fold: bool
    origin: str
    trained_on: tuple[TrainedOn, ...]

    def __post_init__(self) -> None:
        assert self.is_by_fold or len(self.sets) == 1, "which set?"

    def for_fold(self, fold: int) -> Start:
        """What a fold starts from."""
        return Start(spec=self.spec, tensors=self.sets[fold if self.is_by_fold else 0])


def write_start(folder: Path, start: StartFile) -> str:
    """Write the file under the name of its checksum; one that is there is verified.

    Returns:
        The checksum.

    Raises:
        IntegrityError: A file of that name has other content.
    """
    from safetensors.torch import save_file

    tensors = {
        f"{index}/{name}": tensor.contiguous()
        for index, one in enumerate(start.sets)
        for name, tensor in one.items()
    }
    description = json.dumps(_description(start), sort_keys=True)
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=folder, prefix=".start.")
    os.close(handle)
    draft = Path(name)
    try:
        save_file(tensors, draft, metadata={_KEY: description})
        draft.chmod(0o644)
        sha256 = sha256_of(draft)
        path = folder / Path(start_key(sha256)).name
        if path.exists():
            _verify(path, sha256)
        else:
            sync(draft)
            draft.replace(path)
            sync(folder)
    finally:
        draft.unlink(missing_ok=True)
    return sha256


def read_start(path: Path) -> StartFile:
    """Read a file that `write_start` wrote, onto the CPU.

    Raises:
        IntegrityError: It is missing, or has other content than its name says.
    """
    from safetensors import SafetensorError, safe_open

    sha256 = start_sha256(start_key(path.stem))
    assert sha256 is not None, f"{path.name} is not named by a checksum"
    _verify(path, sha256)
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            tree = json.loads((file.metadata() or {})[_KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        if tree["schema"] != SCHEMA:
            raise _unreadable(path, f"schema {tree['schema']}")
        return _start(tree, tensors)
    except (SafetensorError, ValidationError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, "not weights to start from") from error


def _description(start: StartFile) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "kind": start.spec.kind,
        "labels": list(start.spec.label_names),
        "model": start.spec.model.model_dump(mode="json"),
        "sets": len(start.sets),
        "is_by_fold": start.is_by_fold,
        "origin": start.origin,
        "trained_on": [asdict(one) for one in start.trained_on],
    }


def _start(tree: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> StartFile:
    sets: list[dict[str, Tensor]] = [{} for _ in range(tree["sets"])]
    for key, tensor in tensors.items():
        index, _, name = key.partition("/")
        sets[int(index)][name] = tensor
    return StartFile(
        spec=NetworkSpec(
            kind=tree["kind"],
            label_names=tuple(tree["labels"]),
            model=ModelConfig.model_validate(tree["model"]),
        ),
        sets=tuple(sets),
        is_by_fold=tree["is_by_fold"],
        origin=tree["origin"],
        trained_on=tuple(
            TrainedOn(**{**one, "seen": _seen(one["seen"]), "pictures": _seen(one.get("pictures"))})
            for one in tree["trained_on"]
        ),
    )


def _seen(lists: Sequence[Sequence[str]] | None) -> tuple[tuple[str, ...], ...] | None:
    return None if lists is None else tuple(tuple(one) for one in lists)


def _verify(path: Path, sha256: str) -> None:
    if not path.is_file():
        raise IntegrityError(
            f"{path} is missing",
            expected="the weights that the run starts from, in the data home",
            advice="let every node see the same data home, or name the weights again with "
            "--init-from",
        )
    if (found := sha256_of(path)) != sha256:
        raise IntegrityError(
            f"{path} has sha256 {found[:12]}…",
            expected=f"{sha256[:12]}…, as its name says",
            advice="delete the file and repeat the command with --init-from, which writes it again",
        )


def _unreadable(path: Path, reason: str) -> IntegrityError:
    return IntegrityError(
        f"{path} cannot be read: {reason}",
        expected="a file that this version of algr wrote",
        advice="name the weights again with --init-from",
    )
