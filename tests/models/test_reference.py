"""The fast forms against the plain ones, in float64: outputs and every gradient."""

import pytest
import torch
from torch import Tensor, nn

from algr.config import ModelConfig
from algr.models import build_model, regions_for, stacks
from algr.models.algrnet import ALGRNet
from algr.models.fusion import GatedFusion
from algr.models.relation import SkipBiLSTM, SkipGates
from algr.models.stem import Stem
from tests.models import reference
from tests.models.faces import frontal_face

UNITS = ("AU1", "AU6", "AU12", "AU24")


def gradients(outputs: list[Tensor], inputs: list[Tensor]) -> list[Tensor]:
    """Of a fixed random weighting of the outputs; zeros where an input plays no part."""
    generator = torch.Generator().manual_seed(9)
    weighted = sum(
        (output * torch.randn(output.shape, generator=generator, dtype=output.dtype)).sum()
        for output in outputs
    )
    found = torch.autograd.grad(weighted, inputs, allow_unused=True)
    return [
        torch.zeros_like(wanted) if grad is None else grad
        for wanted, grad in zip(inputs, found, strict=True)
    ]


def perturbed(module: nn.Module, *, seed: int) -> nn.Module:
    """In float64, with no parameter left at a special value."""
    generator = torch.Generator().manual_seed(seed)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.1 * noise)
    return module


def small(*, seed: int, count: int = 3, **changes: object) -> tuple[SkipBiLSTM, Tensor, Tensor]:
    torch.manual_seed(seed)
    form = changes.pop("form", "vector")
    gates = None if form is None else SkipGates(regions=5, channels=4, form=form)  # type: ignore[arg-type]
    values = {"cell_state": "neighbour", "order": (0, 1, 2, 3, 4), **changes}
    module = SkipBiLSTM(regions=5, channels=4, gates=gates, **values)  # type: ignore[arg-type]
    feature = torch.randn(count, 4, 6, 6, dtype=torch.float64, requires_grad=True)
    attention = torch.rand(count, 5, 6, 6, dtype=torch.float64, requires_grad=True)
    return perturbed(module, seed=seed), feature, attention  # type: ignore[return-value]


def assert_same_relation(module: SkipBiLSTM, feature: Tensor, attention: Tensor) -> None:
    inputs = [feature, attention, *module.parameters()]
    plain = [
        region.flatten(2).transpose(1, 2)
        for region in reference.relation(module, feature, attention)
    ]
    fast = module(feature, attention)
    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        gradients(fast, inputs), gradients(plain, inputs), rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize("form", ["vector", "scalar", "shared", None])
def test_hand_written_gradient_of_the_relation_is_the_printed_equations_one(
    form: str | None,
) -> None:
    assert_same_relation(*small(seed=1, form=form))


@pytest.mark.parametrize("cell_state", ["gated_sum", "zero"])
def test_step_wise_relation_with_other_cell_states_is_the_printed_one(cell_state: str) -> None:
    assert_same_relation(*small(seed=2, cell_state=cell_state))


@pytest.mark.parametrize("form", ["vector", "scalar", "shared", None])
def test_step_wise_relation_of_accelerators_is_the_printed_one(
    form: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algr.models.relation.runs_grouped", lambda x: True)

    assert_same_relation(*small(seed=3, form=form))


def test_relation_visits_the_regions_in_the_given_order() -> None:
    assert_same_relation(*small(seed=4, order=(2, 0, 4, 1, 3)))


def test_relation_of_images_taken_a_few_at_a_time_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("algr.models.relation._CHUNK_VALUES", 2 * 4 * 36)

    assert_same_relation(*small(seed=5, count=5))


def test_one_region_has_nobody_to_relate_to() -> None:
    torch.manual_seed(0)
    gates = SkipGates(regions=1, channels=4, form="vector")
    module = SkipBiLSTM(
        regions=1, channels=4, gates=gates, cell_state="neighbour", order=(0,)
    ).double()
    feature = torch.randn(2, 4, 6, 6, dtype=torch.float64, requires_grad=True)
    attention = torch.rand(2, 1, 6, 6, dtype=torch.float64, requires_grad=True)

    assert_same_relation(module, feature, attention)


def test_stem_is_that_of_patches_taken_one_by_one() -> None:
    torch.manual_seed(0)
    stem = perturbed(Stem(channels=(8, 16)), seed=0)
    images = torch.randn(3, 3, 64, 64, dtype=torch.float64, requires_grad=True)
    inputs = [images, *stem.parameters()]

    fast, plain = stem(images), reference.stem(stem, images)  # type: ignore[arg-type]

    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-10)
    torch.testing.assert_close(
        gradients([fast], inputs), gradients([plain], inputs), rtol=1e-7, atol=1e-9
    )


