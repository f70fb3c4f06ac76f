import math

import pytest
import torch
from torch import Tensor

from algr.config import LossConfig
from algr.models import NetworkOutput, Targets, compute_loss
from algr.models.losses import (
    alignment_loss,
    weighted_au_cross_entropy,
    weighted_dice,
    weighted_grade_cross_entropy,
)
from tests.models.faces import frontal_face, shaken_faces

ABSENT, PRESENT = 0, 1


def logs(probability_BA: list[list[float]]) -> Tensor:
    """Log-probabilities (absent, present)."""
    present = torch.tensor(probability_BA, dtype=torch.float64)
    return torch.stack((1 - present, present), 1).log()


def random_logs(batch: int, units: int, *, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(batch, 2, units, generator=generator, dtype=torch.float64)
    return logits.log_softmax(1)


def au_output(local: Tensor, whole: Tensor, landmarks: Tensor) -> NetworkOutput:
    return NetworkOutput(landmarks, None, None, None, local, whole, None)


def grade_output(log_BK: Tensor, landmarks: Tensor) -> NetworkOutput:
    return NetworkOutput(landmarks, None, None, None, None, None, log_BK)


def targets(
    landmarks: Tensor, *, labels: Tensor | None = None, grade: Tensor | None = None
) -> Targets:
    batch = len(landmarks)
    return Targets(
        landmarks_BL2=landmarks,
        labels_BA=torch.full((batch, 3), -1, dtype=torch.int8) if labels is None else labels,
        grade_B=torch.full((batch,), -1, dtype=torch.int8) if grade is None else grade,
        squared_interocular_B=torch.full((batch,), 3600.0),
    )


def test_alignment_loss_is_the_squared_distance_over_twice_the_squared_interocular_one() -> None:
    truth = torch.zeros(2, 49, 2)
    predicted = torch.zeros(2, 49, 2)
    predicted[0, 3] = torch.tensor([3.0, 4.0])
    predicted[1, 5] = torch.tensor([1.0, 0.0])

    loss = alignment_loss(predicted, truth, squared_interocular_B=torch.tensor([100.0, 50.0]))

    assert loss.item() == pytest.approx((25 / 200 + 1 / 100) / 2)


def test_alignment_loss_leaves_out_images_without_landmarks_or_eyes() -> None:
    truth = torch.zeros(4, 49, 2)
    truth[1] = math.nan
    truth[2, 7, 0] = math.nan
    predicted = torch.ones(4, 49, 2, requires_grad=True)
    squared = torch.tensor([49.0, math.nan, 49.0, 0.0])

    loss = alignment_loss(predicted, truth, squared_interocular_B=squared)
    loss.backward()

    assert loss.item() == pytest.approx(98 / 98)
    assert predicted.grad is not None
    assert predicted.grad[0].abs().min() > 0
    assert predicted.grad[1:].abs().max() == 0


def test_cross_entropy_of_action_units_by_hand() -> None:
    log_B2A = logs([[0.9, 0.2], [0.5, 0.25]])
    labels = torch.tensor([[PRESENT, ABSENT], [ABSENT, -1]], dtype=torch.int8)
    weight = torch.tensor([1.5, 0.5])

    loss = weighted_au_cross_entropy(log_B2A, labels, weight_A=weight)

    by_hand = -(1.5 * math.log(0.9) + 0.5 * math.log(0.8) + 1.5 * math.log(0.5)) / 3
    assert loss.item() == pytest.approx(by_hand)


def test_cross_entropy_of_fully_coded_images_is_the_printed_mean() -> None:
    log_B2A = random_logs(5, 3, seed=0)
    labels = torch.randint(0, 2, (5, 3), generator=torch.Generator().manual_seed(1))
    weight = torch.tensor([1.2, 0.5, 1.3], dtype=torch.float64)

    loss = weighted_au_cross_entropy(log_B2A, labels, weight_A=weight)

    present_BA = log_B2A[:, 1].exp()
    term_BA = labels * present_BA.log() + (1 - labels) * (1 - present_BA).log()
    printed = -(weight * term_BA).mean(1).mean().item()
    assert loss.item() == pytest.approx(printed)


def test_dice_per_image_by_hand() -> None:
    log_B2A = logs([[0.9, 0.2], [0.5, 0.25]])
    labels = torch.tensor([[PRESENT, ABSENT], [ABSENT, -1]], dtype=torch.int8)
    weight = torch.tensor([1.5, 0.5])

    loss = weighted_dice(log_B2A, labels, weight_A=weight, form="image")

    first = (1.5 * (1 - 2.8 / (0.81 + 1 + 1)) + 0.5 * (1 - 1 / (0.04 + 1))) / 2
    second = 1.5 * (1 - 1 / (0.25 + 1))
    assert loss.item() == pytest.approx((first + second) / 2)


def test_official_dice_divides_the_ratio_by_the_batch_size() -> None:
    log_B2A = logs([[0.9], [0.5], [0.2]])
    labels = torch.tensor([[PRESENT], [ABSENT], [-1]], dtype=torch.int8)

    loss = weighted_dice(log_B2A, labels, weight_A=torch.tensor([2.0]), form="official")

    ratio = (2 * 0.9 + 1) / (0.81 + 0.25 + 1 + 1)
    assert loss.item() == pytest.approx(2 * (1 - ratio / 2))


def test_dice_of_a_right_answer_is_zero() -> None:
    log_B2A = logs([[1.0, 0.0]])
    labels = torch.tensor([[PRESENT, ABSENT]], dtype=torch.int8)

    loss = weighted_dice(log_B2A, labels, weight_A=torch.ones(2), form="image")

    assert loss.item() == pytest.approx(0)


def test_cross_entropy_of_grades_is_the_mean_not_the_weighted_mean() -> None:
    log_BK = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.25] * 4, [0.1, 0.2, 0.3, 0.4]]).log()
    grade = torch.tensor([0, -1, 3], dtype=torch.int8)
    weight = torch.tensor([1.2, 0.7, 1.0, 1.1])

    loss = weighted_grade_cross_entropy(log_BK, grade, weight_K=weight)

    assert loss.item() == pytest.approx(-(1.2 * math.log(0.7) + 1.1 * math.log(0.4)) / 2)


