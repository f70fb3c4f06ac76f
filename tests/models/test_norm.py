import pytest
import torch
from torch import Tensor, nn

from algr.models.norm import LargeMapNorm


def map_batch(dtype: torch.dtype) -> Tensor:
    """Far from zero in the mean, as ReLU leaves them; channels last in memory."""
    generator = torch.Generator().manual_seed(0)
    drawn = torch.randn(8, 4, 88, 88, generator=generator, dtype=torch.float64) + 2
    return drawn.to(dtype).contiguous(memory_format=torch.channels_last)


def trained_once(norm: nn.BatchNorm2d, x: Tensor) -> list[Tensor]:
    """Output, gradients and statistics after one training pass."""
    x = x.clone().requires_grad_()
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 1.5, 4))
        norm.bias.copy_(torch.linspace(-1, 1, 4))
    out = norm(x)
    weights = torch.cos(torch.arange(out.numel(), dtype=out.dtype)).reshape(out.shape)
    (out * weights).sum().backward()
    grads = [x.grad, norm.weight.grad, norm.bias.grad]
    return [out, *(grad for grad in grads if grad is not None), *norm.buffers()]


def test_norm_is_batch_norm_in_outputs_gradients_and_statistics() -> None:
    x = map_batch(torch.float64)

    found = trained_once(LargeMapNorm(4).double(), x)
    wanted = trained_once(nn.BatchNorm2d(4).double(), x)

    assert len(found) == 7
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-10)


def test_large_maps_in_single_precision_are_normalised_to_a_millionth() -> None:
    x = map_batch(torch.float32)
    norm = LargeMapNorm(4)

    found = norm(x)

    exact = x.double()
    mean = exact.mean((0, 2, 3), keepdim=True)
    wanted = (exact - mean) / (exact.var((0, 2, 3), unbiased=False, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=5e-6)


def test_evaluation_uses_the_running_statistics() -> None:
    norm = LargeMapNorm(4).eval()
    with torch.no_grad():
        norm.running_mean.fill_(2.0)
        norm.running_var.fill_(4.0 - 1e-5)

    found = norm(torch.full((1, 4, 2, 2), 6.0))

    torch.testing.assert_close(found, torch.full((1, 4, 2, 2), 2.0))


def test_a_second_derivative_is_refused() -> None:
    x = torch.randn(3, 4, 5, 5, requires_grad=True)

    (first,) = torch.autograd.grad(LargeMapNorm(4)(x).square().sum(), x, create_graph=True)

    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
