"""Gated fusion of the global feature into the feature of every region. Eqs. (12), (13).

Shape suffixes: B = images, P = pixels of the region feature (row-major), Q = pixels of the global
feature, C = channels, G = channels of the global feature, A = regions.
"""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models.heads import at_least_float32

L2Axis = Literal["channel", "map", "spatial"]
_SQUARED_EPS = 1e-24


def l2_normalised(x_BPC: Tensor, *, axis: L2Axis) -> Tensor:
    """Divided by the l2 norm over the channels, over the pixels ("spatial"), or over both."""
    dims = {"channel": (2,), "spatial": (1,), "map": (1, 2)}[axis]
    squared = at_least_float32(x_BPC).square().sum(dims, keepdim=True)
    return x_BPC * squared.clamp_min(_SQUARED_EPS).rsqrt().to(x_BPC.dtype)


def upsampling_matrix(*, small: int, large: int) -> Tensor:
    """Bilinear resampling (corners not aligned) of a square as a matrix, (large², small²)."""
    unit_QQ = torch.eye(small * small).reshape(small * small, 1, small, small)
    resized = functional.interpolate(unit_QQ, size=(large, large), mode="bilinear")
    return resized.reshape(small * small, large * large).T.contiguous()


class GatedFusion(nn.Module):
    """Weighs, per region, the global feature against the region's own by a learned gate.

    alpha = sigmoid(C'_g G + C'_l s); fused = alpha N(C_g G) + (1 - alpha) N(C_l s), with 1x1
    convolutions C and the l2 normalisation N. The global feature comes at the resolution behind
    three poolings; C_g and C'_g act there and their result is upsampled, which commutes.
    """

    upsample_PQ: Tensor

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
        matrix = upsampling_matrix(small=global_side, large=side)
        self.register_buffer("upsample_PQ", matrix, persistent=False)

    def forward(self, regions: list[Tensor], global_BGQ: Tensor) -> list[Tensor]:
        """Region features (B, P, C) to fused features of the same shape."""
        assert self.from_global.bias is not None
        assert self.from_region.bias is not None
        upsample_PQ = self.upsample_PQ.to(global_BGQ.dtype)
        from_global = functional.linear(
            global_BGQ.transpose(1, 2), self.from_global.weight.flatten(1), self.from_global.bias
        ).chunk(self.regions, 2)
        weights = self.from_region.weight.flatten(1).chunk(self.regions)
        biases = self.from_region.bias.chunk(self.regions)
        fused = []
        for own_BPC, common_BQ2C, weight, bias in zip(
            regions, from_global, weights, biases, strict=True
        ):
            gate_own_BPC, value_own_BPC = functional.linear(own_BPC, weight, bias).chunk(2, 2)
            gate_common_BPC, value_common_BPC = (upsample_PQ @ common_BQ2C).chunk(2, 2)
            own_BPC = l2_normalised(value_own_BPC, axis=self.l2_axis)  # noqa: PLW2901
            common_BPC = l2_normalised(value_common_BPC, axis=self.l2_axis)
            gate_BPC = torch.sigmoid(gate_common_BPC + gate_own_BPC)
            fused.append(own_BPC + gate_BPC * (common_BPC - own_BPC))
        return fused