@pytest.mark.parametrize("dice", ["image", "official", "none"])
def test_total_for_action_units_adds_both_heads_and_the_weighted_landmarks(dice: str) -> None:
    local, whole = random_logs(4, 3, seed=0), random_logs(4, 3, seed=1)
    truth, predicted = shaken_faces(4, seed=0), shaken_faces(4, seed=1)
    labels = torch.randint(-1, 2, (4, 3), generator=torch.Generator().manual_seed(2))
    weight = torch.tensor([1.0, 0.8, 1.2], dtype=torch.float64)
    wanted = targets(truth, labels=labels)

    parts = compute_loss(
        au_output(local, whole, predicted),
        wanted,
        config=LossConfig(align_weight=0.3, dice=dice),  # type: ignore[arg-type]
        class_weight=weight,
    )

    entropy = [weighted_au_cross_entropy(x, labels, weight_A=weight) for x in (local, whole)]
    dices = [
        weighted_dice(
            x, labels, weight_A=weight, form="official" if dice == "official" else "image"
        )
        for x in (local, whole)
    ]
    align = alignment_loss(predicted, truth, squared_interocular_B=wanted.squared_interocular_B)
    expected_dice = 0.0 if dice == "none" else float(sum(dices))
    assert parts.recognition.item() == pytest.approx(float(sum(entropy)))
    assert parts.dice.item() == pytest.approx(expected_dice)
    assert parts.align.item() == pytest.approx(align.item())
    assert parts.total.item() == pytest.approx(
        float(sum(entropy)) + expected_dice + 0.3 * align.item()
    )


def test_total_for_grades_adds_the_weighted_landmarks() -> None:
    log_BK = torch.full((2, 4), 0.25).log()
    truth = frontal_face().float().repeat(2, 1, 1)

    parts = compute_loss(
        grade_output(log_BK, truth + 6),
        targets(truth, grade=torch.tensor([1, 2], dtype=torch.int8)),
        config=LossConfig(align_weight=0.5),
        class_weight=torch.ones(4),
    )

    align = 49 * 2 * 36 / (2 * 3600)
    assert parts.align.item() == pytest.approx(align)
    assert parts.dice.item() == 0
    assert parts.total.item() == pytest.approx(math.log(4) + 0.5 * align)


@pytest.mark.parametrize("dice", ["image", "official"])
def test_a_batch_in_which_nothing_is_known_gives_zero_with_zero_gradients(dice: str) -> None:
    raw = torch.randn(2, 2, 3, requires_grad=True)
    landmarks = torch.randn(2, 49, 2, requires_grad=True)
    unknown = targets(torch.full((2, 49, 2), math.nan))

    total = compute_loss(
        au_output(raw.log_softmax(1), raw.log_softmax(1), landmarks),
        unknown,
        config=LossConfig(dice=dice),  # type: ignore[arg-type]
        class_weight=torch.ones(3),
    ).total
    total.backward()

    assert total.item() == 0
    assert raw.grad is not None
    assert raw.grad.abs().max() == 0
    assert landmarks.grad is not None
    assert landmarks.grad.abs().max() == 0


def test_grades_of_which_none_is_known_give_zero_with_zero_gradients() -> None:
    raw = torch.randn(2, 4, requires_grad=True)
    landmarks = torch.randn(2, 49, 2, requires_grad=True)

    total = compute_loss(
        grade_output(raw.log_softmax(1), landmarks),
        targets(torch.full((2, 49, 2), math.nan)),
        config=LossConfig(),
        class_weight=torch.ones(4),
    ).total
    total.backward()

    assert total.item() == 0
    assert raw.grad is not None
    assert raw.grad.abs().max() == 0
