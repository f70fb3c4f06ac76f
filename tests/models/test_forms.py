"""Each module against its plain reference over many shapes, in float64: outputs and gradients."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from algr.models.fusion import GatedFusion
from algr.models.heads import LocalHeads, TwoLinear
from algr.models.regions import RegionHeads
from algr.models.relation import Peepholes, SkipBiLSTM, SkipGates
from algr.models.stacks import AttentionRefinement, FeatureExtractor
from algr.models.stem import PatchConv, Stem
from tests.models import reference
from tests.models.test_reference import gradients, perturbed

SEEDS = st.integers(0, 2**31)
BATCHES = st.integers(2, 4)
REGIONS = st.integers(1, 5)
CHANNELS = st.integers(1, 5)
FORMS = st.sampled_from(["looped", "grouped"])
some_examples = settings(max_examples=12, deadline=None)


@contextmanager
def running(form: str) -> Iterator[None]:
    """As on accelerators ("grouped") or as on CPUs ("looped")."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("stacks", "fusion", "relation"):
            patch.setattr(f"algr.models.{module}.runs_grouped", lambda x: form == "grouped")
        yield


def drawn(*shape: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()


def assert_same(
    fast: list[Tensor], plain: list[Tensor], inputs: list[Tensor], module: nn.Module
) -> None:
    inputs = [*inputs, *module.parameters()]
    torch.testing.assert_close(fast, plain, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(
        gradients(fast, inputs), gradients(plain, inputs), rtol=1e-6, atol=1e-7
    )


@some_examples
@given(seed=SEEDS, batch=BATCHES, patches=st.integers(1, 4), side=st.integers(2, 4))
def test_patches_have_weights_and_padding_of_their_own(
    seed: int, batch: int, patches: int, side: int
) -> None:
    module = perturbed(PatchConv(patches=patches, inputs=3, outputs=2), seed=seed)
    image = drawn(batch, 3, patches * side, patches * (side + 1), seed=seed)

    plain = reference.patch_conv(module, image)  # type: ignore[arg-type]

    assert_same([module(image)], [plain], [image], module)


@settings(max_examples=4, deadline=None)
@given(
    seed=SEEDS,
    batch=BATCHES,
    side=st.sampled_from([32, 48]),
    channels=st.sampled_from([(4, 4), (4, 8), (8, 4)]),
)
def test_stem_is_the_official_one(
    seed: int, batch: int, side: int, channels: tuple[int, int]
) -> None:
    module = perturbed(Stem(channels=channels), seed=seed)
    images = drawn(batch, 3, side, side, seed=seed)

    plain = reference.stem(module, images)  # type: ignore[arg-type]

    assert_same([module(images)], [plain], [images], module)


@some_examples
@given(
    seed=SEEDS,
    batch=BATCHES,
    regions=REGIONS,
    inputs=CHANNELS,
    blocks=st.tuples(CHANNELS, CHANNELS, CHANNELS),
    side=st.integers(8, 17),
    pooled=st.booleans(),
    training=st.booleans(),
    form=FORMS,
)
def test_feature_extractors_of_all_regions_are_those_of_each(
    seed: int,
    batch: int,
    regions: int,
    inputs: int,
    blocks: tuple[int, int, int],
    side: int,
    pooled: bool,
    training: bool,
    form: str,
) -> None:
    module = FeatureExtractor(inputs=inputs, blocks=blocks, regions=regions, pooled=pooled)
    perturbed(module, seed=seed).train(training)
    given_ = [drawn(batch, inputs, side, side, seed=seed + t) for t in range(regions)]

    plain = [reference.features(module, x, t) for t, x in enumerate(given_)]
    with running(form):
        fast = module(given_)

    cells = side // 8 if pooled else side
    assert fast[0].shape == (batch, blocks[2], cells, cells)
    assert_same(fast, plain, given_, module)


@some_examples
@given(
    seed=SEEDS,
    batch=BATCHES,
    regions=REGIONS,
    channels=CHANNELS,
    side=st.integers(9, 14),
    training=st.booleans(),
    form=FORMS,
)
def test_attention_is_refined_region_by_region(
    seed: int, batch: int, regions: int, channels: int, side: int, training: bool, form: str
) -> None:
    module = AttentionRefinement(regions=regions, channels=channels)
    perturbed(module, seed=seed).train(training)
    maps = drawn(batch, regions, side, side, seed=seed)

    plain = reference.refinement(module, maps)
    with running(form):
        fast = module(maps)

    assert fast.shape == (batch, regions, side - 8, side - 8)
    assert_same([fast], [plain], [maps], module)


def related(
    data: st.DataObject, *, peepholes: bool
) -> tuple[SkipBiLSTM, Tensor, Tensor, list[Tensor]]:
    """A relation of any shape and form, its inputs, and the printed equations' outputs."""
    regions, channels = data.draw(REGIONS), data.draw(st.integers(1, 4))
    form = data.draw(st.sampled_from(["vector", "scalar", "shared", "plain"]))
    states = ["neighbour", "zero"] if form == "plain" else ["neighbour", "zero", "gated_sum"]
    rows = data.draw(st.integers(1, 6))
    columns = rows if peepholes else data.draw(st.integers(1, 6))
    seed = data.draw(SEEDS)
    values: dict[str, Any] = {
        "gates": None
        if form == "plain"
        else SkipGates(regions=regions, channels=channels, form=form),  # type: ignore[arg-type]
        "peepholes": Peepholes(channels=channels, side=rows) if peepholes else None,
        "cell_state": data.draw(st.sampled_from(states)),
        "order": tuple(data.draw(st.permutations(range(regions)))),
    }
    module = SkipBiLSTM(regions=regions, channels=channels, **values)
    perturbed(module, seed=seed)
    batch = data.draw(st.integers(1, 3))
    feature = drawn(batch, channels, rows, columns, seed=seed)
    attention = drawn(batch, regions, rows, columns, seed=seed + 1)
    plain = [
        region.flatten(2).transpose(1, 2)
        for region in reference.relation(module, feature, attention)
    ]
    return module, feature, attention, plain


@settings(max_examples=30, deadline=None)
@given(data=st.data(), form=FORMS)
def test_relation_is_that_of_the_printed_equations(data: st.DataObject, form: str) -> None:
    module, feature, attention, plain = related(data, peepholes=False)

    with running(form):
        fast = module(feature, attention)

    assert_same(fast, plain, [feature, attention], module)


@some_examples
@given(data=st.data(), form=FORMS)
def test_relation_with_peepholes_is_that_of_the_printed_equations(
    data: st.DataObject, form: str
) -> None:
    module, feature, attention, plain = related(data, peepholes=True)

    with running(form):
        fast = module(feature, attention)

    assert_same(fast, plain, [feature, attention], module)


@pytest.mark.parametrize("form", ["vector", "scalar", "shared", None])
def test_hand_written_gradient_agrees_with_finite_differences(form: str | None) -> None:
    torch.manual_seed(0)
    gates = None if form is None else SkipGates(regions=3, channels=2, form=form)  # type: ignore[arg-type]
    module = SkipBiLSTM(regions=3, channels=2, gates=gates, cell_state="neighbour", order=(1, 0, 2))
    perturbed(module, seed=0)
    names = [name for name, _ in module.named_parameters()]

    def output(feature: Tensor, attention: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        given_ = dict(zip(names, parameters, strict=True))
        return tuple(torch.func.functional_call(module, given_, (feature, attention)))

    inputs = (drawn(2, 2, 3, 2, seed=1), drawn(2, 3, 3, 2, seed=2), *module.parameters())
    assert torch.autograd.gradcheck(output, inputs, fast_mode=True)


@some_examples
@given(
    seed=SEEDS,
    batch=BATCHES,
    regions=REGIONS,
    channels=st.integers(2, 4),
    global_channels=CHANNELS,
    sides=st.tuples(st.integers(2, 4), st.integers(4, 9)),
    same_side=st.booleans(),
    l2_axis=st.sampled_from(["channel", "map", "spatial"]),
    form=FORMS,
)
def test_fusion_is_that_of_the_printed_equations(
    seed: int,
    batch: int,
    regions: int,
    channels: int,
    global_channels: int,
    sides: tuple[int, int],
    same_side: bool,
    l2_axis: str,
    form: str,
) -> None:
    side = sides[1]
    global_side = side if same_side else sides[0]
    module = GatedFusion(
        regions=regions,
        channels=channels,
        global_channels=global_channels,
        global_side=global_side,
        side=side,
        l2_axis=l2_axis,  # type: ignore[arg-type]
    ).double()
    own = [drawn(batch, channels, side, side, seed=seed + t) for t in range(regions)]
    common = drawn(batch, global_channels, global_side, global_side, seed=seed + 9)

    plain = [x.flatten(2).transpose(1, 2) for x in reference.fusion(module, own, common)]
    with running(form):
        fast = module([x.flatten(2).transpose(1, 2) for x in own], common.flatten(2))

    assert_same(fast, plain, [*own, common], module)


@some_examples
@given(seed=SEEDS, batch=st.integers(1, 4), regions=REGIONS, features=CHANNELS, hidden=CHANNELS)
def test_heads_are_two_products_each(
    seed: int, batch: int, regions: int, features: int, hidden: int
) -> None:
    common = perturbed(TwoLinear(features, hidden, regions), seed=seed)
    local = perturbed(LocalHeads(regions=regions, features=features, hidden=hidden), seed=seed)
    flat = [drawn(batch, features, seed=seed + t) for t in range(regions)]

    of_common = reference.two_linear(common, flat[0])  # type: ignore[arg-type]
    of_local = reference.local_heads(local, flat)  # type: ignore[arg-type]

    assert_same([common(flat[0])], [of_common], [flat[0]], common)
    assert_same([local(torch.stack(flat, 1))], [of_local], flat, local)


@some_examples
@given(
    seed=SEEDS,
    batch=st.integers(1, 3),
    regions=REGIONS,
    scale=st.floats(0.05, 0.4),
    bound=st.floats(0, 1),
)
def test_offsets_and_scales_are_bounded_as_specified(
    seed: int, batch: int, regions: int, scale: float, bound: float
) -> None:
    module = RegionHeads(
        features=3, hidden=4, regions=regions, region_scale=scale, offset_bound=bound
    )
    perturbed(module, seed=seed)
    aligned = drawn(batch, 3, seed=seed)

    of_offset = reference.two_linear(module.offset, aligned)
    of_scale = reference.two_linear(module.scale, aligned)
    pairs = [of_offset[:, 2 * t : 2 * t + 2] for t in range(regions)]
    plain = [torch.stack([bound * torch.tanh(x) for x in pairs], 1), scale * 2 ** of_scale.tanh()]

    assert_same(list(module(aligned)), plain, [aligned], module)
