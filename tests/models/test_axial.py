import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from algr.models.axial import AxialBlock, AxialEncoder, GatedAxialAttention
from tests.models import reference_axial
from tests.models.test_build import num_parameters
from tests.models.test_forms import assert_same, drawn
from tests.models.test_reference import perturbed


@settings(max_examples=5, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    lines=st.integers(2, 3),
    length=st.integers(1, 3),
    channels=st.sampled_from([16, 32]),
    training=st.booleans(),
)
def test_attention_is_that_of_loops_over_heads_and_pixels(
    seed: int, lines: int, length: int, channels: int, training: bool
) -> None:
    module = GatedAxialAttention(channels=channels, length=length)
    perturbed(module, seed=seed).train(training).requires_grad_()
    x = drawn(lines, channels, length, seed=seed)

    plain = reference_axial.attention(module, x)

    assert_same([module(x)], [plain], [x], module)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_attends_along_columns_then_rows_then_halves(stride: int) -> None:
    module = AxialBlock(inputs=8, channels=16, side=2, stride=stride)
    perturbed(module, seed=0).requires_grad_()
    x = drawn(2, 8, 2, 2, seed=1)

    plain = reference_axial.block(module, x)

    assert plain.shape == (2, 32, 2 // stride, 2 // stride)
    assert_same([module(x)], [plain], [x], module)


def test_the_encoder_is_its_stem_and_its_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algr.models.axial.STAGES", ((16, 1), (16, 2)))
    torch.manual_seed(0)
    module = AxialEncoder(input_size=8, width=0.125)
    perturbed(module, seed=0)
    images = drawn(2, 3, 8, 8, seed=2)

    with torch.no_grad():
        fast, plain = module(images), reference_axial.encoder(module, images)

    assert fast.shape == (2, 32)
    torch.testing.assert_close(fast, plain, rtol=1e-8, atol=1e-8)


def test_the_encoder_has_the_size_of_the_original() -> None:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        encoder = AxialEncoder(input_size=176, width=1.0).eval()
        feature = encoder(torch.empty(1, 3, 176, 176))

    assert num_parameters(encoder) == 349_104
    assert feature.shape == (1, 256)
    assert counter.get_total_flops() / 1e9 == pytest.approx(1.30, abs=0.005)


def test_tables_of_positions_follow_the_input_size() -> None:
    with torch.device("meta"):
        encoder = AxialEncoder(input_size=176, width=1.0)

    lengths = [block.columns.length for block in encoder.blocks]
    assert lengths == [88, 88, 44, 44, 22, 22, 22, 22]
    assert encoder.blocks[0].columns.positions.shape == (4, 175)
    assert [block.stride for block in encoder.blocks] == [1, 2, 1, 2, 1, 1, 1, 2]


def test_gates_are_frozen_for_ten_epochs() -> None:
    encoder = AxialEncoder(input_size=64, width=0.125)
    gates = [block.columns.gates for block in encoder.blocks]
    gates += [block.rows.gates for block in encoder.blocks]

    assert gates[0].tolist() == pytest.approx([0.1, 0.1, 0.1, 1.0])
    assert not any(gate.requires_grad for gate in gates)
    states = []
    for epoch in (9, 10, 12, 3):
        encoder.start_epoch(epoch)
        states.append({gate.requires_grad for gate in gates})
    assert states == [{False}, {True}, {True}, {False}]
