import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from algr.config import LossConfig
from algr.engine import SoloCollectives
from algr.engine.steps import LossLog, StepRules, average_buffers, sum_gradients, train_step
from algr.models import NetworkOutput, Targets


class Recorded:
    """Collectives whose other replicas' sums are given beforehand, in order."""

    size = 2

    def __init__(self, rank: int, others: list[Tensor] | None = None) -> None:
        self.rank = rank
        self.others = others
        self.sent: list[Tensor] = []

    def sum_(self, tensor: Tensor) -> None:
        self.sent.append(tensor.clone())
        if self.others is not None:
            tensor += self.others[len(self.sent) - 1]

    def broadcast_(self, tensor: Tensor, source: int = 0) -> None:
        raise AssertionError("not expected here")


class Toy(nn.Module):
    """Linear in its pixels, without batch norm: a batch's gradient is that of its shares."""

    def __init__(self, *, grades: int | None, units: int | None) -> None:
        super().__init__()
        self.grades, self.units = grades, units
        self.linear = nn.Linear(4, 98 + (grades or 2 * units))

    def forward(self, images: Tensor) -> NetworkOutput:
        landmarks, scores = self.linear(images.flatten(1)).split(
            [98, self.linear.out_features - 98], 1
        )
        grade_log = scores.log_softmax(1) if self.grades else None
        unit_log = scores.unflatten(1, (2, -1)).log_softmax(1) if self.units else None
        return NetworkOutput(
            landmarks.unflatten(1, (49, 2)), None, None, None, unit_log, unit_log, grade_log
        )


def half_known_batch() -> tuple[Tensor, Targets]:
    generator = torch.Generator().manual_seed(0)
    landmarks = torch.randn(6, 49, 2, generator=generator)
    landmarks[4:] = math.nan
    labels = torch.tensor([[1, -1], [0, 1], [-1, -1], [1, 0], [-1, 1], [0, 0]], dtype=torch.int8)
    grade = torch.tensor([0, -1, 2, 1, -1, -1], dtype=torch.int8)
    squared = torch.tensor([1.0, 2.0, 1.0, 3.0, math.nan, math.nan])
    return torch.randn(6, 1, 2, 2, generator=generator), Targets(landmarks, labels, grade, squared)


def part_of(images: Tensor, targets: Targets, rows: slice) -> tuple[Tensor, Targets]:
    return images[rows], Targets(
        targets.landmarks_BL2[rows],
        targets.labels_BA[rows],
        targets.grade_B[rows],
        targets.squared_interocular_B[rows],
    )


def step(
    batch: tuple[Tensor, Targets], *, network: dict[str, Any], collectives: Any
) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    model = Toy(**network)
    rules = StepRules(
        loss=LossConfig(align_weight=0.7),
        class_weight=torch.tensor([0.5, 1.0, 1.5][: network["grades"] or 2]),
        arithmetic=torch.float32,
        clip_norm=0.2,
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    values = train_step(model, optimizer, *batch, rules=rules, collectives=collectives)
    return model.linear.weight.detach(), values


@pytest.mark.parametrize(
    "network", [{"grades": 3, "units": None}, {"grades": None, "units": 2}], ids=["grade", "au"]
)
def test_a_batch_split_over_replicas_gives_the_whole_batchs_update(
    network: dict[str, Any],
) -> None:
    images, targets = half_known_batch()
    left, right = (
        part_of(images, targets, slice(0, 2)),
        part_of(images, targets, slice(2, 6)),
    )
    whole_weight, whole_values = step(
        (images, targets), network=network, collectives=SoloCollectives()
    )

    # Two passes: the first tells the left replica's counts, with which the right one can weigh its
    # gradient; the second gives the left one both of the right one's messages.
    counting = Recorded(0)
    step(left, network=network, collectives=counting)
    right_messages = Recorded(1, [counting.sent[0], torch.zeros(())])
    step(right, network=network, collectives=right_messages)
    summing = Recorded(0, right_messages.sent)
    weight, values = step(left, network=network, collectives=summing)

    torch.testing.assert_close(weight, whole_weight)
    torch.testing.assert_close(values, whole_values)


def test_gradients_are_summed_and_missing_ones_left_missing() -> None:
    used, unused = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(3))
    used.grad = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    values = torch.tensor([10.0])

    sum_gradients(
        [used, unused],
        values,
        collectives=Recorded(0, [torch.tensor([5.0, 1.0, 1.0, 1.0, 1.0])]),
    )

    assert used.grad.tolist() == [[2.0, 3.0], [4.0, 5.0]]
    assert unused.grad is None
    assert values.item() == 15.0


def test_batch_norm_statistics_become_the_mean_over_the_replicas() -> None:
    norm = nn.BatchNorm2d(1)
    norm.running_mean.fill_(1.0)
    norm.num_batches_tracked.fill_(7)
    other = [torch.tensor([3.0]), torch.tensor([5.0])]

    average_buffers(norm, collectives=Recorded(0, other))

    assert norm.running_mean.item() == 2.0
    assert norm.running_var.item() == 3.0
    assert norm.num_batches_tracked.item() == 7


def values_of(loss: float) -> Tensor:
    return torch.tensor([loss, 1.0, 2.0, 3.0])


def test_losses_are_averaged_over_images_not_over_steps() -> None:
    log = LossLog(steps_per_look=2)

    log.add(values_of(1.0), images=1)
    log.add(values_of(5.0), images=3)

    assert log.means() == {"loss": 4.0, "recognition": 1.0, "dice": 2.0, "align": 3.0}


def test_the_first_step_without_a_finite_loss_is_found_with_its_number() -> None:
    log = LossLog(steps_per_look=3)

    for loss in (1.0, math.inf, math.nan):
        assert log.first_bad_step is None
        log.add(values_of(loss), images=2)

    assert log.first_bad_step == 1


def test_no_step_is_longer_than_the_clipped_gradient_allows() -> None:
    torch.manual_seed(1)
    model = Toy(grades=3, units=None)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    rules = StepRules(
        loss=LossConfig(align_weight=0.7),
        class_weight=torch.tensor([0.5, 1.0, 1.5]),
        arithmetic=torch.float32,
        clip_norm=1e-3,
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    train_step(model, optimizer, *half_known_batch(), rules=rules, collectives=SoloCollectives())

    moved = [now.detach() - was for now, was in zip(model.parameters(), before, strict=True)]
    length = torch.cat([part.flatten() for part in moved]).norm()
    torch.testing.assert_close(length, torch.tensor(0.1 * 1e-3), rtol=1e-2, atol=0)
