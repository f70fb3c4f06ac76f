"""The skip-BiLSTM with a gradient written by hand, for CPUs.

Computes what `SkipBiLSTM` computes step by step, with fewer passes over memory: the input
convolutions of all steps are one batched product, and so is their gradient. Knows only tensors in
the order of the steps.

Shape suffixes: B = images, T = steps, J = source steps (all but the last), C = channels, K = the
channels of the four gates (input, forget, output, update), P = pixels of an image (row-major),
N = pixels of all images, D = the nine taps of a 3x3 convolution. Region t is visited at step t
forward and at step T - 1 - t backward.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from algr.models.recurrence_gradient import direction_gradient
from algr.models.recurrence_run import Face, RecurrenceWeights, Trace, run_direction


def related_features(
    *,
    feature_BPC: Tensor,
    attention_BTP: Tensor,
    feature_taps: tuple[Tensor, Tensor],
    attention_taps_NTD: Tensor,
    forward: RecurrenceWeights,
    backward: RecurrenceWeights,
    shape: tuple[int, int],
) -> Tensor:
    """v_t plus the mean hidden state of both directions, (T, B, P, C).

    Args:
        feature_BPC: Feature F of the whole face.
        attention_BTP: Attention a_t, so that v_t = F a_t.
        feature_taps: F shifted by each tap through the tap's matrix of the direction's input
            convolution, update gates doubled; (N, D, K) each.
        attention_taps_NTD: a_t shifted by each tap.
        forward: Parameters of the direction t = 0, 1, ...
        backward: Parameters of the direction t = T - 1, T - 2, ...
        shape: Rows and columns of the P pixels.
    """
    related_TBPC: Tensor = _RelatedFeatures.apply(  # type: ignore[no-untyped-call]
        feature_BPC,
        attention_BTP,
        *feature_taps,
        attention_taps_NTD,
        shape,
        *forward,
        *backward,
    )
    return related_TBPC


class _RelatedFeatures(torch.autograd.Function):
    @staticmethod
    @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, *arguments: Any) -> Tensor:
        feature_BPC, attention_BTP, forward_taps_NDK, backward_taps_NDK, *rest = arguments
        attention_taps_NTD, shape, *weights = rest
        batch, steps, pixels = attention_BTP.shape
        taps = (forward_taps_NDK, backward_taps_NDK)
        shifted = (attention_taps_NTD, attention_taps_NTD.flip(1))
        directions = (RecurrenceWeights(*weights[:4]), RecurrenceWeights(*weights[4:]))
        traces = tuple(
            run_direction(
                torch.bmm(shifted_NTD, taps_NDK).view(batch, pixels, steps, -1).unbind(2),
                face=face,
                weights=direction,
            )
            for shifted_NTD, taps_NDK, face, direction in zip(
                shifted, taps, _faces(feature_BPC, attention_BTP, shape), directions, strict=True
            )
        )
        # All as saved tensors, so that a checkpoint around this can let go of them.
        ctx.save_for_backward(
            feature_BPC,
            attention_BTP,
            *taps,
            *shifted,
            *weights,
            *(tensor for trace in traces for tensor in trace.tensors),
        )
        ctx.shape = shape
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
    @torch.amp.custom_bwd(device_type="cpu")  # type: ignore[untyped-decorator]
    @once_differentiable
    def backward(ctx: Any, grad_TBPC: Tensor) -> tuple[Any, ...]:
        feature_BPC, attention_BTP, *saved = ctx.saved_tensors
        taps, shifted, weights, kept = saved[:2], saved[2:4], saved[4:12], saved[12:]
        traces = (Trace.of(kept[: len(kept) // 2]), Trace.of(kept[len(kept) // 2 :]))
        directions = (RecurrenceWeights(*weights[:4]), RecurrenceWeights(*weights[4:]))
        faces = _faces(feature_BPC, attention_BTP, ctx.shape)
        steps, _, pixels, _ = grad_TBPC.shape
        grads = [
            direction_gradient(
                [grad_BPC * 0.5 for grad_BPC in in_order],
                trace=trace,
                face=face,
                weights=direction,
            )
            for in_order, trace, face, direction in zip(
                (grad_TBPC.unbind(0), grad_TBPC.unbind(0)[::-1]),
                traces,
                faces,
                directions,
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
        grad_inputs = [
            grad.gates_TBPK.view(steps, len(shifted[0]), -1).transpose(0, 1) for grad in grads
        ]
        grad_taps = [
            torch.bmm(shifted_NTD.transpose(1, 2), grad_NTK)
            for shifted_NTD, grad_NTK in zip(shifted, grad_inputs, strict=True)
        ]
        grad_shifted = [
            torch.bmm(grad_NTK, taps_NDK.transpose(1, 2))
            for grad_NTK, taps_NDK in zip(grad_inputs, taps, strict=True)
        ]
        return (
            grad_feature_BPC,
            grad_attention_BTP,
            *grad_taps,
            grad_shifted[0].add_(grad_shifted[1].flip(1)),
            None,
            *grads[0].weights,
            *grads[1].weights,
        )


def _faces(feature_BPC: Tensor, attention_BTP: Tensor, shape: tuple[int, int]) -> tuple[Face, Face]:
    """What the two directions see."""
    mean_attention_BTP = attention_BTP / attention_BTP.shape[2]
    forward, backward = (
        Face(feature_BPC=feature_BPC, mean_attention_BTP=attention, shape=shape)
        for attention in (mean_attention_BTP, mean_attention_BTP.flip(1))
    )
    return forward, backward
