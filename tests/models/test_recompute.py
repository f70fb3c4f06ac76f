"""Recomputed activations: the same outputs, gradients and running statistics as kept ones."""

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from algr.config import ModelConfig
from algr.models import build_model, recompute_regions, regions_for
from tests.models.test_forms import running
from tests.models.test_reference import perturbed

UNITS = ("AU1", "AU4", "AU12")


def small_network(kind: str) -> nn.Module:
    regions = regions_for(kind="au", label_names=UNITS, palsy_regions="single12")
    config = ModelConfig(kind=kind, width=0.125, input_size=64, geometry="aligned")
    return perturbed(build_model(config, kind="au", regions=regions), seed=5).train()


def trained_once(model: nn.Module, images: Tensor) -> tuple[list[Tensor], int]:
    """Outputs and gradients of one pass, and the values that it kept for the backward pass."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with saved_tensors_hooks(keep, lambda tensor: tensor):
        output = model(images)
    values = [value for value in output if value is not None]
    sum(value.square().sum() for value in values).backward()
    gradients = [parameter.grad for parameter in model.parameters()]
    return [*values, *(grad for grad in gradients if grad is not None)], sum(kept.values())


@pytest.mark.parametrize("form", ["looped", "grouped"])
@pytest.mark.parametrize("kind", ["algrnet", "jaanet"])
def test_recomputing_changes_nothing_but_memory(kind: str, form: str) -> None:
    plain = small_network(kind)
    again = copy.deepcopy(plain)
    recompute_regions(again)
    images = torch.randn(4, 3, 64, 64, dtype=torch.float64)

    with running(form):
        expected, kept = trained_once(plain, images)
        found, kept_again = trained_once(again, images)

    torch.testing.assert_close(found, expected, rtol=0, atol=0)
    torch.testing.assert_close(
        dict(again.named_buffers()), dict(plain.named_buffers()), rtol=0, atol=0
    )
    assert kept_again < 0.7 * kept


def test_without_gradients_nothing_is_run_twice() -> None:
    model = small_network("algrnet")
    recompute_regions(model)
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)

    with torch.no_grad():
        model(images)

    assert model.refining.layers[0].norm.num_batches_tracked == 1
