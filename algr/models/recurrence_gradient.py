"""Gradient of the skip-BiLSTM's steps in one direction, written by hand; for CPUs.

The recurrent weights' gradient of all steps is one convolution.

Shape suffixes: as in `recurrence`.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from algr.models.recurrence_run import Face, RecurrenceWeights, Trace, as_image


class DirectionGradient(NamedTuple):
    """Gradients of one direction; the attention's is of the attention over P, in step order."""

    gates_TBPK: Tensor
    feature_BPC: Tensor
    mean_attention_BTP: Tensor
    weights: tuple[Tensor | None, ...]


def direction_gradient(
    grad_hidden: list[Tensor], *, trace: Trace, face: Face, weights: RecurrenceWeights
) -> DirectionGradient:
    """Gradient of one direction.

    Args:
        grad_hidden: Of the hidden states, (B, P, C) per step; changed in place.
        trace: Of the forward pass.
        face: As in the forward pass.
        weights: As in the forward pass.
    """
    steps = len(grad_hidden)
    grad_gates_TBPK = torch.empty_like(trace.gates_TBPK)
    grad_cell_BPC = torch.zeros_like(face.feature_BPC)
    grad_feature_BPC = torch.zeros_like(face.feature_BPC)
    grad_attention_BTP = torch.zeros_like(face.mean_attention_BTP)
    skipping = None if weights.skip is None else _SkipGradient(trace, weights)
    for step in reversed(range(steps)):
        grad_BPC, hidden_BPC = grad_hidden[step], trace.hidden_TBPC[step]
        if skipping is not None and step < steps - 1:
            later_BTC = skipping.agreement_JBTC[step, :, step + 1 :]
            attention_BTP = face.mean_attention_BTP[:, step + 1 :]
            product_BPC = hidden_BPC * face.feature_BPC
            grad_attention_BTP[:, step + 1 :] += torch.bmm(later_BTC, product_BPC.transpose(1, 2))
            grad_product_BPC = torch.bmm(attention_BTP.transpose(1, 2), later_BTC)
            grad_BPC.addcmul_(grad_product_BPC, face.feature_BPC)
            grad_feature_BPC.addcmul_(grad_product_BPC, hidden_BPC)
        grad_gate_BPK = grad_gates_TBPK[step]
        _cell_gradient(step, grad_BPC, grad_cell_BPC, into=grad_gate_BPK, trace=trace)
        if step == 0:
            continue
        grad_received_BPC = _input_gradient(
            grad_gate_BPK, trace.received_JBPC[step - 1], weights, shape=face.shape
        )
        if skipping is None:
            grad_hidden[step - 1].add_(grad_received_BPC)
        else:
            skipping.accumulate(step, grad_received_BPC, grad_hidden)
    grad_hidden_weight = _weight_gradient(
        grad_gates_TBPK[1:], trace.received_JBPC, weights, shape=face.shape
    )
    return DirectionGradient(
        gates_TBPK=grad_gates_TBPK,
        feature_BPC=grad_feature_BPC,
        mean_attention_BTP=grad_attention_BTP,
        weights=(
            grad_hidden_weight,
            grad_gates_TBPK.sum((0, 1, 2)),
            None if skipping is None else skipping.weight_JCC,
            None if skipping is None else skipping.bias_J1C,
        ),
    )


