"""Gated fusion of the global feature into the feature of every region. Eqs. (12), (13).

Shape suffixes: B = images, P = pixels of the region feature (row-major), Q = pixels of the global
feature, C = channels, K = 2C (gate, then value), G = channels of the global feature, A = regions.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models.heads import at_least_float32
from algr.models.stacks import runs_grouped

L2Axis = Literal["channel", "map", "spatial"]
_SQUARED_EPS = 1e-24


def l2_normalised(x: Tensor, *, axis: L2Axis) -> Tensor:
    """Divided by the l2 norm over the channels, over the pixels ("spatial"), or over both.

    Args:
        x: Pixels in dimension 1, channels in the last one.
        axis: What the norm sums over.
    """
    dims = {"channel": (-1,), "spatial": (1,), "map": (1, -1)}[axis]
    squared = at_least_float32(x).square().sum(dims, keepdim=True)
    return x * squared.clamp_min(_SQUARED_EPS).rsqrt().to(x.dtype)


def upsampling_matrix(*, small: int, large: int) -> Tensor:
    """Bilinear resampling (corners not aligned) of a square as a matrix, (large², small²).

    In float64: the weights are no binary fractions, and a network in float64 shall have them.
    """
    unit_QQ = torch.eye(small * small, dtype=torch.float64).reshape(-1, 1, small, small)
    resized = functional.interpolate(unit_QQ, size=(large, large), mode="bilinear")
    return resized.reshape(small * small, large * large).T.contiguous()


class GatedFusion(nn.Module):
    """Weighs, per region, the global feature against the region's own by a learned gate.

    alpha = sigmoid(C'_g G + C'_l s); fused = alpha N(C_g G) + (1 - alpha) N(C_l s), with 1x1
    convolutions C and the l2 normalisation N. Where the global feature is coarser than the
    region's, C_g and C'_g act on it as it is and their result is upsampled, which commutes.

    Args:
        regions: Number of regions.
        channels: Of a region's feature, before and after.
        global_channels: Of the global feature.
        global_side: Cells along a side of the global feature.
        side: Cells along a side of a region's feature.
        l2_axis: Axis of the normalisation.
    """

    upsample_PQ: Tensor | None

    def __init__(
        self,
        *,
        regions: int,
        channels: int,
        global_channels: int,
        global_side: int,
        side: int,
        l2_axis: L2Axis,
    ) -> None:
        super().__init__()
        self.regions, self.l2_axis = regions, l2_axis
        self.from_global = nn.Conv2d(global_channels, regions * 2 * channels, 1)
        self.from_region = nn.Conv2d(regions * channels, regions * 2 * channels, 1, groups=regions)
        matrix = None
        if global_side != side:
            matrix = upsampling_matrix(small=global_side, large=side)
        self.register_buffer("upsample_PQ", matrix, persistent=False)

    def forward(self, regions: list[Tensor], global_BGQ: Tensor) -> list[Tensor]:
        """Region features (B, P, C) to fused features of the same shape."""
        assert self.from_global.bias is not None
        assert self.from_region.bias is not None
        channels = regions[0].shape[2]
        common_BQAK = functional.linear(
            global_BGQ.transpose(1, 2), self.from_global.weight.flatten(1), self.from_global.bias
        ).reshape(-1, global_BGQ.shape[2], self.regions, 2 * channels)
        weight_AKC = self.from_region.weight.reshape(self.regions, 2 * channels, channels)
        bias_AK = self.from_region.bias.reshape(self.regions, -1)
        if runs_grouped(global_BGQ):
            own_BPAK = torch.einsum("bpac,akc->bpak", torch.stack(regions, 2), weight_AKC)
            common_BPAK = self._upsampled(common_BQAK.flatten(2)).reshape(own_BPAK.shape)
            fused_BPAC = self._blend(own_BPAK + bias_AK.to(own_BPAK.dtype), common_BPAK)
            return list(fused_BPAC.unbind(2))
        return [
            self._blend(
                functional.linear(region_BPC, weight_KC, bias_K), self._upsampled(common_BQK)
            )
            for region_BPC, weight_KC, bias_K, common_BQK in zip(
                regions,
                weight_AKC.unbind(0),
                bias_AK.unbind(0),
                common_BQAK.unbind(2),
                strict=True,
            )
        ]

    def _upsampled(self, common_BQX: Tensor) -> Tensor:
        """(B, Q, X) to (B, P, X)."""
        if self.upsample_PQ is None:
            return common_BQX
        return self.upsample_PQ.to(common_BQX.dtype) @ common_BQX

    def _blend(self, own: Tensor, common: Tensor) -> Tensor:
        """Both (B, P, ..., 2C), gate before value, to (B, P, ..., C)."""
        own_gate, own_value = own.chunk(2, -1)
        common_gate, common_value = common.chunk(2, -1)
        own_value = l2_normalised(own_value, axis=self.l2_axis)
        common_value = l2_normalised(common_value, axis=self.l2_axis)
        gate = torch.sigmoid(common_gate + own_gate)
        return own_value + gate * (common_value - own_value)
