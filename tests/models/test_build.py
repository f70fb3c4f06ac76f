import pytest
import torch
from torch import Tensor, nn

from algr.config import Config, ModelConfig, TrainConfig, resolve_config
from algr.errors import ConfigError
from algr.models import RegionTable, build_model, parameter_groups, regions_for, start_at_face
from algr.models.algrnet import ALGRNet
from algr.models.widths import Widths, scaled
from tests.models.faces import frontal_face
from tests.models.test_rules import BP4D, DISFA

GFT = tuple(f"AU{n}" for n in (1, 2, 4, 6, 10, 12, 14, 15, 23, 24))
TINY = ModelConfig(input_size=96, width=0.25, geometry="aligned")


def au_regions(names: tuple[str, ...] = BP4D) -> RegionTable:
    return regions_for(kind="au", label_names=names, palsy_regions="single12")


def grade_regions() -> RegionTable:
    return regions_for(kind="grade", label_names=(), palsy_regions="single12")


def num_parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def with_meta(config: ModelConfig, kind: str, regions: RegionTable) -> nn.Module:
    """Built without memory: only shapes matter."""
    with torch.device("meta"):
        return build_model(config, kind=kind, regions=regions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("names", "expected"), [(BP4D, 30_381_666), (DISFA, 25_642_562), (GFT, 28_012_114)]
)
def test_algrnet_has_the_specified_number_of_parameters(
    names: tuple[str, ...], expected: int
) -> None:
    assert num_parameters(with_meta(ModelConfig(), "au", au_regions(names))) == expected


def test_palsy_network_has_the_specified_number_of_parameters() -> None:
    assert num_parameters(with_meta(ModelConfig(), "grade", grade_regions())) == 27_297_078


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"kind": "jaanet"}, 25_237_182),
        ({"adaptive": False}, 26_266_174),
        ({"adaptive": False, "fusion": False}, 25_919_038),
        ({"adaptive": False, "bilstm": "plain"}, 26_174_654),
        ({"adaptive": False, "bilstm": "none"}, 25_584_318),
        ({"adaptive": False, "bilstm": "none", "fusion": False}, 25_237_182),
    ],
)
def test_ablations_have_the_specified_number_of_parameters(
    changes: dict[str, object], expected: int
) -> None:
    config = ModelConfig(**changes)  # type: ignore[arg-type]

    assert num_parameters(with_meta(config, "au", au_regions())) == expected


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("stem", 1_615_392),
        ("align", 813_312),
        ("landmark_head", 2_098_786),
        ("region_heads", 4_115_492),
        ("refinement", 905_484),
        ("relation", 681_856),
        ("global_feature", 813_312),
        ("fusion", 347_136),
        ("refining", 9_759_744),
        ("local_heads", 3_074_328),
        ("whole_head", 6_156_824),
    ],
)
def test_each_part_has_the_specified_number_of_parameters(part: str, expected: int) -> None:
    model = with_meta(ModelConfig(), "au", au_regions())

    assert num_parameters(getattr(model, part)) == expected


def test_widths_are_multiples_of_four_and_heads_at_least_sixteen() -> None:
    assert Widths.of(1.0) == Widths(
        stem=(32, 64), blocks=(96, 128, 160), attention=64, head=512, local_head=64
    )
    assert Widths.of(0.25) == Widths(
        stem=(8, 16), blocks=(24, 32, 40), attention=16, head=128, local_head=16
    )
    assert Widths.of(0.125).local_head == 16
    assert [scaled(32, width) for width in (0.125, 0.18, 0.2, 1.06, 2)] == [4, 4, 8, 32, 64]


@pytest.mark.parametrize(
    ("size", "width", "side"), [(96, 0.25, 24), (64, 0.125, 16), (176, 0.25, 44), (208, 0.125, 52)]
)
def test_network_runs_at_every_size(size: int, width: float, side: int) -> None:
    torch.manual_seed(0)
    config = ModelConfig(input_size=size, width=width)
    model = build_model(config, kind="au", regions=au_regions())

    output = model(torch.randn(2, 3, size, size))

    assert output.landmarks_BL2.shape == (2, 49, 2)
    assert output.attention_BAHW.shape == (2, 12, side, side)
    assert output.offsets_BA2.shape == (2, 12, 2)
    assert output.scales_BA.shape == (2, 12)
    assert output.local_log_B2A.shape == output.whole_log_B2A.shape == (2, 2, 12)
    assert output.grade_log_BK is None


@pytest.mark.slow
def test_network_runs_as_in_the_paper() -> None:
    torch.manual_seed(0)
    model = build_model(ModelConfig(), kind="grade", regions=grade_regions()).eval()

    with torch.no_grad():
        output = model(torch.randn(1, 3, 176, 176))

    assert output.attention_BAHW.shape == (1, 12, 44, 44)
    assert output.grade_probability_BK().sum().item() == pytest.approx(1)
    assert output.local_log_B2A is None


def test_probabilities_are_the_mean_of_both_heads() -> None:
    torch.manual_seed(0)
    model = build_model(TINY, kind="au", regions=au_regions()).eval()

    output = model(torch.randn(2, 3, 96, 96))

    expected = (output.local_log_B2A[:, 1].exp() + output.whole_log_B2A[:, 1].exp()) / 2
    torch.testing.assert_close(output.au_probability_BA(), expected)
    torch.testing.assert_close(output.local_log_B2A.exp().sum(1), torch.ones(2, 12))


