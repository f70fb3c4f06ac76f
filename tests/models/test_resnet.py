import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from algr.models.resnet import ConvNorm, ResidualBlock, ResNetEncoder
from tests.models.reference_axial import conv_norm
from tests.models.test_build import num_parameters
from tests.models.test_forms import assert_same, drawn
from tests.models.test_reference import perturbed


def encoder_of(layers: int, *, width: float = 1.0) -> ResNetEncoder:
    if layers == 18:
        return ResNetEncoder.of_18_layers(width=width)
    return ResNetEncoder.of_50_layers(width=width)


@pytest.mark.parametrize(("layers", "with_classifier"), [(18, 11_689_512), (50, 25_557_032)])
def test_with_a_thousand_classes_it_has_as_many_parameters_as_torchvisions(
    layers: int, with_classifier: int
) -> None:
    with torch.device("meta"):
        encoder = encoder_of(layers)

    assert num_parameters(encoder) + (encoder.features + 1) * 1000 == with_classifier


@pytest.mark.parametrize(("layers", "features", "gflop"), [(18, 512, 2.34), (50, 2048, 5.21)])
def test_it_costs_what_the_paper_compares_with(layers: int, features: int, gflop: float) -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        feature = encoder_of(layers).eval()(torch.empty(1, 3, 176, 176))

    assert feature.shape == (1, features)
    assert counter.get_total_flops() / 1e9 == pytest.approx(gflop, abs=0.005)


def test_the_resolution_is_halved_five_times() -> None:
    with torch.device("meta"):
        encoder = encoder_of(50)
        x = functional.max_pool2d(encoder.stem(torch.empty(1, 3, 176, 176)), 3, 2, 1)
        shapes = []
        for block in encoder.blocks:
            x = block(x)
            shapes.append((x.shape[1], x.shape[2]))

    stages = [(256, 44)] * 3 + [(512, 22)] * 4 + [(1024, 11)] * 6 + [(2048, 6)] * 3
    assert shapes == stages


def test_the_stride_lies_on_the_convolution_of_three_by_three() -> None:
    block = ResidualBlock(inputs=8, channels=4, stride=2, bottleneck=True)

    kernels = [(layer.conv.kernel_size, layer.conv.stride) for layer in block.layers]

    assert kernels == [((1, 1), (1, 1)), ((3, 3), (2, 2)), ((1, 1), (1, 1))]


def plain_block(block: ResidualBlock, x: Tensor) -> Tensor:
    layers: list[ConvNorm] = list(block.layers)  # type: ignore[arg-type]
    out = x
    for index, layer in enumerate(layers):
        out = conv_norm(layer, out)
        if index < len(layers) - 1:
            out = out.clamp_min(0)
    shortcut = x if block.projection is None else conv_norm(block.projection, x)
    return (out + shortcut).clamp_min(0)


@pytest.mark.parametrize("bottleneck", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("inputs", [4, 16])
def test_a_block_adds_its_input_to_what_its_convolutions_make_of_it(
    bottleneck: bool, stride: int, inputs: int
) -> None:
    block = ResidualBlock(inputs=inputs, channels=4, stride=stride, bottleneck=bottleneck)
    perturbed(block, seed=0)
    x = drawn(2, inputs, 6, 6, seed=1)

    assert_same([block(x)], [plain_block(block, x)], [x], block)


@pytest.mark.parametrize("layers", [18, 50])
def test_a_narrow_encoder_is_the_plain_one_and_small(layers: int) -> None:
    torch.manual_seed(0)
    encoder = encoder_of(layers, width=0.125)
    perturbed(encoder, seed=0)
    images = drawn(2, 3, 64, 64, seed=1)

    x = functional.relu(conv_norm(encoder.stem, images))
    x = functional.max_pool2d(x, 3, stride=2, padding=1)
    for block in encoder.blocks:
        x = plain_block(block, x)  # type: ignore[arg-type]

    assert num_parameters(encoder) < 400_000
    torch.testing.assert_close(encoder(images), x.mean((2, 3)), rtol=1e-8, atol=1e-8)
