"""Fully connected heads.

Shape suffixes: B = images, A = action units, F = features, H = hidden, K = outputs.
"""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn import functional


def at_least_float32(x: Tensor) -> Tensor:
    """The tensor itself, or in float32 if it comes in half precision."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Autocast switched off where it is on: half precision would cost landmarks half a pixel."""
    if torch.is_autocast_enabled(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()


class TwoLinear(nn.Module):
    """Two linear layers without an activation between them, as in the official JAA-Net code."""

    def __init__(self, features: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, hidden)
        self.last = nn.Linear(hidden, outputs)

    def forward(self, x_BF: Tensor) -> Tensor:
        """(B, F) to (B, K)."""
        with full_precision(x_BF.device):
            out_BK: Tensor = self.last(self.first(at_least_float32(x_BF)))
        return out_BK


class LocalHeads(nn.Module):
    """One two-layer head per action unit, each on the feature of its own region."""

    def __init__(self, *, regions: int, features: int, hidden: int) -> None:
        super().__init__()
        self.first_weight = nn.Parameter(torch.empty(regions, features, hidden))
        self.first_bias = nn.Parameter(torch.empty(regions, 1, hidden))
        self.last_weight = nn.Parameter(torch.empty(regions, hidden, 2))
        self.last_bias = nn.Parameter(torch.empty(regions, 1, 2))
        for weight, bias in (
            (self.first_weight, self.first_bias),
            (self.last_weight, self.last_bias),
        ):
            bound = 1 / math.sqrt(weight.shape[1])
            nn.init.uniform_(weight, -bound, bound)
            nn.init.uniform_(bias, -bound, bound)

    def forward(self, regions_BAF: Tensor) -> Tensor:
        """Log-probabilities of absence and presence, (B, 2, A)."""
        regions_ABF = at_least_float32(regions_BAF).transpose(0, 1)
        with full_precision(regions_BAF.device):
            hidden_ABH = torch.baddbmm(self.first_bias, regions_ABF, self.first_weight)
            logits_AB2 = torch.baddbmm(self.last_bias, hidden_ABH, self.last_weight)
        return functional.log_softmax(logits_AB2, 2).permute(1, 2, 0)
