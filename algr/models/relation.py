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
from algr.models.stacks import recomputed, runs_grouped

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

    def forward(self) -> tuple[Tensor, Tensor]:
        """Weights (2, J, C, C) and biases (2, J, 1, C) of both directions, whatever the form."""
        weight_2JCC = self.weight.expand(2, self.sources, self.channels, self.channels)
        return weight_2JCC, self.bias.expand(2, self.sources, 1, self.channels)


class Peepholes(nn.Module):
    """What the gates of a convolutional LSTM see of its cell (Shi et al. 2015, eq. 3).

    The input and the forget gate see the cell before the step, the output gate the one after it,
    each through an elementwise weight for every channel and pixel, which starts at 0.

    Args:
        channels: Of the cell.
        side: Rows, and columns, of the cell.
    """

    def __init__(self, *, channels: int, side: int) -> None:
        super().__init__()
        self.channels = channels
        # Not five-dimensional: Module.to(memory_format=...) refuses that.
        self.weight = nn.Parameter(torch.zeros(2 * 3 * channels, side, side))

    def forward(self) -> tuple[Tensor, Tensor, Tensor]:
        """Weights of the input, forget and output gate in both directions, (P, 2, C) each."""
        weight_PX = self.weight.flatten(1).T
        weight_P23C = weight_PX.reshape(-1, 2, 3, self.channels)
        input_P2C, forget_P2C, output_P2C = weight_P23C.unbind(2)
        return input_P2C, forget_P2C, output_P2C


