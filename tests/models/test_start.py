"""Which tensors of one network another one starts from.

Expected places are written by hand; networks are as small as can be.
"""

import pytest
import torch
from torch import Tensor, nn

from algr.config import ModelConfig
from algr.errors import ConfigError
from algr.faces import GRADES
from algr.models import (
    NetworkSpec,
    Start,
    StartReport,
    build_model,
    load_start,
    map_regions,
    regions_for,
)
from algr.models.official import OFFICIAL_LABELS

BP4D, DISFA = OFFICIAL_LABELS["bp4d"], OFFICIAL_LABELS["disfa"]
SMALL = {"input_size": 64, "width": 0.125, "geometry": "aligned"}
BP4D_OF_DISFA = (0, 1, 2, 3, None, 6, 10, 9)
"""By hand from the official fine-tuning: AU1 2 4 6, AU9 fresh, AU12, AU25 <- AU23, AU26 <- AU17."""


def spec_of(labels: tuple[str, ...] = BP4D, *, kind: str = "au", **switches: object) -> NetworkSpec:
    model = ModelConfig.model_validate({**SMALL, **switches})
    return NetworkSpec(kind=kind, label_names=labels, model=model)


def of_kind(kind: str, labels: tuple[str, ...] = DISFA) -> NetworkSpec:
    model = ModelConfig.model_validate({**SMALL, "kind": kind})
    return NetworkSpec(kind="au", label_names=labels, model=model)


