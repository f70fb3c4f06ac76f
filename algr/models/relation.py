"""Relation between muscle regions: the skip-BiLSTM of ALGRNet. Eqs. (7) to (11).

Shape suffixes: B = images, A = regions, T = regions in the order of the steps, J = source steps,
C = channels, K = the channels of the four gates, P = pixels of an image (row-major), N = pixels
of all images, D = the nine taps of a 3x3 convolution, H W = rows and columns. A list of (B, P, C)
tensors has one per region.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.models.recurrence import related_features
from algr.models.recurrence_run import RecurrenceWeights

TAPS = 9
_CHUNK_VALUES = 2**17
"""Values of a hidden state above which a CPU takes fewer images at a time, to stay in cache."""


class SkipGates(nn.Module):
    """Gates through which a region receives the hidden states of all regions before it. Eq. (9).

    f_jt = sigmoid(W_j GAP(h_j * v_t) + b_j): one weight per source step j and direction, shared
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
        self.channels, self.sources = channels, regions - 1
        sources = 1 if form == "shared" else self.sources
        outputs = 1 if form == "scalar" else channels
        self.weight = nn.Parameter(torch.empty(2, sources, outputs, channels))
        self.bias = nn.Parameter(torch.zeros(2, sources, 1, outputs))
        bound = 1 / math.sqrt(channels)
        nn.init.uniform_(self.weight, -bound, bound)

    def of(self, direction: int) -> tuple[Tensor, Tensor]:
        """Weight (J, C, C) and bias (J, 1, C) of a direction, whatever the form."""
        weight_JCC = self.weight[direction].expand(self.sources, self.channels, -1)
        return weight_JCC, self.bias[direction].expand(self.sources, -1, self.channels)


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

    doubled_update_K: Tensor

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
        doubled = torch.tensor([1.0, 1.0, 1.0, 2.0]).repeat_interleave(channels).repeat(2)
        self.register_buffer("doubled_update_K", doubled, persistent=False)

    def forward(self, feature_BCHW: Tensor, attention_BAHW: Tensor) -> list[Tensor]:
        """Related region features s_t = v_t + (forward h_t + backward h_t) / 2, each (B, P, C)."""
        attention_BTHW = attention_BAHW
        if self.order != tuple(range(len(self.order))):
            attention_BTHW = attention_BAHW[:, list(self.order)]
        by_hand = feature_BCHW.device.type == "cpu" and not torch.compiler.is_compiling()
        if by_hand and self.cell_state == "neighbour":
            chunk = _chunk_size(len(feature_BCHW), values=feature_BCHW[0].numel())
            parts = [
                self._chunk(feature, attention)
                for feature, attention in zip(
                    torch.split(feature_BCHW, chunk),
                    torch.split(attention_BTHW, chunk),
                    strict=True,
                )
            ]
            related = [torch.cat(images) for images in zip(*parts, strict=True)]
        else:
            related = self._stepwise(feature_BCHW, attention_BTHW)
        return [related[self.order.index(region)] for region in range(len(self.order))]

    def _chunk(self, feature_BCHW: Tensor, attention_BTHW: Tensor) -> tuple[Tensor, ...]:
        """Related features of some images, (B, P, C) per step."""
        scale_K111 = self.doubled_update_K.to(self.bias.dtype)[:, None, None, None]
        hidden = (self.hidden_weight * scale_K111).chunk(2)
        bias = (self.bias * scale_K111.flatten()).chunk(2)
        forward, backward = (
            RecurrenceWeights(
                hidden[direction],
                bias[direction],
                *(self.gates.of(direction) if self.gates is not None else (None, None)),
            )
            for direction in range(2)
        )
        feature_taps, attention_taps_NTD = self._taps(
            feature_BCHW, attention_BTHW, weight_KCHW=self.input_weight * scale_K111
        )
        return related_features(
            feature_BPC=feature_BCHW.flatten(2).transpose(1, 2).contiguous(),
            attention_BTP=attention_BTHW.flatten(2),
            feature_taps=feature_taps,
            attention_taps_NTD=attention_taps_NTD,
            forward=forward,
            backward=backward,
            shape=(feature_BCHW.shape[2], feature_BCHW.shape[3]),
        ).unbind(0)

    def _stepwise(self, feature_BCHW: Tensor, attention_BTHW: Tensor) -> list[Tensor]:
        feature_BPC = feature_BCHW.flatten(2).transpose(1, 2).contiguous()
        attention_BTP = attention_BTHW.flatten(2)
        feature_taps, attention_taps_NTD = self._taps(
            feature_BCHW, attention_BTHW, weight_KCHW=self.input_weight
        )
        batch, steps, pixels = attention_BTP.shape
        ahead, back = (
            torch.bmm(attention_taps_NTD, taps_NDK).reshape(batch, pixels, steps, -1)
            for taps_NDK in feature_taps
        )
        shape = (feature_BCHW.shape[2], feature_BCHW.shape[3])
        forward = self._run(0, ahead.unbind(2), feature_BPC, attention_BTP, shape=shape)
        backward = self._run(
            1, back.unbind(2)[::-1], feature_BPC, attention_BTP.flip(1), shape=shape
        )[::-1]
        mean = [
            (ahead_BPC + back_BPC) / 2
            for ahead_BPC, back_BPC in zip(forward, backward, strict=True)
        ]
        return _with_region_features(mean, feature_BPC, attention_BTP)

    def _taps(
        self, feature_BCHW: Tensor, attention_BTHW: Tensor, *, weight_KCHW: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Factors of the input convolutions of all regions and both directions.

        Returns:
            The feature shifted by each tap through the tap's matrix, (N, D, K) per direction, and
            the attentions shifted by each tap, (N, T, D); their products are (N, T, K).
        """
        batch, channels, height, width = feature_BCHW.shape
        steps, pixels = attention_BTHW.shape[1], height * width
        feature_DNC = (
            functional.unfold(feature_BCHW, 3, padding=1)
            .reshape(batch, channels, TAPS, pixels)
            .permute(2, 0, 3, 1)
            .reshape(TAPS, batch * pixels, channels)
        )
        forward_DNK, backward_DNK = (
            torch.bmm(feature_DNC, half_KCHW.flatten(2).permute(2, 1, 0))
            for half_KCHW in weight_KCHW.chunk(2)
        )
        attention_taps_NTD = (
            functional.unfold(attention_BTHW, 3, padding=1)
            .reshape(batch, steps, TAPS, pixels)
            .permute(0, 3, 1, 2)
            .reshape(batch * pixels, steps, TAPS)
        )
        return (forward_DNK.transpose(0, 1), backward_DNK.transpose(0, 1)), attention_taps_NTD

    def _run(
        self,
        direction: int,
        inputs: tuple[Tensor, ...],
        feature_BPC: Tensor,
        attention_BTP: Tensor,
        *,
        shape: tuple[int, int],
    ) -> list[Tensor]:
        """Hidden state at every step of one direction."""
        weight = self.hidden_weight.chunk(2)[direction]
        bias = self.bias.chunk(2)[direction]
        steps, pixels = len(inputs), attention_BTP.shape[2]
        hidden: list[Tensor] = []
        cells: list[Tensor] = []
        agreements: list[tuple[Tensor, ...]] = []
        for step, input_BPK in enumerate(inputs):
            skips: tuple[Tensor, ...] | None = None
            if step and self.gates is not None:
                agreement_JBC = torch.stack([source[step] for source in agreements])
                gate_weight_JCC, gate_bias_J1C = self.gates.of(direction)
                logits_JBC = torch.baddbmm(
                    gate_bias_J1C[:step], agreement_JBC, gate_weight_JCC[:step].transpose(1, 2)
                )
                skips = torch.sigmoid(logits_JBC).unsqueeze(2).unbind(0)
            if step:
                received_BPC = hidden[-1] if skips is None else _gated_sum(hidden, skips)
                total_BPK = input_BPK + _convolve(received_BPC, weight, bias, shape=shape)
            else:
                total_BPK = input_BPK + bias.to(input_BPK.dtype)
            input_, forget, output, update = total_BPK.chunk(4, 2)
            cell_BPC = torch.sigmoid(input_) * torch.tanh(update)
            before_BPC = self._previous_cell(cells, skips)
            if before_BPC is not None:
                cell_BPC = torch.addcmul(cell_BPC, torch.sigmoid(forget), before_BPC)
            hidden_BPC = torch.sigmoid(output) * torch.tanh(cell_BPC)
            hidden.append(hidden_BPC)
            cells.append(cell_BPC)
            if self.gates is not None and step < steps - 1:
                agreement_BTC = torch.bmm(attention_BTP, hidden_BPC * feature_BPC) / pixels
                agreements.append(agreement_BTC.unbind(1))
        return hidden

    def _previous_cell(
        self, cells: list[Tensor], skips: tuple[Tensor, ...] | None
    ) -> Tensor | None:
        if not cells or self.cell_state == "zero":
            return None
        if self.cell_state == "gated_sum":
            assert skips is not None
            return _gated_sum(cells, skips)
        return cells[-1]


def _chunk_size(images: int, *, values: int) -> int:
    """Images at a time: as even as can be, with at most `_CHUNK_VALUES` values together."""
    chunks = math.ceil(images * values / _CHUNK_VALUES)
    return math.ceil(images / min(chunks, images))


def _with_region_features(
    hidden: tuple[Tensor, ...] | list[Tensor], feature_BPC: Tensor, attention_BTP: Tensor
) -> list[Tensor]:
    """v_t + h_t for every step."""
    attention = attention_BTP.unsqueeze(3).unbind(1)
    return [
        torch.addcmul(hidden_BPC, feature_BPC, attention_BP1)
        for hidden_BPC, attention_BP1 in zip(hidden, attention, strict=True)
    ]


def _gated_sum(states: list[Tensor], skips: tuple[Tensor, ...]) -> Tensor:
    """Sum of states (B, P, C), each times its gate (B, 1, C)."""
    total_BPC = states[0] * skips[0]
    for state_BPC, skip_B1C in zip(states[1:], skips[1:], strict=True):
        total_BPC = torch.addcmul(total_BPC, state_BPC, skip_B1C)
    return total_BPC


def _convolve(x_BPC: Tensor, weight: Tensor, bias: Tensor, *, shape: tuple[int, int]) -> Tensor:
    x_BCHW = x_BPC.reshape(-1, *shape, x_BPC.shape[2]).permute(0, 3, 1, 2)
    out_BKHW = functional.conv2d(x_BCHW, weight, bias, padding=1)
    return out_BKHW.permute(0, 2, 3, 1).flatten(1, 2)
