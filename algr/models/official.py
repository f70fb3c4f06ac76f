"""Weights of the official JAA-Net v2 (PyTorch-JAANet, Shao et al.) in our `jaanet`.

Its training script leaves six state dictionaries per epoch. They are read without running anything
that a pickle may hold, checked as a whole, and regrouped; the network that computes with them is
our own.
"""

import hashlib
import io
import pickle
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from algr.config import ModelConfig
from algr.errors import DataError, UsageError
from algr.models.build import build_model
from algr.models.official_names import PARTS, Source, official_sources
from algr.models.rules import regions_for

OfficialRegions = Literal["bp4d", "disfa", "gft"]

OFFICIAL_LABELS: Mapping[OfficialRegions, tuple[str, ...]] = {
    "bp4d": (
        *("AU1", "AU2", "AU4", "AU6", "AU7", "AU10"),
        *("AU12", "AU14", "AU15", "AU17", "AU23", "AU24"),
    ),
    "disfa": ("AU1", "AU2", "AU4", "AU6", "AU9", "AU12", "AU25", "AU26"),
    "gft": ("AU1", "AU2", "AU4", "AU6", "AU10", "AU12", "AU14", "AU15", "AU23", "AU24"),
}
"""Action units that the official code draws regions for, in its order."""

OFFICIAL_MODEL = ModelConfig(kind="jaanet")
"""The architecture of the official code: full width, 176 pixels, its map geometry."""

_SHOWN_PER_FILE = 4
_REGION_INDEX = re.compile(r"local_aus_(?:attention|branch|output)\.(\d+)\.")


@dataclass(frozen=True, kw_only=True)
class PartSummary:
    """What was taken from one official file.

    Attributes:
        file: Its name.
        sha256: Of its bytes.
        num_official: Tensors in it, all of which were used.
        num_ours: Tensors of ours that they became.
    """

    file: str
    sha256: str
    num_official: int
    num_ours: int


@dataclass(frozen=True, kw_only=True)
class OfficialWeights:
    """An epoch of the official network in our names and shapes.

    Attributes:
        label_names: Action units, in the order of the regions.
        state: For `load_state_dict` of the network of `OFFICIAL_MODEL` for these labels.
        parts: One per official file.
    """

    label_names: tuple[str, ...]
    state: Mapping[str, Tensor]
    parts: tuple[PartSummary, ...]


@dataclass(frozen=True)
class _Part:
    file: str
    sha256: str
    tensors: Mapping[str, Tensor]


class _UnreadableError(Exception):
    """A file that holds no state dictionary; the text says why."""


def load_official_jaanet(directory: Path, epoch: int, *, regions: OfficialRegions) -> nn.Module:
    """Our `jaanet` with the official weights, in float32, on the CPU and in evaluation mode.

    Its forward maps crops (B, 3, 176, 176) in [-1, 1] to a `NetworkOutput`, of which
    `local_probability_BA`, `whole_probability_BA`, `landmarks_BL2` (pixels of the crop) and
    `attention_BAHW` (after refinement) are what the official modules give.

    Args:
        directory: Holds `region_learning_{epoch}.pth` and its five siblings.
        epoch: Number in the file names.
        regions: The dataset whose action units the weights are for.

    Raises:
        DataError: Files are missing, unreadable, or of another network; all problems together.
        UsageError: `regions` is unknown.
    """
    weights = read_official_weights(directory, epoch, regions=regions)
    model = _network(weights.label_names)
    model.load_state_dict(dict(weights.state))
    return model.eval()


def read_official_weights(
    directory: Path, epoch: int, *, regions: OfficialRegions
) -> OfficialWeights:
    """Read, check and regroup the six files of an epoch; see `load_official_jaanet`.

    Raises:
        DataError: Files are missing, unreadable, or of another network; all problems together.
        UsageError: `regions` is unknown.
    """
    if regions not in get_args(OfficialRegions):
        raise UsageError(
            f"regions {regions!r} are unknown", expected=", ".join(get_args(OfficialRegions))
        )
    label_names = OFFICIAL_LABELS[regions]
    parts, problems = _read_parts(Path(directory), epoch)
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in _network(label_names).state_dict().items()}
    sources = official_sources(len(label_names))
    assert sources.keys() == shapes.keys(), "the table of names does not fit the network"
    for stem, part in parts.items():
        problems += _part_problems(
            part,
            {name: source for name, source in sources.items() if source.part == stem},
            shapes=shapes,
            regions=regions,
        )
    if problems:
        raise DataError(
            f"{directory} does not hold epoch {epoch} of the official JAA-Net for {regions}",
            problems=problems,
            expected=f"the six files that train_JAAv2.py writes, for the {len(label_names)} "
            f"action units of {regions} (those of version 1 have no local heads)",
            advice="name the folder of the snapshots with --weights, the number in their names "
            "with --epoch, and the dataset they were trained on with --regions",
        )
    return OfficialWeights(
        label_names=label_names,
        state={name: source.joined(parts[source.part].tensors) for name, source in sources.items()},
        parts=tuple(
            PartSummary(
                file=part.file,
                sha256=part.sha256,
                num_official=len(part.tensors),
                num_ours=sum(source.part == stem for source in sources.values()),
            )
            for stem, part in parts.items()
        ),
    )


