"""Which tensors of the official JAA-Net v2 state dictionaries make up each tensor of our `jaanet`.

The official network keeps one module per patch and per region; ours keeps those of one layer in
one grouped tensor, patch-major or region-major.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

PARTS = (
    *("region_learning", "align_net", "local_attention_refine"),
    *("local_au_net", "global_au_feat", "au_net"),
)
"""Stems of the six files of an epoch."""

_STEM_LAYERS = {"layer_1": 0, "layer_2": 2}
_PATCH_BRANCHES = {8: 1, 4: 2, 2: 3}
_CONVOLUTIONS = (0, 3, 7, 10, 14, 17)
"""Of a feature extractor; the batch norm follows each."""
_REFINEMENT = (0, 3, 6, 9)
"""Convolutions of the attention refinement; all but the last have a batch norm behind them."""
_CONV = ("weight", "bias")
_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True)
class Source:
    """Where a tensor of ours comes from.

    Attributes:
        part: File of the official network.
        keys: Official tensors, in the order of the patches or regions.
        join: "concatenated": along the first dimension; "transposed": each turned over and stacked
            (the weights of the local heads); "rows": stacked as rows of one (their biases);
            "largest": the largest one (counters).
    """

    part: str
    keys: tuple[str, ...]
    join: Literal["concatenated", "transposed", "rows", "largest"] = "concatenated"

    def shape_of_each(self, ours: tuple[int, ...]) -> tuple[int, ...]:
        """Shape that each official tensor must have, from the shape of ours."""
        if self.join == "transposed":
            return ours[:0:-1]
        if self.join == "rows":
            return ours[2:]
        if self.join == "largest":
            return ()
        return (ours[0] // len(self.keys), *ours[1:])

    def joined(self, tensors: Mapping[str, Tensor]) -> Tensor:
        """Our tensor from the official ones; counters may be missing and are 0 then."""
        if self.join == "largest":
            counts = [int(tensors[key]) for key in self.keys if key in tensors]
            return torch.tensor(max(counts, default=0))
        parts = [tensors[key] for key in self.keys]
        if self.join == "transposed":
            return torch.stack([part.T for part in parts])
        if self.join == "rows":
            return torch.stack([part[None] for part in parts])
        return torch.cat(parts)


def official_sources(regions: int) -> dict[str, Source]:
    """Source of every tensor in the state of a `jaanet` with this many regions, by its name."""
    return {
        **dict(_stem()),
        **dict(_extractor("align", "align_net", ("align_feat.",))),
        **dict(_two_linear("landmark_head", "align_net", "align_output")),
        **dict(_refinement(regions)),
        **dict(_extractor("global_feature", "global_au_feat", ("",))),
        **dict(
            _extractor(
                "refining",
                "local_au_net",
                tuple(f"local_aus_branch.{index}." for index in range(regions)),
            )
        ),
        **dict(_local_heads(regions)),
        **dict(_two_linear("whole_head", "au_net", "au_output")),
    }


def _stem() -> Iterator[tuple[str, Source]]:
    part = "region_learning"
    for layer, index in _STEM_LAYERS.items():
        prefix = f"multiscale_feat.{index}"
        yield from _grouped(f"stem.{layer}.conv", part, (f"{prefix}.conv",), _CONV)
        yield from _grouped(f"stem.{layer}.norm", part, (f"{prefix}.bn",), _NORM)
        for patches, branch in _PATCH_BRANCHES.items():
            ours, theirs = f"stem.{layer}.patches_{patches}", f"{prefix}.local_conv_branch{branch}"
            every = range(patches * patches)
            norms = tuple(f"{theirs}.bns.{patch}" for patch in every)
            convs = tuple(f"{theirs}.convs.{patch}" for patch in every)
            yield from _grouped(f"{ours}.norm", part, norms, _NORM)
            yield from _grouped(f"{ours}.conv", part, convs, _CONV)


def _extractor(ours: str, part: str, prefixes: tuple[str, ...]) -> Iterator[tuple[str, Source]]:
    for layer, index in enumerate(_CONVOLUTIONS):
        convs = tuple(f"{prefix}feat_extract.{index}" for prefix in prefixes)
        norms = tuple(f"{prefix}feat_extract.{index + 1}" for prefix in prefixes)
        yield from _grouped(f"{ours}.layers.{layer}.conv", part, convs, _CONV)
        yield from _grouped(f"{ours}.layers.{layer}.norm", part, norms, _NORM)


def _refinement(regions: int) -> Iterator[tuple[str, Source]]:
    part = "local_attention_refine"
    for layer, index in enumerate(_REFINEMENT):
        convs, norms = (
            tuple(f"local_aus_attention.{region}.{place}" for region in range(regions))
            for place in (index, index + 1)
        )
        yield from _grouped(f"refinement.layers.{layer}.conv", part, convs, _CONV)
        if index != _REFINEMENT[-1]:
            yield from _grouped(f"refinement.layers.{layer}.norm", part, norms, _NORM)


def _local_heads(regions: int) -> Iterator[tuple[str, Source]]:
    for index, ours in enumerate(("first", "last")):
        places = [f"local_aus_output.{region}.{index}" for region in range(regions)]
        weights = tuple(f"{place}.weight" for place in places)
        biases = tuple(f"{place}.bias" for place in places)
        yield f"local_heads.{ours}_weight", Source("local_au_net", weights, "transposed")
        yield f"local_heads.{ours}_bias", Source("local_au_net", biases, "rows")


def _two_linear(ours: str, part: str, theirs: str) -> Iterator[tuple[str, Source]]:
    yield from _grouped(f"{ours}.first", part, (f"{theirs}.0",), _CONV)
    yield from _grouped(f"{ours}.last", part, (f"{theirs}.1",), _CONV)


def _grouped(
    ours: str, part: str, modules: tuple[str, ...], leaves: tuple[str, ...]
) -> Iterator[tuple[str, Source]]:
    for leaf in leaves:
        keys = tuple(f"{module}.{leaf}" for module in modules)
        is_counter = leaf == "num_batches_tracked"
        yield f"{ours}.{leaf}", Source(part, keys, "largest" if is_counter else "concatenated")