class SkipBiLSTM(nn.Module):
    """Convolutional LSTM over the regions in both directions, with skipping gates.

    The region features are v_t = F a_t with a one-channel attention a_t, so the convolution of v_t
    is a sum over its nine taps of (shifted a_t) times (shifted F through the tap's matrix), and
    the nine products with F serve all regions and both directions.

    On CPUs the usual cell runs with a gradient written by hand (`recurrence`). Accelerators, other
    cell states and peepholes take the plain form, step by step, with the gradient of autograd.

    Args:
        regions: Number of regions.
        channels: Channels of the feature and of the hidden state.
        gates: How hidden states reach distant regions; None: from the neighbour only ("plain").
        peepholes: What the cell's gates see of the cell; None: nothing.
        cell_state: State that enters the cell: the neighbour's; the sum of all earlier ones
            through the skipping gates; or zero.
        order: Region indices in the order of the forward direction.
    """

    recomputes = False
    """Whether activations are computed again in the backward pass instead of being kept."""
    doubled_update_K: Tensor

    def __init__(
        self,
        *,
        regions: int,
        channels: int,
        gates: SkipGates | None,
        peepholes: Peepholes | None = None,
        cell_state: Literal["neighbour", "gated_sum", "zero"],
        order: tuple[int, ...],
    ) -> None:
        super().__init__()
        assert sorted(order) == list(range(regions))
        assert gates is not None or cell_state != "gated_sum"
        self.order, self.cell_state = order, cell_state
        self.gates, self.peepholes = gates, peepholes
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
        usual_cell = self.cell_state == "neighbour" and self.peepholes is None
        if usual_cell and not runs_grouped(feature_BCHW):
            chunk = _chunk_size(len(feature_BCHW), values=feature_BCHW[0].numel())
            split = zip(
                torch.split(feature_BCHW, chunk), torch.split(attention_BTHW, chunk), strict=True
            )
            parts = [
                recomputed(self._chunk, *images) if self.recomputes else self._chunk(*images)
                for images in split
            ]
            related = [torch.cat(images) for images in zip(*parts, strict=True)]
        elif self.recomputes:
            related = list(recomputed(self._stepwise, feature_BCHW, attention_BTHW))
        else:
            related = list(self._stepwise(feature_BCHW, attention_BTHW))
        return [related[self.order.index(region)] for region in range(len(self.order))]

    def _chunk(self, feature_BCHW: Tensor, attention_BTHW: Tensor) -> tuple[Tensor, ...]:
        """Related features of some images, (B, P, C) per step."""
        scale_K111 = self.doubled_update_K.to(self.bias.dtype)[:, None, None, None]
        hidden = (self.hidden_weight * scale_K111).chunk(2)
        bias = (self.bias * scale_K111.flatten()).chunk(2)
        forward, backward = (
            RecurrenceWeights(hidden[direction], bias[direction], *skips)
            for direction, skips in enumerate(self._skips_by_direction())
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

    def _skips_by_direction(self) -> list[tuple[Tensor | None, Tensor | None]]:
        if self.gates is None:
            return [(None, None)] * 2
        weight_2JCC, bias_2J1C = self.gates()
        return list(zip(weight_2JCC.unbind(0), bias_2J1C.unbind(0), strict=True))

    def _stepwise(self, feature_BCHW: Tensor, attention_BTHW: Tensor) -> tuple[Tensor, ...]:
        """Related features of all images, (B, P, C) per step; both directions step together."""
        feature_taps, attention_taps_NTD = self._taps(
            feature_BCHW, attention_BTHW, weight_KCHW=self.input_weight
        )
        steps, height, width = attention_BTHW.shape[1:]
        inputs = [
            torch.bmm(attention_taps_NTD, taps_NDK).reshape(
                -1, height * width, steps, taps_NDK.shape[2]
            )
            for taps_NDK in feature_taps
        ]
        feature_BP1C = feature_BCHW.flatten(2).transpose(1, 2).unsqueeze(2)
        regions_BPTC = feature_BP1C * attention_BTHW.flatten(2).transpose(1, 2).unsqueeze(3)
        hidden_BPT2C = self._run(
            _paired(*inputs), _paired(regions_BPTC, regions_BPTC), shape=(height, width)
        )
        ahead_BPTC, back_BPTC = hidden_BPT2C.unbind(3)
        related_BPTC = regions_BPTC + (ahead_BPTC + back_BPTC.flip(2)) / 2
        return related_BPTC.unbind(2)

    def _taps(
        self, feature_BCHW: Tensor, attention_BTHW: Tensor, *, weight_KCHW: Tensor
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        """Factors of the input convolutions of all regions and both directions.

        Returns:
            The feature shifted by each tap through the tap's matrix, (N, D, K) per direction, and
            the attentions shifted by each tap, (N, T, D); their products are (N, T, K).
        """
        channels, height, width = feature_BCHW.shape[1:]
        steps, pixels = attention_BTHW.shape[1], height * width
        feature_DNC = (
            functional.unfold(feature_BCHW, 3, padding=1)
            .reshape(-1, channels, TAPS, pixels)
            .permute(2, 0, 3, 1)
            .reshape(TAPS, -1, channels)
        )
        forward_DNK, backward_DNK = (
            torch.bmm(feature_DNC, half_KCHW.flatten(2).permute(2, 1, 0))
            for half_KCHW in weight_KCHW.chunk(2)
        )
        attention_taps_NTD = (
            functional.unfold(attention_BTHW, 3, padding=1)
            .reshape(-1, steps, TAPS, pixels)
            .permute(0, 3, 1, 2)
            .reshape(-1, steps, TAPS)
            .contiguous()  # for one image the reshape is a view, which bmm takes pixel by pixel
        )
        return (forward_DNK.transpose(0, 1), backward_DNK.transpose(0, 1)), attention_taps_NTD

    def _run(
        self, inputs_BPT2K: Tensor, regions_BPT2C: Tensor, *, shape: tuple[int, int]
    ) -> Tensor:
        """Hidden states at every step of both directions, (B, P, T, 2, C)."""
        hidden: list[Tensor] = []
        cells: list[Tensor] = []
        gates = None if self.gates is None else self.gates()
        peeps = None if self.peepholes is None else self.peepholes()
        steps = zip(inputs_BPT2K.unbind(2), regions_BPT2C.unbind(2), strict=True)
        for input_BP2K, region_BP2C in steps:
            skip_JB12C = None
            if not hidden:
                total_BP2K = input_BP2K + self.bias.reshape(2, -1).to(input_BP2K.dtype)
            else:
                received_BP2C = hidden[-1]
                if gates is not None:
                    hidden_JBP2C = torch.stack(hidden)
                    skip_JB12C = _skip_gates(hidden_JBP2C, region_BP2C, *gates)
                    received_BP2C = (hidden_JBP2C * skip_JB12C).sum(0)
                total_BP2K = input_BP2K + self._convolve(received_BP2C, shape=shape)
            before_BP2C = self._previous_cell(cells, skip_JB12C)
            hidden_BP2C, cell_BP2C = _cell(total_BP2K, before_BP2C, peeps)
            hidden.append(hidden_BP2C)
            cells.append(cell_BP2C)
        return torch.stack(hidden, 2)

    def _convolve(self, x_BP2C: Tensor, *, shape: tuple[int, int]) -> Tensor:
        """Recurrent convolution of both directions, (B, P, 2, K)."""
        pixels, channels = x_BP2C.shape[1], x_BP2C.shape[3]
        x_BCHW = x_BP2C.reshape(-1, *shape, 2 * channels).permute(0, 3, 1, 2)
        out_BKHW = functional.conv2d(x_BCHW, self.hidden_weight, self.bias, padding=1, groups=2)
        return out_BKHW.permute(0, 2, 3, 1).reshape(-1, pixels, 2, 4 * channels)

    def _previous_cell(self, cells: list[Tensor], skip_JB12C: Tensor | None) -> Tensor | None:
        if not cells or self.cell_state == "zero":
            return None
        if self.cell_state == "gated_sum":
            assert skip_JB12C is not None
            return (torch.stack(cells) * skip_JB12C).sum(0)
        return cells[-1]


def _cell(
    total_BP2K: Tensor, before_BP2C: Tensor | None, peeps: tuple[Tensor, Tensor, Tensor] | None
) -> tuple[Tensor, Tensor]:
    """Hidden state and cell after a step.

    Args:
        total_BP2K: The gates before their activation: input, forget, output, update.
        before_BP2C: The cell that enters; None for zero.
        peeps: Weights of the peepholes, if there are any.
    """
    input_, forget, output, update = total_BP2K.chunk(4, 3)
    if peeps is not None and before_BP2C is not None:
        input_ = input_ + peeps[0] * before_BP2C
        forget = forget + peeps[1] * before_BP2C
    cell_BP2C = torch.sigmoid(input_) * torch.tanh(update)
    if before_BP2C is not None:
        cell_BP2C = torch.addcmul(cell_BP2C, torch.sigmoid(forget), before_BP2C)
    if peeps is not None:
        output = output + peeps[2] * cell_BP2C
    return torch.sigmoid(output) * torch.tanh(cell_BP2C), cell_BP2C


def _skip_gates(
    hidden_JBP2C: Tensor, region_BP2C: Tensor, weight_2JCC: Tensor, bias_2J1C: Tensor
) -> Tensor:
    """Gates of all earlier steps for one region, in both directions, (J, B, 1, 2, C)."""
    count = hidden_JBP2C.shape[0]
    agreement_2JBC = (hidden_JBP2C * region_BP2C).mean(2).permute(2, 0, 1, 3)
    recalled_2JBC = torch.matmul(agreement_2JBC, weight_2JCC[:, :count].transpose(2, 3))
    return torch.sigmoid(recalled_2JBC + bias_2J1C[:, :count]).permute(1, 2, 0, 3).unsqueeze(2)


def _paired(ahead: Tensor, back: Tensor) -> Tensor:
    """(B, P, T, X) twice to (B, P, T, 2, X), the second in the order of the backward steps."""
    return torch.stack((ahead, back.flip(2)), 3)


def _chunk_size(images: int, *, values: int) -> int:
    """Images at a time: as even as can be, with at most `_CHUNK_VALUES` values together."""
    chunks = math.ceil(images * values / _CHUNK_VALUES)
    return math.ceil(images / min(chunks, images))