def test_jaanet_has_neither_adaptive_regions_nor_relation_nor_fusion() -> None:
    model = with_meta(ModelConfig(kind="jaanet"), "au", au_regions())

    assert isinstance(model, ALGRNet)
    assert (model.region_heads, model.relation, model.fusion) == (None, None, None)
    assert model.attention.rounding


def test_a_gated_cell_state_needs_gates() -> None:
    config = ModelConfig(bilstm="plain", cell_state="gated_sum")

    with pytest.raises(ConfigError, match=r"model\.cell_state: gated_sum needs the gates"):
        with_meta(config, "au", au_regions())


def test_relation_starts_with_zero_biases_and_default_weights() -> None:
    torch.manual_seed(0)
    model = build_model(TINY, kind="grade", regions=grade_regions())

    relation = model.relation
    bound = (2 * 16 * 9) ** -0.5
    assert relation.bias.abs().max() == 0
    assert relation.gates.bias.abs().max() == 0
    assert bound * 0.99 < relation.input_weight.abs().max() <= bound
    assert bound * 0.99 < relation.hidden_weight.abs().max() <= bound


def test_the_same_seed_gives_the_same_network() -> None:
    torch.manual_seed(3)
    first = build_model(TINY, kind="au", regions=au_regions())
    torch.manual_seed(3)
    second = build_model(TINY, kind="au", regions=au_regions())

    images = torch.randn(2, 3, 96, 96)
    torch.testing.assert_close(first(images), second(images), rtol=0, atol=0)


def test_landmarks_can_begin_at_a_face() -> None:
    torch.manual_seed(0)
    model = build_model(TINY, kind="grade", regions=grade_regions())
    start_at_face(model, frontal_face())

    output = model(torch.randn(4, 3, 96, 96))

    distance_px = (output.landmarks_BL2 - frontal_face().float()).norm(dim=2)
    assert distance_px.max() < 5


def test_offset_and_scale_heads_learn_more_slowly() -> None:
    model = with_meta(TINY, "grade", grade_regions())
    assert isinstance(model, ALGRNet)

    usual, slow = parameter_groups(model, train=TrainConfig(learning_rate=0.02))

    assert (usual["lr"], usual["lr_factor"]) == (0.02, 1.0)
    assert (slow["lr"], slow["lr_factor"]) == (pytest.approx(0.002), 0.1)
    assert {id(p) for p in slow["params"]} == {id(p) for p in model.region_heads.parameters()}  # type: ignore[union-attr]
    assert len(usual["params"]) + len(slow["params"]) == len(list(model.parameters()))


def test_a_network_without_slow_heads_has_one_group() -> None:
    model = with_meta(ModelConfig(kind="jaanet", width=0.25), "grade", grade_regions())

    (only,) = parameter_groups(model, train=TrainConfig())

    assert len(only["params"]) == len(list(model.parameters()))


def missing_gradients(model: nn.Module, loss: Tensor) -> set[str]:
    """First names of the parameters that the loss does not reach."""
    loss.backward()
    return {
        name.split(".")[0]
        for name, parameter in model.named_parameters()
        if parameter.grad is None or not bool(parameter.grad.abs().sum() > 0)
    }


def facing(model: nn.Module) -> nn.Module:
    """With landmarks of a face, and offset and scale heads that pass a gradient on."""
    start_at_face(model, frontal_face())
    with torch.no_grad():
        for head in (model.region_heads.offset, model.region_heads.scale):
            head.last.weight.normal_(std=0.01)
    return model


def test_the_grade_reaches_every_parameter() -> None:
    torch.manual_seed(0)
    model = facing(build_model(TINY, kind="grade", regions=grade_regions()))

    output = model(torch.randn(4, 3, 96, 96))

    assert missing_gradients(model, output.grade_log_BK[:, 1].sum()) == set()


def test_the_whole_face_head_does_not_train_the_regions_of_action_units() -> None:
    torch.manual_seed(0)
    model = facing(build_model(TINY, kind="au", regions=au_regions()))

    output = model(torch.randn(4, 3, 96, 96))

    assert missing_gradients(model, output.whole_log_B2A[:, 1].sum()) == {
        *("landmark_head", "region_heads", "refinement", "relation"),
        *("fusion", "refining", "local_heads"),
    }


def test_the_local_heads_train_the_regions_but_not_the_landmarks() -> None:
    torch.manual_seed(0)
    model = facing(build_model(TINY, kind="au", regions=au_regions()))

    output = model(torch.randn(4, 3, 96, 96))

    missing = missing_gradients(model, output.local_log_B2A[:, 1].sum())
    assert missing == {"landmark_head", "whole_head"}


def test_half_precision_leaves_landmarks_and_probabilities_in_single() -> None:
    torch.manual_seed(0)
    model = build_model(TINY, kind="au", regions=au_regions())

    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(torch.randn(2, 3, 96, 96))
    output.whole_log_B2A.sum().backward()

    assert output.landmarks_BL2.dtype == torch.float32
    assert output.local_log_B2A.dtype == output.whole_log_B2A.dtype == torch.float32
    assert output.scales_BA.dtype == torch.float32


def test_the_presets_can_be_built() -> None:
    presets = [Config(), resolve_config(preset="tiny").config]

    built = [with_meta(preset.model, "grade", grade_regions()) for preset in presets]

    assert [num_parameters(model) for model in built] == [27_297_078, 1_242_702]