def network(spec: NetworkSpec, *, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return build_model(spec.model, kind=spec.kind, regions=spec.regions)


def start_of(spec: NetworkSpec, *, seed: int = 1) -> Start:
    return Start(spec=spec, tensors=network(spec, seed=seed).state_dict())


class Loaded:
    """A network before and after it took a start."""

    def __init__(self, start: Start, spec: NetworkSpec) -> None:
        model = network(spec, seed=2)
        self.before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        self.report: StartReport = load_start(model, start, spec=spec)
        self.after = dict(model.state_dict())

    def is_fresh(self, name: str) -> bool:
        return torch.equal(self.before[name], self.after[name])


def part(tensor: Tensor, region: int, *, of: int) -> Tensor:
    return tensor.chunk(of)[region]


def regions(labels: tuple[str, ...]):
    return regions_for(kind="au", label_names=labels, palsy_regions="single12")


def test_disfa_takes_the_regions_of_bp4d_that_the_official_code_takes() -> None:
    mapping = map_regions(source=regions(BP4D), target=regions(DISFA))

    assert mapping == BP4D_OF_DISFA


def test_a_region_of_the_same_name_comes_before_one_with_the_same_centres() -> None:
    mapping = map_regions(
        source=regions(("AU12", "AU14", "AU15")), target=regions(("AU15", "AU14"))
    )

    assert mapping == (2, 1)


def test_palsy_pairs_find_the_action_units_with_their_centres() -> None:
    pairs = regions_for(kind="grade", label_names=(), palsy_regions="pairs6")

    names = [
        None if index is None else BP4D[index]
        for index in map_regions(source=regions(BP4D), target=pairs)
    ]

    # frontalis, orbicularis oculi, nasalis, zygomaticus, orbicularis oris, depressor anguli oris
    assert names == [None, "AU7", None, "AU6", "AU12", "AU17"]


@pytest.fixture(scope="module")
def disfa_from_bp4d() -> tuple[Start, Loaded]:
    start = start_of(spec_of(BP4D))
    return start, Loaded(start, spec_of(DISFA))


@pytest.mark.parametrize(
    "name",
    [
        "refinement.layers.0.conv.weight",
        "refinement.layers.2.norm.running_var",
        "refining.layers.5.conv.bias",
        "refining.layers.3.norm.weight",
        "fusion.from_global.weight",
        "fusion.from_region.bias",
        "region_heads.offset.last.weight",
        "region_heads.scale.last.bias",
    ],
)
@pytest.mark.parametrize(("region", "source"), [(0, 0), (3, 3), (5, 6), (6, 10), (7, 9)])
def test_each_region_of_disfa_holds_its_region_of_bp4d(
    disfa_from_bp4d: tuple[Start, Loaded], name: str, region: int, source: int
) -> None:
    start, loaded = disfa_from_bp4d

    ours = part(loaded.after[name], region, of=8)

    assert torch.equal(ours, part(start.tensors[name], source, of=12))


@pytest.mark.parametrize("name", ["refinement.layers.1.conv.weight", "fusion.from_region.weight"])
def test_a_region_without_a_counterpart_stays_fresh(
    disfa_from_bp4d: tuple[Start, Loaded], name: str
) -> None:
    _, loaded = disfa_from_bp4d

    assert torch.equal(part(loaded.after[name], 4, of=8), part(loaded.before[name], 4, of=8))


def test_modules_without_regions_are_taken_as_they_are_with_their_statistics(
    disfa_from_bp4d: tuple[Start, Loaded],
) -> None:
    start, loaded = disfa_from_bp4d
    names = [
        "stem.layer_2.patches_4.conv.weight",
        "stem.layer_1.norm.running_mean",
        "align.layers.5.norm.running_var",
        "landmark_head.last.bias",
        "region_heads.offset.first.weight",
        "global_feature.layers.0.conv.weight",
        "relation.hidden_weight",
    ]

    assert [
        name for name in names if not torch.equal(loaded.after[name], start.tensors[name])
    ] == []


def test_heads_of_other_labels_stay_fresh(disfa_from_bp4d: tuple[Start, Loaded]) -> None:
    _, loaded = disfa_from_bp4d
    heads = [name for name in loaded.after if name.startswith(("local_heads", "whole_head"))]

    assert len(heads) == 8
    assert all(loaded.is_fresh(name) for name in heads)
    assert all(text.endswith("other labels") for text in loaded.report.module("whole_head").skipped)


def test_the_report_tells_where_each_region_comes_from(
    disfa_from_bp4d: tuple[Start, Loaded],
) -> None:
    _, loaded = disfa_from_bp4d

    assert loaded.report.to_dict()["regions"] == {
        "AU1": "AU1",
        "AU2": "AU2",
        "AU4": "AU4",
        "AU6": "AU6",
        "AU9": None,
        "AU12": "AU12",
        "AU25": "AU23",
        "AU26": "AU17",
    }


def test_every_tensor_stands_in_the_report_once(disfa_from_bp4d: tuple[Start, Loaded]) -> None:
    _, loaded = disfa_from_bp4d
    told = [
        text.partition(": ")[0]
        for module in loaded.report.modules
        for text in (*module.loaded, *module.adapted, *module.skipped, *module.fresh)
    ]

    assert sorted(told) == sorted(loaded.after)


# Gates of BP4D by source step: forward 0..10 are regions 0..10, backward 0..10 are 11..1.
# Gates of DISFA: forward 0..6 are regions 0..6, backward 0..6 are regions 7..1.
FORWARD = [0, 1, 2, 3, None, 6, 10]
BACKWARD = [2, 1, 5, None, 8, 9, 10]
"""AU26 <- AU17 (region 9, step 11 - 9), AU25 <- AU23 (10), AU12 (6), AU9, AU6, AU4, AU2."""


def numbered_gates(start: Start, *, regions: int) -> Start:
    """Every gate holds 100 x direction + source step."""
    number = torch.arange(regions - 1.0) + torch.tensor([[0.0], [100.0]])
    shape = start.tensors["relation.gates.weight"].shape
    weight = number[:, :, None, None].expand(shape).clone()
    return Start(spec=start.spec, tensors={**start.tensors, "relation.gates.weight": weight})


@pytest.mark.parametrize(("direction", "steps"), [(0, FORWARD), (1, BACKWARD)])
def test_skip_gates_follow_their_region_in_each_direction(
    direction: int, steps: list[int | None]
) -> None:
    start = numbered_gates(start_of(spec_of(BP4D)), regions=12)

    loaded = Loaded(start, spec_of(DISFA))

    gates = loaded.after["relation.gates.weight"][direction]
    fresh = loaded.before["relation.gates.weight"][direction]
    expected = [
        fresh[step] if source is None else torch.full_like(fresh[step], 100 * direction + source)
        for step, source in enumerate(steps)
    ]
    assert torch.equal(gates, torch.stack(expected))


def test_skip_gates_follow_their_region_into_another_order() -> None:
    labels = ("AU6", "AU1", "AU4")  # by height: AU1, AU4, AU6
    start = numbered_gates(start_of(spec_of(labels)), regions=3)

    loaded = Loaded(start, spec_of(labels, region_order="height"))

    first = loaded.after["relation.gates.weight"][:, :, 0, 0]
    fresh = loaded.before["relation.gates.weight"][:, :, 0, 0]
    # Forward: AU1 from step 1, AU4 was the last and has none. Backward: AU6 was the last, AU4.
    expected = torch.stack(
        [
            torch.stack([torch.tensor(1.0), fresh[0, 1]]),
            torch.stack([fresh[1, 0], torch.tensor(100.0)]),
        ]
    )
    assert torch.equal(first, expected)


def test_the_same_network_is_taken_whole() -> None:
    start = start_of(spec_of(DISFA))

    loaded = Loaded(start, spec_of(DISFA))

    assert all(torch.equal(loaded.after[name], start.tensors[name]) for name in start.tensors)
    assert {len(module.skipped) + len(module.fresh) for module in loaded.report.modules} == {0}


def test_algrnet_starts_from_jaanet_and_keeps_what_that_lacks_fresh() -> None:
    start = start_of(of_kind("jaanet", BP4D))

    loaded = Loaded(start, spec_of(BP4D))

    assert torch.equal(
        loaded.after["local_heads.first_weight"], start.tensors["local_heads.first_weight"]
    )
    assert loaded.report.module("fusion").fresh
    assert loaded.report.module("relation").fresh
    assert loaded.is_fresh("relation.gates.weight")
    assert loaded.is_fresh("region_heads.offset.last.bias")


def test_jaanet_starts_from_algrnet() -> None:
    start = start_of(spec_of(BP4D))

    loaded = Loaded(start, of_kind("jaanet", BP4D))

    assert all(torch.equal(loaded.after[name], start.tensors[name]) for name in loaded.after)


def test_grades_take_what_has_no_label_from_action_units() -> None:
    start = start_of(spec_of(BP4D))

    loaded = Loaded(start, spec_of(GRADES, kind="grade", palsy_regions="pairs6"))

    name = "refining.layers.0.conv.weight"
    assert torch.equal(
        part(loaded.after[name], 3, of=6), part(start.tensors[name], BP4D.index("AU6"), of=12)
    )
    assert torch.equal(
        loaded.after["stem.layer_1.conv.weight"], start.tensors["stem.layer_1.conv.weight"]
    )
    assert loaded.is_fresh("whole_head.last.weight")


def test_grades_of_single_centres_share_no_region_with_action_units() -> None:
    loaded = Loaded(start_of(spec_of(BP4D)), spec_of(GRADES, kind="grade"))

    assert loaded.report.regions == ()
    assert loaded.is_fresh("refinement.layers.0.conv.weight")
    assert "no region in common" in loaded.report.module("refining").skipped[0]
    assert loaded.report.module("align").loaded


def test_what_has_another_shape_is_skipped_with_both_shapes() -> None:
    loaded = Loaded(start_of(spec_of(input_size=96)), spec_of())

    head = loaded.report.module("landmark_head")
    # width 0.125: 20 channels; 96 / 4 / 8 = 3 cells a side, 64 / 4 / 8 = 2; head 64.
    assert head.skipped[0] == "landmark_head.first.weight: 64x180 there, 64x80 here"
    assert not head.loaded
    assert all(loaded.is_fresh(name) for name in loaded.after if "landmark_head" in name)


def test_weights_of_another_width_are_refused_with_the_shapes() -> None:
    start = start_of(spec_of(width=0.25))

    with pytest.raises(ConfigError, match="fits nowhere") as caught:
        load_start(network(spec_of(), seed=2), start, spec=spec_of())

    assert caught.value.problems[0] == "stem.layer_1.conv.weight: 8x3x3x3 there, 4x3x3x3 here"
    assert "set model.width=0.25" in caught.value.advice


@pytest.mark.parametrize(
    ("source", "target"),
    [("resnet18", "algrnet"), ("jaanet", "resnet18"), ("resnet18", "resnet50")],
)
def test_another_kind_of_network_is_refused(source: str, target: str) -> None:
    start = Start(spec=of_kind(source), tensors={})

    with pytest.raises(ConfigError, match=f"holds a {source}, and model.kind is {target}"):
        load_start(nn.Identity(), start, spec=of_kind(target))


@pytest.mark.parametrize("kind", ["resnet18", "transformer"])
def test_baselines_take_the_encoder_and_leave_a_head_of_other_labels_fresh(kind: str) -> None:
    start = start_of(of_kind(kind, BP4D))

    loaded = Loaded(start, of_kind(kind))

    assert loaded.report.module("encoder").loaded
    assert not loaded.report.module("encoder").skipped
    assert loaded.is_fresh("head.weight")
    assert loaded.report.regions == ()


def test_a_scalar_gate_does_not_start_from_vectors() -> None:
    loaded = Loaded(start_of(spec_of()), spec_of(source_gate="scalar"))

    gates = loaded.report.module("relation.gates")
    assert " there, " in gates.skipped[0]
    assert loaded.report.module("relation").loaded
