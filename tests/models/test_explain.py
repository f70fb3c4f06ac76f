"""Class activation maps against slow references, and where their cells lie."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from algr.config import ModelConfig
from algr.models import CellGrid, build_model, explain_network, on_crop, regions_for, start_at_face
from algr.models.algrnet import ALGRNet
from algr.models.resnet import ResNetEncoder
from algr.models.stacks import FeatureExtractor
from tests.models.faces import frontal_face
from tests.models.test_forms import running

UNITS = ("AU1", "AU12", "AU17")
STEP = 1e-4


def small_network(task: str, **switches: object) -> nn.Module:
    """64 pixels, 2 x 2 cells of 20 channels, in float64, not trained."""
    torch.manual_seed(0)
    config = ModelConfig(**{"input_size": 64, "width": 0.125, **switches})  # type: ignore[arg-type]
    regions = regions_for(kind=task, label_names=UNITS, palsy_regions="pairs6")
    network = build_model(config, kind=task, regions=regions)  # type: ignore[arg-type]
    start_at_face(network, frontal_face())
    return network.double().eval()


def images(count: int, *, size: int = 64) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, size, size, generator=generator, dtype=torch.float64)


def log_odds(probability: Tensor) -> Tensor:
    return probability.log() - (1 - probability).log()


def cells_of(outputs: list[Tensor], *, is_flat: bool) -> Tensor:
    """Outputs of the fusion (B, P, C) or of the refining (B, C, H, W) as (B, A, C, H, W)."""
    if not is_flat:
        return torch.stack(outputs, 1)
    side = round(outputs[0].shape[1] ** 0.5)
    return torch.stack([one.transpose(1, 2).unflatten(2, (side, side)) for one in outputs], 1)


def slow_maps(network: ALGRNet, image: Tensor, *, is_flat: bool, grade: int | None) -> Tensor:
    """ReLU(sum_c dy/dA_c A_c) per cell by whole forward passes, one value raised in each."""
    module = network.fusion if is_flat else network.refining
    kept: list[list[Tensor]] = []
    hook = module.register_forward_hook(lambda _m, _i, outputs: kept.append(outputs))
    network(image)
    hook.remove()
    (activation,) = cells_of(kept[0], is_flat=is_flat)
    num_regions, num_channels, height, width = activation.shape
    places = product(range(num_regions), range(num_channels), range(height), range(width))
    cases = list(product(places, (STEP, -STEP)))

    def raised(_module: nn.Module, _inputs: object, outputs: list[Tensor]) -> list[Tensor]:
        changed = [one.clone() for one in outputs]
        for index, ((region, channel, row, column), step) in enumerate(cases):
            place = (
                (index, row * width + column, channel) if is_flat else (index, channel, row, column)
            )
            changed[region][place] += step
        return changed

    hook = module.register_forward_hook(raised)
    with torch.no_grad():
        output = network(image.expand(len(cases), -1, -1, -1))
    hook.remove()
    maps = torch.zeros(num_regions, height, width, dtype=torch.float64)
    for index, ((region, channel, row, column), step) in enumerate(cases):
        if grade is None:
            odds = log_odds(output.local_probability_BA[index, region])
        else:
            odds = log_odds(output.grade_probability_BK()[index, grade])
        slope = odds / (2 * step)
        maps[region, row, column] += slope * activation[region, channel, row, column]
    return maps.relu()


@pytest.mark.parametrize("form", ["looped", "grouped"])
@pytest.mark.parametrize("global_feature", ["upsampled", "fused_at_5"])
@pytest.mark.parametrize(("task", "bilstm", "grade"), [("au", "skip", None), ("grade", "none", 2)])
def test_maps_of_regions_are_those_of_finite_differences(
    form: str, global_feature: str, task: str, bilstm: str, grade: int | None
) -> None:
    network = small_network(task, global_feature=global_feature, bilstm=bilstm)
    image = images(1)
    is_flat = global_feature == "fused_at_5"

    with running(form):
        found = explain_network(network, image, grade=grade).class_maps
        expected = slow_maps(network, image, is_flat=is_flat, grade=grade)

    assert expected.amax((1, 2)).count_nonzero() > 0
    restored = found.maps_BMHW * found.largest_BM[:, :, None, None]
    torch.testing.assert_close(restored[0], expected, rtol=1e-5, atol=1e-9)
    assert set(found.maps_BMHW.amax((2, 3)).flatten().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize("model_kind", ["resnet18", "transformer"])
def test_maps_of_the_whole_face_are_those_of_explicit_loops(model_kind: str) -> None:
    network = small_network("au", kind=model_kind)
    image = images(1)

    found = explain_network(network, image).class_maps

    feature = network.encoder.feature_map(image)[0].detach()
    weight = network.head.weight.detach().reshape(2, len(UNITS), -1)
    expected = torch.zeros(len(UNITS), *feature.shape[1:], dtype=torch.float64)
    for unit, channel in product(range(len(UNITS)), range(len(feature))):
        slope = (weight[1, unit, channel] - weight[0, unit, channel]) / feature[channel].numel()
        expected[unit] += slope * feature[channel]
    restored = found.maps_BMHW * found.largest_BM[:, :, None, None]
    torch.testing.assert_close(restored[0], expected.relu())


def test_images_of_a_batch_do_not_mix() -> None:
    network = small_network("grade")
    pair = images(2)

    both = explain_network(network, pair).class_maps
    second = explain_network(network, pair[1:]).class_maps

    torch.testing.assert_close(both.maps_BMHW[1], second.maps_BMHW[0])
    torch.testing.assert_close(both.largest_BM[1], second.largest_BM[0])


def test_maps_are_about_the_predicted_grade_unless_another_is_named() -> None:
    network = small_network("grade")
    image = images(1)
    predicted = int(network(image).grade_log_BK.argmax())

    usual = explain_network(network, image)
    named = explain_network(network, image, grade=predicted)
    other = explain_network(network, image, grade=(predicted + 1) % 4)

    assert usual.grade_B.tolist() == [predicted]
    torch.testing.assert_close(usual.class_maps.maps_BMHW, named.class_maps.maps_BMHW)
    assert not torch.allclose(usual.class_maps.largest_BM, other.class_maps.largest_BM)


def test_where_nothing_speaks_for_a_target_the_map_is_zero_and_has_no_peak() -> None:
    network = small_network("au")
    nn.init.zeros_(network.local_heads.last_weight)

    found = explain_network(network, images(1)).class_maps

    assert found.maps_BMHW.count_nonzero() == 0
    assert found.largest_BM.tolist() == [[0.0, 0.0, 0.0]]
    assert bool(found.peaks_px().isnan().all())


def test_a_network_is_left_as_it_was() -> None:
    network = small_network("grade").train()
    network.stem.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]

    explain_network(network, images(1))

    torch.testing.assert_close(dict(network.state_dict()), before, rtol=0, atol=0)
    assert [module.training for module in network.modules()] == modes
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks for module in network.modules())


def test_the_output_is_that_of_the_network() -> None:
    network = small_network("au")
    image = images(1)

    output = explain_network(network, image).output

    torch.testing.assert_close(output.au_probability_BA(), network(image).au_probability_BA())
    assert not output.local_log_B2A.requires_grad


def test_cells_that_cover_the_crop_are_interpolated_as_torch_does() -> None:
    maps = torch.rand(1, 2, 44, 44, dtype=torch.float64)
    grid = CellGrid.of_feature(side=44, stride=4, offset=1.5, input_size=176)

    expected = functional.interpolate(maps, size=(176, 176), mode="bilinear")

    torch.testing.assert_close(on_crop(maps, grid), expected)


def test_five_cells_leave_the_last_sixteen_pixels_to_the_outermost_ones() -> None:
    network = small_network("au", input_size=176)
    grid = explain_network(network, images(1, size=176)).class_maps.grid
    maps = torch.zeros(1, 1, 5, 5, dtype=torch.float64)
    maps[..., 4, 1] = 1

    on_pixels = on_crop(maps, grid)[0, 0]

    assert (grid.side, grid.first_px, grid.step_px) == (5, 15.5, 32.0)
    assert on_pixels[144:].amax(1).tolist() == pytest.approx([on_pixels.max().item()] * 32)
    assert on_pixels[-1].argmax().item() in (47, 48)
    torch.testing.assert_close(
        on_crop(torch.ones_like(maps), grid), torch.ones(1, 1, 176, 176).double()
    )


def test_a_smaller_input_covers_the_same_crop() -> None:
    grid = CellGrid.of_feature(side=3, stride=32, offset=15.5, input_size=96)

    maps = torch.rand(1, 1, 3, 3, dtype=torch.float64)

    expected = functional.interpolate(maps, size=(176, 176), mode="bilinear")
    torch.testing.assert_close(on_crop(maps, grid), expected)


def centre_of_sight(network: nn.Module, image: Tensor, cell: int) -> float:
    """Along x, of what a cell of the last feature sees, with equal weights and mean pooling."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
    image = image.requires_grad_()
    feature = network(image)
    feature = feature[0] if isinstance(feature, list) else feature
    (slope,) = torch.autograd.grad(feature[0, :, cell, cell].sum(), image)
    mass = slope[0].abs().sum((0, 1))
    return float((mass * torch.arange(len(mass))).sum() / mass.sum())


