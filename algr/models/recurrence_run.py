"""The steps of the skip-BiLSTM in one direction, in buffers made once; for CPUs.

The four gates lie next to each other in memory, so that one sigmoid serves them all.

Shape suffixes: as in `recurrence`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional


class RecurrenceWeights(NamedTuple):
    """Parameters of one direction.

    The rows of the update gate are doubled, since tanh(x) = 2 sigmoid(2x) - 1.

    Attributes:
        hidden: Recurrent convolution, (K, C, 3, 3).
        bias: (K,).
        skip: Skipping gates per source, (J, C, C); None: from the neighbour only.
        skip_bias: (J, 1, C), or None.
    """

    hidden: Tensor
    bias: Tensor
    skip: Tensor | None
    skip_bias: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Face:
    """What a direction sees; the attention, over the number of pixels, is in step order."""

    feature_BPC: Tensor
    mean_attention_BTP: Tensor
    shape: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Trace:
    """What the gradient of one direction needs of its forward pass."""

    gates_TBPK: Tensor
    cells_TBPC: Tensor
    tanh_cells_TBPC: Tensor
    hidden_TBPC: Tensor
    received_JBPC: Tensor
    agreement_JBTC: Tensor
    skips: tuple[Tensor, ...]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them in one row."""
        return (
            self.gates_TBPK,
            self.cells_TBPC,
            self.tanh_cells_TBPC,
            self.hidden_TBPC,
            self.received_JBPC,
            self.agreement_JBTC,
            *self.skips,
        )

    @classmethod
    def of(cls, tensors: Sequence[Tensor]) -> Self:
        """The trace whose `tensors` they are."""
        gates, cells, tanh_cells, hidden, received, agreement, *skips = tensors
        return cls(
            gates_TBPK=gates,
            cells_TBPC=cells,
            tanh_cells_TBPC=tanh_cells,
            hidden_TBPC=hidden,
            received_JBPC=received,
            agreement_JBTC=agreement,
            skips=tuple(skips),
        )


def run_direction(inputs: tuple[Tensor, ...], *, face: Face, weights: RecurrenceWeights) -> Trace:
    """The steps of one direction; `inputs` are (B, P, K), one per step."""
    feature_BPC = face.feature_BPC
    steps, (batch, pixels, channels) = len(inputs), feature_BPC.shape
    gates_TBPK = feature_BPC.new_empty(steps, batch, pixels, 4 * channels)
    cells_TBPC, tanh_TBPC, hidden_TBPC = feature_BPC.new_empty(3, steps, batch, pixels, channels)
    received_JBPC = feature_BPC.new_empty(steps - 1, batch, pixels, channels)
    agreement_JBTC = feature_BPC.new_empty(steps - 1, batch, steps, channels)
    scratch_BPC = torch.empty_like(feature_BPC)
    hidden, cells, tanh_cells = hidden_TBPC.unbind(0), cells_TBPC.unbind(0), tanh_TBPC.unbind(0)
    skips = []
    for step, (input_BPK, gate_BPK) in enumerate(zip(inputs, gates_TBPK.unbind(0), strict=True)):
        cell_BPC, tanh_BPC = cells[step], tanh_cells[step]
        if step == 0:
            torch.add(input_BPK, weights.bias, out=gate_BPK)
        else:
            received_BPC = received_JBPC[step - 1]
            if weights.skip is None:
                received_BPC.copy_(hidden[step - 1])
            else:
                skip_JBC = _skip_gates(agreement_JBTC[:step, :, step], weights)
                skips.append(skip_JBC)
                _gated_sum(hidden[:step], skip_JBC, out=received_BPC)
            recurrent_BPK = _convolve(received_BPC, weights, shape=face.shape)
            torch.add(input_BPK, recurrent_BPK, out=gate_BPK)
        gate_BPK.sigmoid_()
        input_, forget, output, update = gate_BPK.chunk(4, 2)
        torch.sub(update, 0.5, out=scratch_BPC)
        if step == 0:
            torch.mul(input_, scratch_BPC, out=cell_BPC).mul_(2)
        else:
            torch.mul(forget, cells[step - 1], out=cell_BPC)
            cell_BPC.addcmul_(input_, scratch_BPC, value=2)
        torch.tanh(cell_BPC, out=tanh_BPC)
        torch.mul(output, tanh_BPC, out=hidden[step])
        if weights.skip is not None and step < steps - 1:
            torch.mul(hidden[step], feature_BPC, out=scratch_BPC)
            torch.bmm(face.mean_attention_BTP, scratch_BPC, out=agreement_JBTC[step])
    return Trace(
        gates_TBPK=gates_TBPK,
        cells_TBPC=cells_TBPC,
        tanh_cells_TBPC=tanh_TBPC,
        hidden_TBPC=hidden_TBPC,
        received_JBPC=received_JBPC,
        agreement_JBTC=agreement_JBTC,
        skips=tuple(skips),
    )


def _skip_gates(agreement_JBC: Tensor, weights: RecurrenceWeights) -> Tensor:
    assert weights.skip is not None
    assert weights.skip_bias is not None
    count = len(agreement_JBC)
    logits_JBC = torch.baddbmm(
        weights.skip_bias[:count], agreement_JBC, weights.skip[:count].transpose(1, 2)
    )
    return logits_JBC.sigmoid_()


def _gated_sum(states: tuple[Tensor, ...], skip_JBC: Tensor, *, out: Tensor) -> None:
    skips = skip_JBC.unsqueeze(2).unbind(0)
    torch.mul(states[0], skips[0], out=out)
    for state_BPC, skip_B1C in zip(states[1:], skips[1:], strict=True):
        out.addcmul_(state_BPC, skip_B1C)


def as_image(x_BPC: Tensor, shape: tuple[int, int]) -> Tensor:
    """The same memory as an image with its channels last."""
    return x_BPC.view(-1, *shape, x_BPC.shape[-1]).permute(0, 3, 1, 2)


def _convolve(x_BPC: Tensor, weights: RecurrenceWeights, *, shape: tuple[int, int]) -> Tensor:
    out_BKHW = functional.conv2d(as_image(x_BPC, shape), weights.hidden, weights.bias, padding=1)
    return out_BKHW.permute(0, 2, 3, 1).flatten(1, 2)
