"""Norms of one batch in two parts, each in a thread that sums with the other one."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import Tensor, nn

from algr.config import Config, with_values
from algr.engine import network_for
from algr.faces import GRADES
from algr.models import recompute_regions, share_norms
from algr.models.norm import LargeMapNorm
from algr.models.shared_norm import Norm1d, Norm2d, SharedNorm


class Exchange:
    """Sums over threads, each of which calls `sum_` in the same order."""

    def __init__(self, parts: int) -> None:
        self._barrier = threading.Barrier(parts, timeout=60)
        self._sent: dict[int, Tensor] = {}

    def sum_of(self, rank: int) -> Callable[[Tensor], None]:
        def sum_(tensor: Tensor) -> None:
            self._sent[rank] = tensor.clone()
            self._barrier.wait()
            total = sum(self._sent[one] for one in sorted(self._sent))
            self._barrier.wait()
            tensor.copy_(total)

        return sum_


def trained(norm: nn.Module, x: Tensor, weights: Tensor) -> list[Tensor]:
    """Output, gradient of the input, gradients of the parameters, statistics."""
    x = x.clone().requires_grad_()
    with torch.no_grad():
        norm.weight.copy_(torch.linspace(0.5, 1.5, 4))
        norm.bias.copy_(torch.linspace(-1, 1, 4))
    out = norm(x)
    (out * weights).sum().backward()
    return [out.detach(), x.grad, norm.weight.grad, norm.bias.grad, *norm.buffers()]


def trained_in_parts(
    make: Callable[[], SharedNorm], x: Tensor, weights: Tensor, *, sizes: list[int]
) -> list[list[Tensor]]:
    exchange = Exchange(len(sizes))

    def part(rank: int, x_part: Tensor, weights_part: Tensor) -> list[Tensor]:
        norm = make().to(x.dtype)
        share_norms(norm, exchange.sum_of(rank))
        return trained(norm, x_part, weights_part)

    with ThreadPoolExecutor(len(sizes)) as pool:
        parts = zip(range(len(sizes)), x.split(sizes), weights.split(sizes), strict=True)
        return list(pool.map(lambda arguments: part(*arguments), parts))


SHAPES = [(Norm1d, (7, 4, 5)), (Norm2d, (7, 4, 5, 3)), (LargeMapNorm, (7, 4, 16, 16))]


@pytest.mark.parametrize(("kind", "shape"), SHAPES)
@pytest.mark.parametrize("sizes", [[4, 3], [1, 6], [2, 2, 3]])
def test_parts_of_any_size_are_normalised_as_the_whole(
    kind: type[SharedNorm], shape: tuple[int, ...], sizes: list[int]
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=generator, dtype=torch.float64) + 3
    weights = torch.randn(shape, generator=generator, dtype=torch.float64)

    out, grad, grad_weight, grad_bias, *statistics = trained(kind(4).double(), x, weights)
    parts = trained_in_parts(lambda: kind(4), x, weights, sizes=sizes)

    close = {"rtol": 1e-9, "atol": 1e-9}
    torch.testing.assert_close(torch.cat([part[0] for part in parts]), out, **close)
    torch.testing.assert_close(torch.cat([part[1] for part in parts]), grad, **close)
    torch.testing.assert_close(sum(part[2] for part in parts), grad_weight, **close)
    torch.testing.assert_close(sum(part[3] for part in parts), grad_bias, **close)
    torch.testing.assert_close([part[4:] for part in parts], [statistics] * len(sizes), **close)


def test_the_gradient_is_the_derivative() -> None:
    norm = Norm2d(2).double()
    share_norms(norm, lambda tensor: None)
    x = torch.randn(3, 2, 2, 2, dtype=torch.float64, requires_grad=True)

    assert torch.autograd.gradcheck(norm, (x,))


def test_sixteen_bit_maps_are_summed_in_single_precision() -> None:
    x = torch.randn(4, 4, 9, 9, generator=torch.Generator().manual_seed(0)).bfloat16() + 2
    weights = torch.ones_like(x)

    (found,) = trained_in_parts(lambda: _Float(4), x, weights, sizes=[4])

    assert found[0].dtype == found[1].dtype == torch.bfloat16
    assert float(found[4][0]) == pytest.approx(0.1 * float(x[:, 0].float().mean()), rel=1e-6)


class _Float(Norm2d):
    """Keeps its parameters in single precision, as under autocast."""

    def to(self, *_: object) -> "_Float":
        return self


def test_evaluation_asks_nobody() -> None:
    norm = Norm2d(4)
    share_norms(norm, pytest.fail)

    norm.eval()(torch.zeros(2, 4, 3, 3))


@pytest.mark.parametrize("kind", ["algrnet", "jaanet", "resnet18", "resnet50", "transformer"])
def test_every_network_can_share_all_its_norms(kind: str) -> None:
    config = with_values(
        Config(), {"model.kind": kind, "model.input_size": 64, "model.width": 0.125}
    ).model
    network = network_for(config, kind="grade", label_names=GRADES).train()
    asked = []
    share_norms(network, asked.append)

    network(torch.rand(2, 3, 64, 64))

    norms = [part for part in network.modules() if isinstance(part, SharedNorm)]
    assert len(asked) == len(norms) > 0


def network_step(*, recomputes: bool) -> list[Tensor]:
    """Gradients and statistics after one pass of a network that shares its norms with nobody."""
    torch.manual_seed(0)
    config = with_values(Config(), {"model.input_size": 64, "model.width": 0.125}).model
    network = network_for(config, kind="grade", label_names=GRADES).train()
    share_norms(network, lambda tensor: None)
    if recomputes:
        recompute_regions(network)
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    network(images).grade_log_BK.square().mean().backward()
    grads = [one.grad for one in network.parameters() if one.grad is not None]
    return [*grads, *network.buffers()]


def test_activations_that_are_computed_again_count_once() -> None:
    again, once = network_step(recomputes=True), network_step(recomputes=False)

    torch.testing.assert_close(again, once, rtol=0, atol=0)


def test_a_second_derivative_of_a_shared_norm_is_refused() -> None:
    norm = Norm2d(4)
    share_norms(norm, lambda _: None)
    x = torch.randn(3, 4, 5, 5, requires_grad=True)

    (first,) = torch.autograd.grad(norm(x).square().sum(), x, create_graph=True)

    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
