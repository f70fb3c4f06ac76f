"""Batch norm whose statistics stay exact on large maps.

Shape suffixes: B = images, C = channels, H W = rows and columns.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from algr.models.shared_norm import Norm2d, widened


class LargeMapNorm(Norm2d):
    """`BatchNorm2d` that sums its statistics image by image where it trains on a CPU.

    For channels-last tensors on CPUs torch adds up all pixels of a batch one after the other in
    single precision: over eight maps of 176 x 176 the error reaches 1e-4 of a standard deviation,
    a hundred times that of its other layouts. The sums of single images are short enough.
    """

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Normalised by the batch while training, by the running statistics otherwise."""
        x_BCHW = input
        assert self.weight is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        is_exact = x_BCHW.device.type == "cpu" and x_BCHW.dtype == self.weight.dtype
        if not is_exact or not self.training or self.is_shared or torch.compiler.is_compiling():
            return super().forward(x_BCHW)
        with torch.no_grad():
            mean_C, var_C = _batch_statistics(x_BCHW)
            count = x_BCHW.numel() // x_BCHW.shape[1]
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean_C, self.momentum)
            self.running_var.lerp_(var_C * (count / max(count - 1, 1)), self.momentum)
        normed_BCHW: Tensor = _Normalise.apply(  # type: ignore[no-untyped-call]
            x_BCHW, self.weight, self.bias, mean_C, var_C, self.eps
        )
        return normed_BCHW

    def own_statistics(self, x_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance per channel of this replica's part."""
        return _batch_statistics(widened(x_BC))


def _batch_statistics(x_BCHW: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and biased variance per channel, from those of the images."""
    parts = [torch.batch_norm_update_stats(one, None, None, 0.0) for one in torch.split(x_BCHW, 1)]
    mean_BC = torch.stack([mean for mean, _ in parts])
    var_BC = torch.stack([var for _, var in parts])
    mean_C = mean_BC.mean(0)
    return mean_C, (var_BC + (mean_BC - mean_C).square()).mean(0)


class _Normalise(torch.autograd.Function):
    """Batch norm with the batch's statistics given, on which the gradient depends."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by position
        ctx: Any,
        x_BCHW: Tensor,
        weight_C: Tensor,
        bias_C: Tensor,
        mean_C: Tensor,
        var_C: Tensor,
        eps: float,
    ) -> Tensor:
        ctx.save_for_backward(x_BCHW, weight_C, mean_C, torch.rsqrt(var_C + eps))
        ctx.eps = eps
        normed_BCHW, _, _ = torch.native_batch_norm(
            x_BCHW,
            weight_C,
            bias_C,
            mean_C,
            var_C,
            False,  # noqa: FBT003
            0.0,
            eps,
        )
        return normed_BCHW

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x_BCHW, weight_C, mean_C, inverse_C = ctx.saved_tensors
        found = torch.ops.aten.native_batch_norm_backward(
            grads[0],
            x_BCHW,
            weight_C,
            None,
            None,
            mean_C,
            inverse_C,
            True,  # noqa: FBT003
            ctx.eps,
            ctx.needs_input_grad[:3],
        )
        return (*found, None, None, None)
