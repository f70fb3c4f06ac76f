import pytest
import torch

from algr.config import Config, ModelConfig, with_values
from algr.models import ABLATIONS, build_model
from algr.models.algrnet import ALGRNet
from tests.models.test_build import au_regions, grade_regions, num_parameters, with_meta

TITLES = ["w/o full", "w/o F&R", "w/o S-B", "w/Bi", "w/o Ada", "ALGRNet"]
PARTS = {
    # adaptive regions, relation, gates, fusion, rounding
    "w/o full": (False, False, False, False, True),
    "w/o F&R": (False, True, True, False, True),
    "w/o S-B": (False, False, False, True, True),
    "w/Bi": (False, True, False, True, True),
    "w/o Ada": (False, True, True, True, True),
    "ALGRNet": (True, True, True, True, False),
}
BASE = Config(model=ModelConfig(input_size=96, width=0.25))


def parts(model: ALGRNet) -> tuple[bool, bool, bool, bool, bool]:
    relation = model.relation
    return (
        model.region_heads is not None,
        relation is not None,
        relation is not None and relation.gates is not None,
        model.fusion is not None,
        model.attention.rounding,
    )


def test_rows_are_those_of_the_paper_in_its_order() -> None:
    assert [ablation.title for ablation in ABLATIONS] == TITLES
    assert len({ablation.name for ablation in ABLATIONS}) == len(TITLES)


@pytest.mark.parametrize("title", TITLES)
@pytest.mark.parametrize("kind", ["au", "grade"])
def test_a_row_builds_the_parts_that_the_paper_names(title: str, kind: str) -> None:
    (chosen,) = (ablation for ablation in ABLATIONS if ablation.title == title)
    config = with_values(BASE, dict(chosen.values)).model
    regions = au_regions() if kind == "au" else grade_regions()

    model = with_meta(config, kind, regions)

    assert isinstance(model, ALGRNet)
    assert parts(model) == PARTS[title]
    assert model.refinement is not None
    assert len(model.refining.layers) == 6
    assert (model.local_heads is not None) == (kind == "au")


@pytest.mark.parametrize(
    ("title", "millions"),
    [
        ("w/o full", 25_237_182),
        ("w/o F&R", 25_919_038),
        ("w/o S-B", 25_584_318),
        ("w/Bi", 26_174_654),
        ("w/o Ada", 26_266_174),
        ("ALGRNet", 30_381_666),
    ],
)
def test_a_row_has_its_number_of_parameters(title: str, millions: int) -> None:
    (chosen,) = (ablation for ablation in ABLATIONS if ablation.title == title)

    config = with_values(Config(), dict(chosen.values)).model

    assert num_parameters(with_meta(config, "au", au_regions())) == millions


def test_without_everything_it_is_jaanet() -> None:
    (nothing,) = (ablation for ablation in ABLATIONS if ablation.title == "w/o full")
    small = {"model.input_size": 64, "model.width": 0.125}
    built = []
    for values in (dict(nothing.values), {"model.kind": "jaanet"}):
        torch.manual_seed(0)
        config = with_values(Config(), {**small, **values}).model
        built.append(build_model(config, kind="au", regions=au_regions()))
    images = torch.randn(2, 3, 64, 64)

    bare, jaanet = (model(images) for model in built)

    torch.testing.assert_close(bare, jaanet, rtol=0, atol=0)


@pytest.mark.parametrize("title", TITLES)
def test_rows_can_be_set_in_a_configuration_that_needs_every_part(title: str) -> None:
    (chosen,) = (ablation for ablation in ABLATIONS if ablation.title == title)
    demanding = with_values(
        BASE,
        {
            "model.cell_state": "gated_sum",
            "model.peepholes": True,
            "model.global_feature": "fused_at_5",
        },
    )

    config = with_values(demanding, dict(chosen.values)).model

    assert parts(with_meta(config, "au", au_regions())) == PARTS[title]  # type: ignore[arg-type]
