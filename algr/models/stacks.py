"""Convolution stacks that several regions run side by side, each with weights of its own.

Parameters of all regions lie region-major in one grouped convolution and one batch norm per layer.
Two forms compute the same: one grouped kernel per layer (few launches, for accelerators), or a
loop over the regions (smaller working set, faster on CPUs).

Shape suffixes: B = images, C = channels of one region, H W = cells. A list of tensors has one per
region.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from functools import partial
from itertools import pairwise
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

POOLINGS = 3
"""Poolings of a feature extractor, by two each."""


def runs_grouped(x: Tensor) -> bool:
    """Whether grouped kernels are the better form: on accelerators, and in a compiled graph."""
    return x.device.type != "cpu" or torch.compiler.is_compiling()


_RECOMPUTING: ContextVar[bool] = ContextVar("recomputing", default=False)


@contextmanager
def _recomputing() -> Iterator[None]:
    """The forward pass is run again, and must not count for running statistics again."""
    token = _RECOMPUTING.set(True)
    try:
        yield
    finally:
        _RECOMPUTING.reset(token)


def _both_passes() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    return nullcontext(), _recomputing()


Parts = TypeVar("Parts", Tensor, tuple[Tensor, ...])


def recomputed(part: Callable[..., Parts], *inputs: Tensor) -> Parts:
    """`part(*inputs)` that keeps no activation but its inputs: the backward pass runs it again.

    Gradients and running statistics are those of running it once.
    """
    if not torch.is_grad_enabled():
        return part(*inputs)
    out: Parts = checkpoint(
        part, *inputs, use_reentrant=False, preserve_rng_state=False, context_fn=_both_passes
    )
    return out


def _plainly(part: Callable[..., Parts], *inputs: Tensor) -> Parts:
    return part(*inputs)


class _Norm(NamedTuple):
    """Batch norm of one region: slices of the common tensors."""

    mean: Tensor
    var: Tensor
    weight: Tensor
    bias: Tensor
    training: bool
    momentum: float
    eps: float

    def relu(self, x_BCHW: Tensor) -> Tensor:
        mean, var = self.mean, self.var
        if _RECOMPUTING.get():
            mean, var = mean.clone(), var.clone()  # they counted this batch already
        normed_BCHW = functional.batch_norm(
            x_BCHW,
            mean,
            var,
            self.weight,
            self.bias,
            self.training,
            self.momentum,
            self.eps,
        )
        return functional.relu(normed_BCHW, inplace=True)


class _Layer(NamedTuple):
    """Convolution and norm of one region."""

    weight: Tensor
    bias: Tensor
    padding: int
    norm: _Norm | None

    def __call__(self, x_BCHW: Tensor) -> Tensor:
        out_BCHW = functional.conv2d(x_BCHW, self.weight, self.bias, padding=self.padding)
        return out_BCHW if self.norm is None else self.norm.relu(out_BCHW)


class RegionConv(nn.Module):
    """A 3x3 convolution per region, with batch norm and ReLU behind it if `norm`."""

    def __init__(
        self, *, regions: int, inputs: int, outputs: int, padding: int, norm: bool = True
    ) -> None:
        super().__init__()
        self.regions, self.padding = regions, padding
        self.conv = nn.Conv2d(
            regions * inputs, regions * outputs, 3, padding=padding, groups=regions
        )
        self.norm = nn.BatchNorm2d(regions * outputs) if norm else None

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """All regions at once; the channels are region-major."""
        x_BCHW = self.conv(x_BCHW)
        if self.norm is None:
            return x_BCHW
        if _RECOMPUTING.get():
            (whole,) = _split_norm(self.norm, 1, counts=False)
            return whole.relu(x_BCHW)
        return functional.relu(self.norm(x_BCHW), inplace=True)

    def per_region(self) -> list[_Layer]:
        """The layer of each region by itself; counts as one use of the batch norm."""
        assert self.conv.bias is not None
        norms: Sequence[_Norm | None] = [None] * self.regions
        if self.norm is not None:
            norms = _split_norm(self.norm, self.regions)
        weights = self.conv.weight.chunk(self.regions)
        biases = self.conv.bias.chunk(self.regions)
        return [
            _Layer(weight, bias, self.padding, norm)
            for weight, bias, norm in zip(weights, biases, norms, strict=True)
        ]


def _split_norm(norm: nn.BatchNorm2d, regions: int, *, counts: bool = True) -> list[_Norm]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.num_batches_tracked is not None
    assert norm.momentum is not None
    if norm.training and counts:
        norm.num_batches_tracked.add_(1)
    return [
        _Norm(mean, var, weight, bias, norm.training, norm.momentum, norm.eps)
        for mean, var, weight, bias in zip(
            norm.running_mean.chunk(regions),
            norm.running_var.chunk(regions),
            norm.weight.chunk(regions),
            norm.bias.chunk(regions),
            strict=True,
        )
    ]


class FeatureExtractor(nn.Module):
    """Three blocks of two 3x3 convolutions and a max pooling, for each of `regions` regions.

    The structure of JAA-Net's alignment branch; ALGRNet also uses it for the global feature and
    for refining every region. (B, C, 44, 44) to (B, blocks[2], 5, 5).

    Args:
        inputs: Channels of a region's feature.
        blocks: Channels after each block.
        regions: Number of regions.
        pooled: Whether a max pooling follows each block; else the resolution stays.
    """

    recomputes = False
    """Whether activations are computed again in the backward pass instead of being kept."""

    def __init__(
        self,
        *,
        inputs: int,
        blocks: tuple[int, int, int],
        regions: int = 1,
        pooled: bool = True,
    ) -> None:
        super().__init__()
        self.regions, self.pooled = regions, pooled
        channels = (inputs, *(block for block in blocks for _ in range(2)))
        self.layers = nn.ModuleList(
            RegionConv(regions=regions, inputs=before, outputs=after, padding=1)
            for before, after in pairwise(channels)
        )

    def forward(self, regions: Sequence[Tensor]) -> list[Tensor]:
        """One feature per region."""
        run = recomputed if self.recomputes else _plainly
        if self.regions == 1:
            return [run(partial(self._blocks, list(self.layers)), regions[0])]
        if not runs_grouped(regions[0]):
            layers = zip(*(_region_conv(layer).per_region() for layer in self.layers), strict=True)
            return [
                run(partial(self._blocks, own), x_BCHW)
                for x_BCHW, own in zip(regions, layers, strict=True)
            ]
        common_BCHW = run(partial(self._blocks, list(self.layers)), torch.cat(list(regions), 1))
        return list(common_BCHW.chunk(self.regions, 1))

    def _blocks(self, layers: Sequence[_Layer | nn.Module], x_BCHW: Tensor) -> Tensor:
        for index, layer in enumerate(layers):
            x_BCHW = layer(x_BCHW)
            if self.pooled and index % 2:
                x_BCHW = functional.max_pool2d(x_BCHW, 2)
        return x_BCHW


def _region_conv(module: nn.Module) -> RegionConv:
    assert isinstance(module, RegionConv)
    return module


class AttentionRefinement(nn.Module):
    """Four 3x3 convolutions without padding per region, then a sigmoid: 52x52 maps to 44x44."""

    recomputes = False
    """Whether activations are computed again in the backward pass instead of being kept."""

    def __init__(self, *, regions: int, channels: int) -> None:
        super().__init__()
        widths = (1, channels, channels, channels, 1)
        self.layers = nn.ModuleList(
            RegionConv(regions=regions, inputs=before, outputs=after, padding=0, norm=index < 3)
            for index, (before, after) in enumerate(pairwise(widths))
        )

    def forward(self, maps_BAHW: Tensor) -> Tensor:
        """(B, regions, H + 8, W + 8) to (B, regions, H, W) in [0, 1]."""
        run = recomputed if self.recomputes else _plainly
        if runs_grouped(maps_BAHW):
            return torch.sigmoid(run(partial(_in_turn, list(self.layers)), maps_BAHW))
        layers = zip(*(_region_conv(layer).per_region() for layer in self.layers), strict=True)
        refined = [
            run(partial(_in_turn, own), map_B1HW)
            for map_B1HW, own in zip(torch.split(maps_BAHW, 1, 1), layers, strict=True)
        ]
        return torch.sigmoid(torch.cat(refined, 1))


def _in_turn(layers: Sequence[_Layer | nn.Module], x_BCHW: Tensor) -> Tensor:
    for layer in layers:
        x_BCHW = layer(x_BCHW)
    return x_BCHW