@pytest.fixture
def _mean_pooling(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of maxima, whose choice would depend on the picture; ceilings stay open."""

    def mean(x: Tensor, size: int, stride: int | None = None, padding: int = 0) -> Tensor:
        return functional.avg_pool2d(x, size, stride, padding)

    monkeypatch.setattr("algr.models.resnet.functional.max_pool2d", mean)


@pytest.mark.usefixtures("_mean_pooling")
def test_cells_of_a_residual_network_lie_on_every_32nd_pixel() -> None:
    torch.manual_seed(0)
    encoder = ResNetEncoder.of_18_layers(width=0.0625).double().eval()
    encoder.forward = encoder.feature_map  # type: ignore[method-assign]

    centre = centre_of_sight(encoder, torch.ones(1, 3, 704, 704).double(), 11)

    assert centre == pytest.approx(32 * 11, abs=0.5)


@pytest.mark.usefixtures("_mean_pooling")
def test_cells_of_a_feature_extractor_are_means_of_eight_by_eight() -> None:
    torch.manual_seed(0)
    extractor = FeatureExtractor(inputs=1, blocks=(2, 2, 2)).double().eval()
    for layer in extractor.layers:
        nn.init.zeros_(layer.conv.bias)

    feature = torch.ones(1, 1, 44, 44).double().requires_grad_()
    centre = centre_of_sight(_OfOne(extractor), feature.detach(), 2)

    assert centre == pytest.approx(8 * 2 + 3.5, abs=1e-6)


class _OfOne(nn.Module):
    """An extractor called with its one region."""

    def __init__(self, extractor: FeatureExtractor) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, x: Tensor) -> list[Tensor]:
        return self.extractor([x])


def boxes(maps: Tensor) -> Tensor:
    """Left, top, right and bottom cell of what is not 0 in each map, (A, 4)."""
    found = []
    for one in maps:
        rows, columns = one.any(1).nonzero().flatten(), one.any(0).nonzero().flatten()
        found.append([columns[0], rows[0], columns[-1], rows[-1]])
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("geometry", ["jaa", "aligned"])
@pytest.mark.parametrize(("model_kind", "cells"), [("jaanet", 0.0), ("algrnet", 1.0)])
def test_windows_lie_where_the_maps_multiply_the_feature(
    geometry: str, model_kind: str, cells: float
) -> None:
    torch.manual_seed(0)
    config = ModelConfig(
        kind=model_kind, width=0.125, geometry=geometry, refine_attention=False, bilstm="none"
    )
    regions = regions_for(kind="grade", label_names=(), palsy_regions="single12")
    network = build_model(config, kind="grade", regions=regions).double().eval()
    start_at_face(network, frontal_face())
    nn.init.zeros_(network.landmark_head.last.weight)

    found = explain_network(network, images(1, size=176))

    seen = boxes(found.output.attention_BAHW[0])
    windows = found.places.windows_BAC4[0, :, 0].clamp(-0.5, 175.5)
    seen_px = torch.stack(
        (seen[:, 0] * 4, seen[:, 1] * 4, seen[:, 2] * 4 + 4, seen[:, 3] * 4 + 4), 1
    )
    assert (windows + 0.5 - seen_px).abs().max() <= 4 * cells + 1e-9


def test_offsets_move_centres_by_inner_eye_corner_distances() -> None:
    network = small_network("grade")
    with torch.no_grad():
        network.region_heads.offset.last.bias.normal_()
        network.region_heads.scale.last.bias.normal_()

    found = explain_network(network, images(1))

    output, places = found.output, found.places
    ruler = (output.landmarks_BL2[0, 22, 0] - output.landmarks_BL2[0, 25, 0]).abs()
    moved = places.moved_BAC2[0] - places.rule_BAC2[0]
    torch.testing.assert_close(moved, (output.offsets_BA2[0] * ruler)[:, None].expand_as(moved))
    torch.testing.assert_close(places.scale_factor_BA, output.scales_BA / 0.14)
