"""Weights of a network as one safetensors file that says what it holds.

The description is one JSON text in the file's metadata, so that the same weights give the same
bytes. Reading runs nothing.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from torch import Tensor

from algr.config import ModelConfig
from algr.durable import sync
from algr.errors import DataError, UsageError

SCHEMA = 1
_KEY = "algr"


@dataclass(frozen=True, kw_only=True)
class SavedWeights:
    """A network's state and what is needed to use it.

    Attributes:
        tensors: The state, by name.
        kind: What the network says: action units or grades.
        regions: Names of its regions, in their order.
        model: Its architecture.
        origin: Where the weights come from, in words without paths.
        sources: SHA-256 of the files that they were made from, by name.
    """

    tensors: Mapping[str, Tensor]
    kind: Literal["au", "grade"]
    regions: tuple[str, ...]
    model: ModelConfig
    origin: str
    sources: Mapping[str, str]


def write_weights(path: Path, weights: SavedWeights) -> None:
    """Write a file that is there whole or not at all.

    Raises:
        UsageError: The file exists, or its folder does not.
    """
    from safetensors.torch import save_file

    refuse_existing_file(path)
    description = {
        "schema": SCHEMA,
        "kind": weights.kind,
        "regions": list(weights.regions),
        "model": weights.model.model_dump(mode="json"),
        "origin": weights.origin,
        "sources": dict(weights.sources),
    }
    tensors = {name: tensor.contiguous() for name, tensor in weights.tensors.items()}
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    temporary = Path(name)
    try:
        save_file(tensors, temporary, metadata={_KEY: json.dumps(description, sort_keys=True)})
        temporary.chmod(0o644)
        sync(temporary)
        refuse_existing_file(path)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync(path.parent)


def read_weights(path: Path) -> SavedWeights:
    """Read what `write_weights` wrote, onto the CPU.

    Raises:
        DataError: There is no such file, or it is another or a damaged one.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise _not_weights(path, "it does not exist")
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            text = (file.metadata() or {}).get(_KEY)
            if text is None:
                raise _not_weights(path, "its metadata do not say what it holds")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise _not_weights(path, str(error).splitlines()[0]) from error
    try:
        tree: dict[str, Any] = json.loads(text)
        if tree["schema"] != SCHEMA:
            raise _not_weights(path, f"it has schema {tree['schema']}, this version reads {SCHEMA}")
        return SavedWeights(
            tensors=tensors,
            kind=tree["kind"],
            regions=tuple(tree["regions"]),
            model=ModelConfig.model_validate(tree["model"]),
            origin=tree["origin"],
            sources=tree["sources"],
        )
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise _not_weights(path, "its metadata cannot be understood") from error


def refuse_existing_file(path: Path) -> None:
    """Refuse to replace a file.

    Raises:
        UsageError: It exists, or its folder does not.
    """
    if path.exists():
        raise UsageError(
            f"{path} exists", expected="a new file", advice="choose another --out, or move it away"
        )
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder", advice="make it, or choose another")


def _not_weights(path: Path, reason: str) -> DataError:
    return DataError(
        f"{path} cannot be used as weights: {reason}",
        expected="a file of `algr models import-jaanet`",
        advice="import the weights again, or name a registered model",
    )
