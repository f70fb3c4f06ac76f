"""Relation between muscle regions: the skip-BiLSTM of ALGRNet. Eqs. (7) to (11).

Shape suffixes: B = images, A = regions, C = channels, P = pixels (row-major), D = the nine taps of
a 3x3 convolution, H W = rows and columns. A list of (B, P, C) tensors has one per region.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

TAPS = 9


class SkipGates(nn.Module):
    """Gates through which a region receives the hidden states of all regions before it. Eq. (9).

    f_jt = sigmoid(W_j GAP(h_j * v_t) + b_j): one weight per source region j and direction, shared
    over the targets t. The last region of a direction is no source and has none.

    Args:
        regions: Number of regions.
        channels: Channels of the hidden state.
        form: "vector": a gate per channel; "scalar": one gate for all channels; "shared": a gate
            per channel with the same weights for every source.
    """

    def __init__(
        self, *, regions: int, channels: int, form: Literal["vector", "scalar", "shared"]
    ) -> None:
        super().__init__()
        sources = 1 if form == "shared" else regions - 1
        outputs = 1 if form == "scalar" else channels
        self.weight = nn.Parameter(torch.empty(2, sources, outputs, channels))
        self.bias = nn.Parameter(torch.zeros(2, sources, 1, outputs))
        bound = 1 / math.sqrt(channels)
        nn.init.uniform_(self.weight, -bound, bound)

    def forward(self, agreement_JBC: Tensor, *, direction: int) -> Tensor:
        """Gates of the first J sources for one target, (J, B, C or 1).

        Args:
            agreement_JBC: GAP(h_j * v_t) for each source j before the target.
            direction: 0 forward, 1 backward.
        """
        count = agreement_JBC.shape[0]
        weight = self.weight[direction].expand(max(count, self.weight.shape[1]), -1, -1)[:count]
        bias = self.bias[direction].expand(max(count, self.bias.shape[1]), -1, -1)[:count]
        return torch.sigmoid(torch.baddbmm(bias, agreement_JBC, weight.transpose(1, 2)))


class SkipBiLSTM(nn.Module):
    """Convolutional LSTM over the regions in both directions, with skipping gates.

    The region features are v_t = F a_t with a one-channel attention a_t, so the convolution of v_t
    is a sum over its nine taps of (shifted a_t) times (shifted F through the tap's matrix), and
    the nine products with F serve all regions and both directions.

    Args:
        regions: Number of regions.
        channels: Channels of the feature and of the hidden state.
        gates: How hidden states reach distant regions; None: from the neighbour only ("plain").
        cell_state: State that enters the cell: the neighbour's; the sum of all earlier ones
            through the skipping gates; or zero.
        order: Region indices in the order of the forward direction.
    """

    def __init__(
        self,
        *,
        regions: int,
        channels: int,
        gates: SkipGates | None,
        cell_state: Literal["neighbour", "gated_sum", "zero"],
        order: tuple[int, ...],
    ) -> None:
        super().__init__()
        assert sorted(order) == list(range(regions))
        assert gates is not None or cell_state != "gated_sum"
        self.order, self.cell_state, self.gates = order, cell_state, gates
        self.input_weight = nn.Parameter(torch.empty(2 * 4 * channels, channels, 3, 3))
        self.hidden_weight = nn.Parameter(torch.empty(2 * 4 * channels, channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(2 * 4 * channels))
        bound = 1 / math.sqrt(2 * channels * TAPS)
        nn.init.uniform_(self.input_weight, -bound, bound)
        nn.init.uniform_(self.hidden_weight, -bound, bound)

    def forward(self, feature_BCHW: Tensor, attention_BAHW: Tensor) -> list[Tensor]:
        """Related region features s_t = v_t + (forward h_t + backward h_t) / 2, each (B, P, C)."""
        shape = (feature_BCHW.shape[2], feature_BCHW.shape[3])
        feature_BPC = feature_BCHW.flatten(2).transpose(1, 2).contiguous()
        attention_BAP = attention_BAHW.flatten(2)
        inputs = self._inputs(feature_BCHW, attention_BAHW)
        hidden = [
            self._run(direction, inputs[direction], feature_BPC, attention_BAP, shape=shape)
            for direction in range(2)
        ]
        attention = attention_BAP.unsqueeze(3).unbind(1)
        return [
            torch.addcmul((forward_BPC + backward_BPC) / 2, feature_BPC, attention_BP1)
            for forward_BPC, backward_BPC, attention_BP1 in zip(*hidden, attention, strict=True)
        ]

    def _inputs(
        self, feature_BCHW: Tensor, attention_BAHW: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Input convolutions of every region, (B, P, 4C) each; forward, then backward."""
        batch, channels, height, width = feature_BCHW.shape
        regions, pixels = attention_BAHW.shape[1], height * width
        feature_DpC = (
            functional.unfold(feature_BCHW, 3, padding=1)
            .reshape(batch, channels, TAPS, pixels)
            .permute(2, 0, 3, 1)
            .reshape(TAPS, batch * pixels, channels)
        )
        weight_DCK = self.input_weight.flatten(2).permute(2, 1, 0)
        taps_pDK = torch.bmm(feature_DpC, weight_DCK).transpose(0, 1)
        attention_pAD = (
            functional.unfold(attention_BAHW, 3, padding=1)
            .reshape(batch, regions, TAPS, pixels)
            .permute(0, 3, 1, 2)
            .reshape(batch * pixels, regions, TAPS)
        )
        inputs = torch.bmm(attention_pAD, taps_pDK).reshape(batch, pixels, regions, 2, -1)
        forward, backward = inputs.unbind(3)
        return list(forward.unbind(2)), list(backward.unbind(2))

    def _run(
        self,
        direction: int,
        inputs: list[Tensor],
        feature_BPC: Tensor,
        attention_BAP: Tensor,
        *,
        shape: tuple[int, int],
    ) -> list[Tensor]:
        """Hidden state of every region in one direction, in the dataset's order."""
        order = self.order if direction == 0 else self.order[::-1]
        weight = self.hidden_weight.chunk(2)[direction]
        bias = self.bias.chunk(2)[direction]
        pixels = attention_BAP.shape[2]
        hidden: list[Tensor] = []
        cells: list[Tensor] = []
        agreements: list[tuple[Tensor, ...]] = []
        for step, region in enumerate(order):
            gates: tuple[Tensor, ...] | None = None
            if step and self.gates is not None:
                agreement_JBC = torch.stack([source[region] for source in agreements])
                gates = self.gates(agreement_JBC, direction=direction).unsqueeze(2).unbind(0)
            total_BPK = inputs[region] + bias
            if step:
                received_BPC = hidden[-1] if gates is None else _gated_sum(hidden, gates)
                total_BPK = total_BPK + _convolve(received_BPC, weight, shape=shape)
            cell_BPC = self._previous_cell(cells, gates)
            input_, forget, output, update = total_BPK.chunk(4, 2)
            written_BPC = torch.sigmoid(input_) * torch.tanh(update)
            cell_BPC = (
                written_BPC
                if cell_BPC is None
                else torch.addcmul(written_BPC, torch.sigmoid(forget), cell_BPC)
            )
            hidden_BPC = torch.sigmoid(output) * torch.tanh(cell_BPC)
            hidden.append(hidden_BPC)
            cells.append(cell_BPC)
            if self.gates is not None and step < len(order) - 1:
                agreement_BAC = torch.bmm(attention_BAP, hidden_BPC * feature_BPC) / pixels
                agreements.append(agreement_BAC.unbind(1))
        return [hidden[order.index(region)] for region in range(len(order))]

    def _previous_cell(
        self, cells: list[Tensor], gates: tuple[Tensor, ...] | None
    ) -> Tensor | None:
        if not cells or self.cell_state == "zero":
            return None
        if self.cell_state == "gated_sum":
            assert gates is not None
            return _gated_sum(cells, gates)
        return cells[-1]


def _gated_sum(states: list[Tensor], gates: tuple[Tensor, ...]) -> Tensor:
    """Sum of states (B, P, C), each times its gate (B, 1, C or 1)."""
    total_BPC = states[0] * gates[0]
    for state_BPC, gate_B1C in zip(states[1:], gates[1:], strict=True):
        total_BPC = torch.addcmul(total_BPC, state_BPC, gate_B1C)
    return total_BPC


def _convolve(x_BPC: Tensor, weight: Tensor, *, shape: tuple[int, int]) -> Tensor:
    x_BCHW = x_BPC.unflatten(1, shape).permute(0, 3, 1, 2)
    out_BKHW = functional.conv2d(x_BCHW, weight, padding=1)
    return out_BKHW.permute(0, 2, 3, 1).flatten(1, 2)