class _SkipGradient:
    """Gradients of the skipping gates, summed over the steps of one direction."""

    def __init__(self, trace: Trace, weights: RecurrenceWeights) -> None:
        assert weights.skip is not None
        assert weights.skip_bias is not None
        self._trace, self._weight_JCC = trace, weights.skip
        self._hidden = trace.hidden_TBPC.unbind(0)
        self._scratch_BPC = torch.empty_like(self._hidden[0])
        self.agreement_JBTC = torch.empty_like(trace.agreement_JBTC)
        self.weight_JCC = torch.zeros_like(weights.skip)
        self.bias_J1C = torch.zeros_like(weights.skip_bias)

    def accumulate(self, step: int, grad_received_BPC: Tensor, grad_hidden: list[Tensor]) -> None:
        """From what a step received to its sources' hidden states, gates and agreements."""
        skip_JBC = self._trace.skips[step - 1]
        grad_JBC = torch.empty_like(skip_JBC)
        for hidden_BPC, grad_source_BPC, grad_BC, skip_B1C in zip(
            self._hidden[:step],
            grad_hidden[:step],
            grad_JBC.unbind(0),
            skip_JBC.unsqueeze(2).unbind(0),
            strict=True,
        ):
            torch.mul(hidden_BPC, grad_received_BPC, out=self._scratch_BPC)
            torch.sum(self._scratch_BPC, 1, out=grad_BC)
            grad_source_BPC.addcmul_(grad_received_BPC, skip_B1C)
        grad_JBC.mul_(skip_JBC).mul_(1 - skip_JBC)
        agreement_JBC = self._trace.agreement_JBTC[:step, :, step]
        self.weight_JCC[:step] += torch.bmm(grad_JBC.transpose(1, 2), agreement_JBC)
        self.bias_J1C[:step] += grad_JBC.sum(1, keepdim=True)
        self.agreement_JBTC[:step, :, step] = torch.bmm(grad_JBC, self._weight_JCC[:step])


def _cell_gradient(
    step: int, grad_BPC: Tensor, grad_cell_BPC: Tensor, *, into: Tensor, trace: Trace
) -> None:
    """Gradient of a step's gates before the sigmoid, into `into`.

    Args:
        step: Which step.
        grad_BPC: Of the hidden state.
        grad_cell_BPC: Of the cell from later steps; replaced by that of the cell before.
        into: (B, P, K).
        trace: Of the forward pass.
    """
    gate_BPK, tanh_BPC = trace.gates_TBPK[step], trace.tanh_cells_TBPC[step]
    input_, forget, output, update = gate_BPK.chunk(4, 2)
    to_input, to_forget, to_output, to_update = into.chunk(4, 2)
    torch.mul(grad_BPC, tanh_BPC, out=to_output)
    through_BPC = grad_BPC * output
    grad_cell_BPC.add_(through_BPC)
    grad_cell_BPC.addcmul_(through_BPC.mul_(tanh_BPC), tanh_BPC, value=-1)
    doubled_BPC = torch.mul(grad_cell_BPC, 2, out=through_BPC)
    torch.mul(input_, doubled_BPC, out=to_update)
    torch.mul(update - 0.5, doubled_BPC, out=to_input)
    if step:
        torch.mul(grad_cell_BPC, trace.cells_TBPC[step - 1], out=to_forget)
    else:
        to_forget.zero_()
    torch.ops.aten.sigmoid_backward.grad_input(into, gate_BPK, grad_input=into)
    grad_cell_BPC.mul_(forget)


def _input_gradient(
    grad_BPK: Tensor, x_BPC: Tensor, weights: RecurrenceWeights, *, shape: tuple[int, int]
) -> Tensor:
    grad_BCHW, _ = _convolution_gradient(grad_BPK, x_BPC, weights, shape=shape, of_input=True)
    return grad_BCHW.permute(0, 2, 3, 1).flatten(1, 2)


def _weight_gradient(
    grad_JBPK: Tensor, x_JBPC: Tensor, weights: RecurrenceWeights, *, shape: tuple[int, int]
) -> Tensor:
    _, grad_KCHW = _convolution_gradient(
        grad_JBPK.flatten(0, 1), x_JBPC.flatten(0, 1), weights, shape=shape, of_input=False
    )
    return grad_KCHW


def _convolution_gradient(
    grad_BPK: Tensor,
    x_BPC: Tensor,
    weights: RecurrenceWeights,
    *,
    shape: tuple[int, int],
    of_input: bool,
) -> tuple[Tensor, Tensor]:
    """Of the input or else of the weight; the other one is undefined."""
    grads = torch.ops.aten.convolution_backward(
        as_image(grad_BPK, shape),
        as_image(x_BPC, shape),
        weights.hidden,
        bias_sizes=None,
        stride=[1, 1],
        padding=[1, 1],
        dilation=[1, 1],
        transposed=False,
        output_padding=[0, 0],
        groups=1,
        output_mask=(of_input, not of_input, False),
    )
    return grads[0], grads[1]
