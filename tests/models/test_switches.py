"""Every switch of the network reaches it: what it builds, what it computes, what it trains."""

from typing import Literal

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from algr.config import ModelConfig
from algr.models import build_model
from algr.models.algrnet import ALGRNet
from tests.models.test_build import (
    au_regions,
    facing,
    grade_regions,
    missing_gradients,
    num_parameters,
    with_meta,
)
from tests.models.test_reference import perturbed

SMALL = {"input_size": 64, "width": 0.125, "geometry": "aligned"}

SWITCHES = [
    {"global_feature": "stem"},
    {"global_feature": "unpooled"},
    {"global_feature": "fused_at_5"},
    {"global_feature": "stem", "whole_head_global": False},
    {"global_feature": "unpooled", "whole_head_global": False},
    {"l2_axis": "map"},
    {"l2_axis": "spatial"},
    {"source_gate": "scalar"},
    {"source_gate": "shared"},
    {"cell_state": "gated_sum"},
    {"cell_state": "zero"},
    {"peepholes": True},
    {"peepholes": True, "cell_state": "gated_sum"},
    {"peepholes": True, "bilstm": "plain"},
    {"region_order": "height"},
    {"whole_head_global": False},
    {"refine_attention": False},
    {"geometry": "jaa"},
]


def small_network(*, kind_of_data: Literal["au", "grade"] = "grade", **changes: object) -> ALGRNet:
    torch.manual_seed(0)
    config = ModelConfig(**{**SMALL, **changes})  # type: ignore[arg-type]
    regions = au_regions() if kind_of_data == "au" else grade_regions()
    model = build_model(config, kind=kind_of_data, regions=regions)
    assert isinstance(model, ALGRNet)
    return model


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
def test_every_parameter_of_every_alternative_is_trained(changes: dict[str, object]) -> None:
    model = facing(small_network(**changes))

    output = model(torch.randn(4, 3, 64, 64))

    assert missing_gradients(model, output.grade_log_BK[:, 1].sum()) == set()


@pytest.mark.parametrize("changes", SWITCHES, ids=str)
def test_every_alternative_computes_something_else(changes: dict[str, object]) -> None:
    usual = perturbed(facing(small_network(kind_of_data="au")), seed=0)
    other = perturbed(small_network(kind_of_data="au", **changes), seed=0)
    same_weights = {
        name: weight
        for name, weight in usual.state_dict().items()
        if name in other.state_dict() and other.state_dict()[name].shape == weight.shape
    }
    other.load_state_dict(same_weights, strict=False)
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)

    difference = usual(images).au_probability_BA() - other(images).au_probability_BA()

    assert difference.abs().max() > 1e-6


@pytest.mark.parametrize(
    ("form", "region", "whole"),
    [
        ("upsampled", (64, 64), (160, 5)),
        ("stem", (64, 64), (64, 44)),
        ("unpooled", (64, 64), (160, 44)),
        ("fused_at_5", (160, 160), (160, 5)),
    ],
)
def test_the_fusion_takes_the_global_feature_at_the_chosen_place(
    form: str, region: tuple[int, int], whole: tuple[int, int]
) -> None:
    model = with_meta(ModelConfig(global_feature=form), "au", au_regions())  # type: ignore[arg-type]

    channels, outputs = region
    global_channels, _ = whole
    assert model.fusion.from_region.in_channels == 12 * channels
    assert model.fusion.from_region.out_channels == 12 * 2 * outputs
    assert model.fusion.from_global.in_channels == global_channels
    assert (model.fusion.upsample_PQ is None) == (form != "upsampled")


def test_an_unpooled_global_feature_costs_what_its_resolution_demands() -> None:
    model = with_meta(ModelConfig(global_feature="unpooled"), "au", au_regions())
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        (feature,) = model.global_feature([torch.empty(1, 64, 44, 44)])

    assert feature.shape == (1, 160, 44, 44)
    assert counter.get_total_flops() / 1e9 == pytest.approx(3.14, abs=0.005)


def test_a_global_feature_that_nothing_takes_is_not_built() -> None:
    unused = [
        small_network(global_feature="stem", whole_head_global=False),
        small_network(fusion=False, whole_head_global=False),
        small_network(kind="jaanet", whole_head_global=False),
    ]

    assert [model.global_feature for model in unused] == [None, None, None]
    assert small_network(global_feature="stem").global_feature is not None


def test_peepholes_are_a_weight_per_channel_and_pixel_and_start_at_zero() -> None:
    plain = with_meta(ModelConfig(), "au", au_regions())
    peeping = with_meta(ModelConfig(peepholes=True), "au", au_regions())

    # Two directions, three gates, 64 channels of 44 x 44 pixels.
    assert num_parameters(peeping) - num_parameters(plain) == 2 * 3 * 64 * 44 * 44
    assert small_network(peepholes=True).relation.peepholes.weight.abs().max() == 0


def test_peepholes_at_zero_change_nothing() -> None:
    images = torch.randn(2, 3, 64, 64)
    peeping = small_network(peepholes=True).eval()
    plain = small_network().eval()
    plain.load_state_dict(peeping.state_dict(), strict=False)

    torch.testing.assert_close(
        peeping(images).grade_log_BK, plain(images).grade_log_BK, rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"fusion": False, "global_feature": "stem", "l2_axis": "map"},
        {"bilstm": "none", "peepholes": True, "cell_state": "gated_sum"},
        {"kind": "jaanet", "cell_state": "gated_sum", "global_feature": "unpooled"},
    ],
)
def test_switches_of_a_part_that_is_off_are_not_looked_at(changes: dict[str, object]) -> None:
    off = {key: changes[key] for key in ("kind", "fusion", "bilstm") if key in changes}

    with_switches, without = small_network(**changes), small_network(**off)

    assert list(with_switches.state_dict()) == list(without.state_dict())
    images = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(
        with_switches(images).grade_log_BK, without(images).grade_log_BK, rtol=0, atol=0
    )


def test_five_dimensional_parameters_do_not_hinder_channels_last() -> None:
    model = small_network(peepholes=True)

    assert model.to(memory_format=torch.channels_last) is model
