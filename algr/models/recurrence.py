"""The skip-BiLSTM with a gradient written by hand, for CPUs.

Computes what `SkipBiLSTM` computes step by step, several times faster: buffers are made once, the
four gates take one sigmoid over contiguous memory, the weights' gradient of all steps is one
convolution, and the input convolutions' one batched product. Knows only tensors in the order of
the steps.

Shape suffixes: B = images, T = steps, J = source steps (all but the last), C = channels, K = the
channels of the four gates (input, forget, output, update), P = pixels of an image (row-major),
N = pixels of all images, D = the nine taps of a 3x3 convolution. Region t is visited at step t
forward and at step T - 1 - t backward.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
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


def related_features(
    *,
    feature_BPC: Tensor,
    attention_BTP: Tensor,
    feature_taps_ND2K: Tensor,
    attention_taps_NTD: Tensor,
    forward: RecurrenceWeights,
    backward: RecurrenceWeights,
    shape: tuple[int, int],
) -> Tensor:
    """v_t plus the mean hidden state of both directions, (T, B, P, C).

    Args:
        feature_BPC: Feature F of the whole face.
        attention_BTP: Attention a_t, so that v_t = F a_t.
        feature_taps_ND2K: F shifted by each tap through the tap's matrix of the input
            convolution, for both directions, update gates doubled.
        attention_taps_NTD: a_t shifted by each tap.
        forward: Parameters of the direction t = 0, 1, ...
        backward: Parameters of the direction t = T - 1, T - 2, ...
        shape: Rows and columns of the P pixels.
    """
    related_TBPC: Tensor = _RelatedFeatures.apply(  # type: ignore[no-untyped-call]
        feature_BPC,
        attention_BTP,
        feature_taps_ND2K,
        attention_taps_NTD,
        shape,
        *forward,
        *backward,
    )
    return related_TBPC


@dataclass(frozen=True, kw_only=True)
class _Face:
    """What a direction sees; the attention, over the number of pixels, is in step order."""

    feature_BPC: Tensor
    mean_attention_BTP: Tensor
    shape: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class _Trace:
    """What the gradient of one direction needs of its forward pass."""

    gates_TBPK: Tensor
    cells_TBPC: Tensor
    tanh_cells_TBPC: Tensor
    hidden_TBPC: Tensor
    received_JBPC: Tensor
    agreement_JBTC: Tensor
    skips: tuple[Tensor, ...]


class _RelatedFeatures(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        feature_BPC: Tensor,
        attention_BTP: Tensor,
        feature_taps_ND2K: Tensor,
        attention_taps_NTD: Tensor,
        shape: tuple[int, int],
        *weights: Any,
    ) -> Tensor:
        batch, steps, pixels = attention_BTP.shape
        mean_attention_BTP = attention_BTP / pixels
        inputs = torch.bmm(attention_taps_NTD, feature_taps_ND2K)
        ahead, back = inputs.view(batch, pixels, steps, 2, -1).unbind(3)
        faces = tuple(
            _Face(feature_BPC=feature_BPC, mean_attention_BTP=attention, shape=shape)
            for attention in (mean_attention_BTP, mean_attention_BTP.flip(1))
        )
        directions = (RecurrenceWeights(*weights[:4]), RecurrenceWeights(*weights[4:]))
        traces = (
            _run(ahead.unbind(2), face=faces[0], weights=directions[0]),
            _run(back.unbind(2)[::-1], face=faces[1], weights=directions[1]),
        )
        ctx.save_for_backward(attention_BTP, feature_taps_ND2K, attention_taps_NTD)
        ctx.faces, ctx.directions, ctx.traces = faces, directions, traces
        related_TBPC = torch.empty_like(traces[0].hidden_TBPC)
        for step, related_BPC in enumerate(related_TBPC.unbind(0)):
            ahead_BPC, back_BPC = (
                traces[0].hidden_TBPC[step],
                traces[1].hidden_TBPC[steps - 1 - step],
            )
            torch.add(ahead_BPC, back_BPC, out=related_BPC).mul_(0.5)
            related_BPC.addcmul_(feature_BPC, attention_BTP[:, step].unsqueeze(2))
        return related_TBPC

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad_TBPC: Tensor) -> tuple[Any, ...]:
        attention_BTP, feature_taps_ND2K, attention_taps_NTD = ctx.saved_tensors
        feature_BPC = ctx.faces[0].feature_BPC
        steps, _, pixels, _ = grad_TBPC.shape
        grads = [
            _gradient(
                [grad_BPC * 0.5 for grad_BPC in in_order],
                trace=trace,
                face=face,
                weights=weights,
            )
            for in_order, trace, face, weights in zip(
                (grad_TBPC.unbind(0), grad_TBPC.unbind(0)[::-1]),
                ctx.traces,
                ctx.faces,
                ctx.directions,
                strict=True,
            )
        ]
        grad_feature_BPC = grads[0].feature_BPC.add_(grads[1].feature_BPC)
        grad_attention_BTP = grads[1].mean_attention_BTP.flip(1)
        grad_attention_BTP.add_(grads[0].mean_attention_BTP).div_(pixels)
        for step in range(steps):
            grad_BPC = grad_TBPC[step]
            grad_feature_BPC.addcmul_(grad_BPC, attention_BTP[:, step].unsqueeze(2))
            grad_attention_BTP[:, step] += (grad_BPC * feature_BPC).sum(2)
        grad_feature_taps, grad_attention_taps = _taps_gradient(
            grads, feature_taps_ND2K, attention_taps_NTD
        )
        return (
            grad_feature_BPC,
            grad_attention_BTP,
            grad_feature_taps,
            grad_attention_taps,
            None,
            *grads[0].weights,
            *grads[1].weights,
        )


class _Gradient(NamedTuple):
    gates_TBPK: Tensor
    feature_BPC: Tensor
    mean_attention_BTP: Tensor
    weights: tuple[Tensor | None, ...]


def _taps_gradient(
    grads: list[_Gradient], feature_taps_ND2K: Tensor, attention_taps_NTD: Tensor
) -> tuple[Tensor, Tensor]:
    """Of the shifted features and attentions, whose products the gates took up."""
    steps = attention_taps_NTD.shape[1]
    grad_feature_taps = torch.empty_like(feature_taps_ND2K)
    grad_attention_taps = torch.zeros_like(attention_taps_NTD)
    attentions = (attention_taps_NTD, attention_taps_NTD.flip(1))
    for direction, (grad, attention_NTD, grad_taps_NDK, taps_NDK) in enumerate(
        zip(
            grads,
            attentions,
            grad_feature_taps.chunk(2, 2),
            feature_taps_ND2K.chunk(2, 2),
            strict=True,
        )
    ):
        grad_inputs_NTK = grad.gates_TBPK.view(steps, len(attention_NTD), -1).transpose(0, 1)
        torch.bmm(attention_NTD.transpose(1, 2), grad_inputs_NTK, out=grad_taps_NDK)
        grad_NTD = torch.bmm(grad_inputs_NTK, taps_NDK.transpose(1, 2))
        grad_attention_taps += grad_NTD.flip(1) if direction else grad_NTD
    return grad_feature_taps, grad_attention_taps


def _run(inputs: tuple[Tensor, ...], *, face: _Face, weights: RecurrenceWeights) -> _Trace:
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
    return _Trace(
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


def _gradient(
    grad_hidden: list[Tensor], *, trace: _Trace, face: _Face, weights: RecurrenceWeights
) -> _Gradient:
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
    return _Gradient(
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

    def __init__(self, trace: _Trace, weights: RecurrenceWeights) -> None:
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
    step: int, grad_BPC: Tensor, grad_cell_BPC: Tensor, *, into: Tensor, trace: _Trace
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


def _as_image(x_BPC: Tensor, shape: tuple[int, int]) -> Tensor:
    """The same memory as an image with its channels last."""
    return x_BPC.view(-1, *shape, x_BPC.shape[-1]).permute(0, 3, 1, 2)


def _convolve(x_BPC: Tensor, weights: RecurrenceWeights, *, shape: tuple[int, int]) -> Tensor:
    out_BKHW = functional.conv2d(_as_image(x_BPC, shape), weights.hidden, weights.bias, padding=1)
    return out_BKHW.permute(0, 2, 3, 1).flatten(1, 2)


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
        _as_image(grad_BPK, shape),
        _as_image(x_BPC, shape),
        weights.hidden,
        None,
        [1, 1],
        [1, 1],
        [1, 1],
        False,
        [0, 0],
        1,
        (of_input, not of_input, False),
    )
    return grads[0], grads[1]
