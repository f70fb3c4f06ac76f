"""Batch norm over a batch whose parts lie on several replicas, exact on every kind of device.

torch's `SyncBatchNorm` computes on accelerators only. Here the counts and sums of all parts are
added up in double precision, in one message per norm forward and one backward, so that the outputs
and gradients are those of the whole batch but for rounding.

Knows nothing of processes: how to sum over the replicas is handed in.

Shape suffixes: B = images, C = channels; what stands behind them has any shape.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

SumOverReplicas = Callable[[Tensor], None]
"""Replaces a tensor by its sum over the replicas; all of them call it in the same order."""


class SharedNorm(nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - what all of torch's have in common
    """A batch norm that, once it is told how, trains with the statistics of all replicas."""

    sum_over_replicas: SumOverReplicas | None = None

    @property
    def is_shared(self) -> bool:
        """Whether the next forward pass needs the other replicas."""
        return self.training and self.sum_over_replicas is not None

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Normalised by the whole batch while training, by the running statistics otherwise."""
        if not self.training or self.sum_over_replicas is None:
            return super().forward(input)
        return self.shared(input, counts=True)

    def shared(self, x_BC: Tensor, *, counts: bool) -> Tensor:
        """Normalised by the statistics of all replicas.

        Args:
            x_BC: This replica's part of the batch.
            counts: Whether the batch goes into the running statistics; not when it is run again.
        """
        self._check_input_dim(x_BC)  # type: ignore[no-untyped-call]
        assert self.sum_over_replicas is not None
        count, mean_C, var_C = whole_statistics(
            *self.own_statistics(x_BC.detach()),
            count=x_BC.numel() // x_BC.shape[1],
            sum_over_replicas=self.sum_over_replicas,
        )
        if counts:
            self._count(mean_C, var_C * (count / max(count - 1, 1)))
        normed_BC: Tensor = _NormaliseWhole.apply(  # type: ignore[no-untyped-call]
            x_BC, self.weight, self.bias, mean_C, var_C, self.eps, count, self.sum_over_replicas
        )
        return normed_BC

    @torch.no_grad()
    def _count(self, mean_C: Tensor, unbiased_var_C: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.num_batches_tracked.add_(1)
        self.running_mean.lerp_(mean_C, self.momentum)
        self.running_var.lerp_(unbiased_var_C, self.momentum)

    def own_statistics(self, x_BC: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and biased variance per channel of this replica's part."""
        var_C, mean_C = torch.var_mean(widened(x_BC), _all_but_channels(x_BC), correction=0)
        return mean_C, var_C


class Norm1d(SharedNorm, nn.BatchNorm1d):
    """`BatchNorm1d` that replicas can share."""


class Norm2d(SharedNorm, nn.BatchNorm2d):
    """`BatchNorm2d` that replicas can share."""


def share_norms(model: nn.Module, sum_over_replicas: SumOverReplicas) -> None:
    """Let all batch norms of a network train with the statistics of all replicas."""
    for name, module in model.named_modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):  # noqa: SLF001 - see above
            assert isinstance(module, SharedNorm), f"{name} cannot be shared"
            module.sum_over_replicas = sum_over_replicas


def whole_statistics(
    mean_C: Tensor, var_C: Tensor, *, count: int, sum_over_replicas: SumOverReplicas
) -> tuple[int, Tensor, Tensor]:
    """Count, mean and biased variance over all replicas, from those of this one's part."""
    channels, precision = len(mean_C), mean_C.dtype
    mean_C, var_C = mean_C.double(), var_C.double()
    squares_C = var_C + mean_C.square()
    sums = torch.cat((mean_C * count, squares_C * count, mean_C.new_full((1,), count)))
    sum_over_replicas(sums)
    total = int(sums[-1])
    whole_mean_C, whole_squares_C = torch.split(sums[:-1] / total, channels)
    whole_var_C = (whole_squares_C - whole_mean_C.square()).clamp_min(0)
    return total, whole_mean_C.to(precision), whole_var_C.to(precision)


def widened(x: Tensor) -> Tensor:
    """In single precision at least."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def _all_but_channels(x_BC: Tensor) -> list[int]:
    return [axis for axis in range(x_BC.dim()) if axis != 1]


def _spread(values_C: Tensor, x_BC: Tensor) -> Tensor:
    """One value per channel in a shape that fits the tensor."""
    return values_C.reshape(1, -1, *(1,) * (x_BC.dim() - 2))


class _NormaliseWhole(torch.autograd.Function):
    """Batch norm with the whole batch's statistics given, on which the gradient depends."""

    @staticmethod
    def forward(  # noqa: PLR0917 - torch passes them by position
        ctx: Any,
        x_BC: Tensor,
        weight_C: Tensor,
        bias_C: Tensor,
        mean_C: Tensor,
        var_C: Tensor,
        eps: float,
        count: int,
        sum_over_replicas: SumOverReplicas,
    ) -> Tensor:
        inverse_C = torch.rsqrt(var_C + eps)
        ctx.save_for_backward(x_BC, weight_C, mean_C, inverse_C)
        ctx.count, ctx.sum_over_replicas = count, sum_over_replicas
        normed_BC, _, _ = torch.native_batch_norm(
            x_BC,
            weight_C,
            bias_C,
            mean_C,
            var_C,
            False,  # noqa: FBT003
            0.0,
            eps,
        )
        return normed_BC

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x_BC, weight_C, mean_C, inverse_C = ctx.saved_tensors
        grad_BC = widened(grads[0])
        normed_BC = (widened(x_BC) - _spread(mean_C, x_BC)) * _spread(inverse_C, x_BC)
        axes = _all_but_channels(x_BC)
        grad_bias_C = grad_BC.sum(axes)
        grad_weight_C = (grad_BC * normed_BC).sum(axes)
        sums_2C = torch.cat((grad_bias_C, grad_weight_C)).double()
        ctx.sum_over_replicas(sums_2C)
        mean_grad_C, mean_product_C = (sums_2C / ctx.count).to(grad_BC.dtype).split(len(mean_C))
        centred_BC = (
            grad_BC - _spread(mean_grad_C, x_BC) - normed_BC * _spread(mean_product_C, x_BC)
        )
        grad_x_BC = (centred_BC * _spread(weight_C * inverse_C, x_BC)).to(x_BC.dtype)
        return (grad_x_BC, grad_weight_C, grad_bias_C, None, None, None, None, None)