@pytest.mark.parametrize("l2_axis", ["channel", "map", "spatial"])
@pytest.mark.parametrize("grouped", [False, True])
def test_fusion_is_that_of_the_upsampled_global_feature(
    l2_axis: str, grouped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algr.models.fusion.runs_grouped", lambda x: grouped)
    torch.manual_seed(0)
    module = GatedFusion(
        regions=3,
        channels=4,
        global_channels=6,
        global_side=3,
        side=24,
        l2_axis=l2_axis,  # type: ignore[arg-type]
    ).double()
    regions = [torch.randn(2, 576, 4, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    common = torch.randn(2, 6, 3, 3, dtype=torch.float64, requires_grad=True)
    inputs = [*regions, common, *module.parameters()]

    fast = module(regions, common.flatten(2))
    plain = [
        region.flatten(2).transpose(1, 2)
        for region in reference.fusion(
            module, [region.transpose(1, 2).unflatten(2, (24, 24)) for region in regions], common
        )
    ]

    torch.testing.assert_close(fast, plain, rtol=0, atol=1e-12)
    torch.testing.assert_close(
        gradients(fast, inputs), gradients(plain, inputs), rtol=1e-8, atol=1e-10
    )


def network(task: str, **changes: object) -> ALGRNet:
    torch.manual_seed(0)
    regions = changes.get("palsy_regions", "single12")
    table = regions_for(kind=task, label_names=UNITS, palsy_regions=str(regions))
    values = {"input_size": 64, "width": 0.125, "geometry": "aligned", **changes}
    model = build_model(ModelConfig(**values), kind=task, regions=table)  # type: ignore[arg-type]
    perturbed(model, seed=1)
    assert isinstance(model, ALGRNet)
    with torch.no_grad():
        model.landmark_head.last.weight.mul_(0.01)
        model.landmark_head.last.bias.copy_(frontal_face().flatten())
    return model


@pytest.mark.parametrize("grouped", [False, True], ids=["loops", "grouped"])
@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("au", {}),
        ("grade", {}),
        ("au", {"kind": "jaanet"}),
        ("grade", {"kind": "jaanet"}),
        ("au", {"adaptive": False}),
        ("au", {"bilstm": "plain", "adaptive": False}),
        ("au", {"bilstm": "none"}),
        ("au", {"fusion": False, "adaptive": False}),
        ("grade", {"refine_attention": False, "whole_head_global": False}),
        ("grade", {"palsy_regions": "pairs6", "region_order": "height", "geometry": "jaa"}),
        ("au", {"global_feature": "stem"}),
        ("grade", {"global_feature": "stem", "whole_head_global": False}),
        ("au", {"global_feature": "unpooled", "l2_axis": "map"}),
        ("grade", {"global_feature": "fused_at_5", "peepholes": True}),
        ("grade", {"kind": "jaanet", "whole_head_global": False}),
    ],
)
def test_network_is_the_printed_one_in_outputs_and_gradients(
    kind: str, changes: dict[str, object], grouped: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("stacks", "fusion", "relation"):
        monkeypatch.setattr(f"algr.models.{module}.runs_grouped", lambda x: grouped)
    model = network(kind, **changes)
    images = torch.randn(3, 3, 64, 64, dtype=torch.float64)
    parameters = list(model.parameters())

    fast = model(images)._asdict()
    plain = reference.network(model, images)

    assert {name for name, value in fast.items() if value is not None} == {
        name for name, value in plain.items() if value is not None
    }
    names = [name for name in fast if fast[name] is not None]
    ours, theirs = [fast[name] for name in names], [plain[name] for name in names]
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-9)
    torch.testing.assert_close(
        gradients(ours, parameters),
        gradients(theirs, parameters),  # type: ignore[arg-type]
        rtol=1e-6,
        atol=1e-7,
    )


def test_grouped_and_looped_forms_keep_the_same_running_statistics(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = torch.randn(4, 3, 64, 64, dtype=torch.float64)
    looped, grouped = network("au"), network("au")
    looped(images)
    monkeypatch.setattr(stacks, "runs_grouped", lambda x: True)
    grouped(images)

    torch.testing.assert_close(dict(looped.named_buffers()), dict(grouped.named_buffers()))
    looped.eval()
    grouped.eval()
    torch.testing.assert_close(grouped(images).whole_log_B2A, looped(images).whole_log_B2A)