def _network(label_names: tuple[str, ...]) -> nn.Module:
    table = regions_for(
        kind="au", label_names=label_names, palsy_regions=OFFICIAL_MODEL.palsy_regions
    )
    return build_model(OFFICIAL_MODEL, kind="au", regions=table)


def _read_parts(directory: Path, epoch: int) -> tuple[dict[str, _Part], list[str]]:
    """The readable files by their stems, and what is wrong with the others."""
    parts, problems = {}, []
    for stem in PARTS:
        path = directory / f"{stem}_{epoch}.pth"
        try:
            parts[stem] = _read_part(path)
        except _UnreadableError as error:
            problems.append(f"{path.name}: {error}")
    return parts, problems


def _read_part(path: Path) -> _Part:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise _UnreadableError("missing") from None
    except OSError as error:
        raise _UnreadableError(f"cannot be read: {error.strerror}") from error
    try:
        tree = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (
        *(pickle.UnpicklingError, RuntimeError, EOFError),
        *(ValueError, KeyError, AttributeError, IndexError),
    ) as error:
        raise _UnreadableError(
            "damaged, or a pickle of more than plain tensors, of which nothing was run"
        ) from error
    if not isinstance(tree, dict):
        raise _UnreadableError(f"holds a {type(tree).__name__}; expected a dictionary of tensors")
    others = [key for key, value in tree.items() if not isinstance(value, Tensor)]
    if others:
        kind = type(tree[others[0]]).__name__
        raise _UnreadableError(f"entry {others[0]!r} is a {kind}; expected tensors only")
    tensors = {str(key): value for key, value in tree.items()}
    return _Part(path.name, hashlib.sha256(content).hexdigest(), tensors)


def _part_problems(
    part: _Part,
    sources: Mapping[str, Source],
    *,
    shapes: Mapping[str, tuple[int, ...]],
    regions: OfficialRegions,
) -> list[str]:
    """What keeps a file from being this part of the network for these regions."""
    expected = len(OFFICIAL_LABELS[regions])
    found = _num_regions(part.tensors)
    if found is not None and found != expected:
        fitting = [name for name, labels in OFFICIAL_LABELS.items() if len(labels) == found]
        hint = f", as {fitting[0]} has" if fitting else ""
        return [f"{part.file}: {found} regions{hint}; expected {expected} ({regions})"]
    wanted = {
        key: source.shape_of_each(shapes[name])
        for name, source in sources.items()
        for key in source.keys
    }
    problems = [f"{key} is missing" for key in wanted if _is_required(key, part.tensors)]
    problems += [f"{key} is no part of the network" for key in part.tensors if key not in wanted]
    problems += [
        f"{key} has shape {tuple(part.tensors[key].shape)}; expected {shape}"
        for key, shape in wanted.items()
        if key in part.tensors and tuple(part.tensors[key].shape) != shape
    ]
    problems += [
        f"{key} holds values that are not finite"
        for key, tensor in part.tensors.items()
        if key in wanted and not bool(torch.isfinite(tensor).all())
    ]
    shown = [f"{part.file}: {problem}" for problem in problems[:_SHOWN_PER_FILE]]
    if len(problems) > _SHOWN_PER_FILE:
        shown.append(f"{part.file}: {len(problems) - _SHOWN_PER_FILE} more of the kind")
    return shown


def _is_required(key: str, tensors: Mapping[str, Tensor]) -> bool:
    """Files written before PyTorch 0.4.1 have no counters, and nothing depends on them."""
    return key not in tensors and not key.endswith("num_batches_tracked")


def _num_regions(tensors: Mapping[str, Tensor]) -> int | None:
    """Regions of the file; None if its tensors do not depend on them or do not say."""
    matches = [match for key in tensors if (match := _REGION_INDEX.match(key))]
    if matches:
        return len({match[1] for match in matches})
    bias = tensors.get("au_output.1.bias")
    return len(bias) // 2 if bias is not None and bias.ndim == 1 else None
