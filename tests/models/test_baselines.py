"""ResNet18, ResNet50 and the transformer as networks for action units and for grades."""

import math

import pytest
import torch
from torch import nn

from algr.config import LossConfig, ModelConfig, TrainConfig
from algr.models import (
    FollowsEpochs,
    NetworkOutput,
    Targets,
    build_model,
    compute_loss,
    has_regions,
    parameter_groups,
    start_at_face,
)
from tests.models.faces import frontal_face
from tests.models.test_build import au_regions, grade_regions, num_parameters, with_meta

BASELINES = ["resnet18", "resnet50", "transformer"]


def baseline(kind: str, *, task: str = "au", size: int = 64) -> nn.Module:
    torch.manual_seed(0)
    config = ModelConfig(kind=kind, width=0.125, input_size=size)  # type: ignore[arg-type]
    regions = au_regions() if task == "au" else grade_regions()
    return build_model(config, kind=task, regions=regions)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("resnet18", 11_178_564), ("resnet50", 23_516_228), ("transformer", 350_132)],
)
def test_a_grading_baseline_has_the_specified_number_of_parameters(
    kind: str, expected: int
) -> None:
    config = ModelConfig(kind=kind)  # type: ignore[arg-type]

    assert num_parameters(with_meta(config, "grade", grade_regions())) == expected


@pytest.mark.parametrize("kind", BASELINES)
def test_a_baseline_for_action_units_has_two_outputs_per_unit(kind: str) -> None:
    output = baseline(kind)(torch.randn(3, 3, 64, 64))

    assert output.whole_log_B2A.shape == (3, 2, 12)
    torch.testing.assert_close(output.whole_log_B2A.exp().sum(1), torch.ones(3, 12))
    torch.testing.assert_close(output.au_probability_BA(), output.whole_log_B2A[:, 1].exp())
    others = output._replace(whole_log_B2A=None)
    assert others == NetworkOutput(*[None] * 7)


@pytest.mark.parametrize("kind", BASELINES)
def test_a_baseline_for_grades_has_four_outputs(kind: str) -> None:
    output = baseline(kind, task="grade")(torch.randn(3, 3, 64, 64))

    assert output.grade_log_BK.shape == (3, 4)
    torch.testing.assert_close(output.grade_probability_BK().sum(1), torch.ones(3))
    assert output._replace(grade_log_BK=None) == NetworkOutput(*[None] * 7)


def test_outputs_of_the_whole_face_are_class_major() -> None:
    model = baseline("resnet18").eval()
    with torch.no_grad():
        model.head.weight.zero_()
        model.head.bias.copy_(torch.arange(24.0))

    output = model(torch.randn(1, 3, 64, 64))

    # Unit 0 is absent with score 0 and present with score 12.
    assert output.au_probability_BA()[0, 0].item() == pytest.approx(1 / (1 + math.exp(-12)))


@pytest.mark.parametrize("kind", BASELINES)
@pytest.mark.parametrize("size", [96, 176])
def test_a_baseline_runs_at_every_size(kind: str, size: int) -> None:
    model = baseline(kind, size=size).eval()

    with torch.no_grad():
        assert model(torch.randn(1, 3, size, size)).whole_log_B2A.shape == (1, 2, 12)


@pytest.mark.parametrize("kind", BASELINES)
def test_half_precision_leaves_probabilities_in_single(kind: str) -> None:
    model = baseline(kind)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = model(torch.randn(2, 3, 64, 64))
    output.whole_log_B2A.sum().backward()

    assert output.whole_log_B2A.dtype == torch.float32


@pytest.mark.parametrize("task", ["au", "grade"])
def test_the_loss_without_landmarks_is_that_of_the_labels(task: str) -> None:
    output = baseline("resnet18", task=task)(torch.randn(2, 3, 64, 64))
    targets = Targets(
        landmarks_BL2=frontal_face().float().repeat(2, 1, 1),
        labels_BA=torch.ones(2, 12, dtype=torch.int8),
        grade_B=torch.tensor([0, 3], dtype=torch.int8),
        squared_interocular_B=torch.full((2,), 3600.0),
    )

    parts = compute_loss(
        output, targets, config=LossConfig(), class_weight=torch.ones(12 if task == "au" else 4)
    )
    parts.total.backward()

    assert parts.align.item() == 0
    assert parts.recognition.item() > 0
    torch.testing.assert_close(parts.total, parts.recognition + parts.dice)


@pytest.mark.parametrize("kind", BASELINES)
def test_every_parameter_is_trained_but_the_gates_of_the_first_epochs(kind: str) -> None:
    model = baseline(kind)
    model(torch.randn(4, 3, 64, 64)).whole_log_B2A[:, 0].sum().backward()

    without = {name for name, p in model.named_parameters() if p.grad is None}
    gates = {name for name, _ in model.named_parameters() if name.endswith("gates")}

    assert without == gates
    assert len(gates) == (16 if kind == "transformer" else 0)


def test_frozen_parameters_are_a_group_of_their_own() -> None:
    model = baseline("transformer")

    usual, frozen = parameter_groups(model, train=TrainConfig(learning_rate=0.02))

    assert [parameter.requires_grad for parameter in frozen["params"]] == [False] * 16
    assert all(parameter.requires_grad for parameter in usual["params"])
    assert (frozen["lr"], frozen["lr_factor"]) == (0.02, 1.0)


def test_only_networks_without_landmarks_lack_regions() -> None:
    kinds = ["algrnet", "jaanet", *BASELINES]

    found = [has_regions(ModelConfig(kind=kind)) for kind in kinds]  # type: ignore[arg-type]

    assert found == [True, True, False, False, False]


def test_whole_face_networks_follow_epochs_and_regional_ones_do_not() -> None:
    assert isinstance(baseline("transformer"), FollowsEpochs)
    assert not isinstance(with_meta(ModelConfig(), "au", au_regions()), FollowsEpochs)


def test_a_network_without_landmarks_starts_as_it_is() -> None:
    model = baseline("resnet18")
    before = {name: value.clone() for name, value in model.state_dict().items()}

    start_at_face(model, frontal_face())

    torch.testing.assert_close(model.state_dict(), before, rtol=0, atol=0)
