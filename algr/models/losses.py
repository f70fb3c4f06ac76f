"""Losses of ALGRNet (Ge et al.; equation numbers refer to the paper).

What is unknown is masked: a label of -1, an image without landmarks. A batch in which nothing is
known gives 0, with gradients of 0.

Shape suffixes: B = images, A = action units, L = landmarks, K = grades, 2 = (x, y) or
(absent, present).
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from algr.config import LossConfig
from algr.models.output import NetworkOutput

_SMOOTHING = 1.0


@dataclass(frozen=True)
class Targets:
    """Truth of a batch.

    Attributes:
        landmarks_BL2: Pixels of the 176 crop; NaN where the image has none.
        labels_BA: 1 present, 0 absent, -1 not coded.
        grade_B: 0 to 3, -1 unknown.
        squared_interocular_B: Squared distance of the eye centres, pixels².
    """

    landmarks_BL2: Tensor
    labels_BA: Tensor
    grade_B: Tensor
    squared_interocular_B: Tensor


class LossParts(NamedTuple):
    """Loss of a batch and its terms; total = recognition + dice + align_weight * align.

    Attributes:
        total: What is minimised.
        recognition: Cross-entropy of action units (local plus whole) or of grades.
        dice: Dice loss of action units (local plus whole); 0 for grades.
        align: Landmark loss, not weighted; 0 for a network without landmarks.
    """

    total: Tensor
    recognition: Tensor
    dice: Tensor
    align: Tensor


def compute_loss(
    output: NetworkOutput, targets: Targets, *, config: LossConfig, class_weight: Tensor
) -> LossParts:
    """Loss of a batch: eq. (5) for action units, eq. (6) plus the landmark loss for grades.

    Args:
        output: Of the network; which task it is follows from the outputs that it has.
        targets: Truth.
        config: Weights and forms.
        class_weight: One per action unit or grade, with mean 1.
    """
    if output.landmarks_BL2 is None:
        align = torch.zeros((), device=class_weight.device)
    else:
        align = alignment_loss(
            output.landmarks_BL2,
            targets.landmarks_BL2,
            squared_interocular_B=targets.squared_interocular_B,
        )
    dice = torch.zeros_like(align)
    if output.grade_log_BK is not None:
        recognition = weighted_grade_cross_entropy(
            output.grade_log_BK, targets.grade_B, weight_K=class_weight
        )
    else:
        recognition = torch.zeros_like(align)
        for log_B2A in (output.local_log_B2A, output.whole_log_B2A):
            if log_B2A is None:
                continue
            recognition = recognition + weighted_au_cross_entropy(
                log_B2A, targets.labels_BA, weight_A=class_weight
            )
            if config.dice != "none":
                dice = dice + weighted_dice(
                    log_B2A, targets.labels_BA, weight_A=class_weight, form=config.dice
                )
    total = recognition + dice + config.align_weight * align
    return LossParts(total=total, recognition=recognition, dice=dice, align=align)


def alignment_loss(
    predicted_BL2: Tensor, truth_BL2: Tensor, *, squared_interocular_B: Tensor
) -> Tensor:
    """Squared landmark distance over twice the squared inter-ocular one. Eq. (1).

    Images with a missing landmark, or whose eyes coincide, are left out of the mean.
    """
    known_B = (
        truth_BL2.isfinite().all(2).all(1)
        & squared_interocular_B.isfinite()
        & (squared_interocular_B > 0)
    )
    truth_BL2 = torch.where(known_B[:, None, None], truth_BL2, 0).to(predicted_BL2)
    squared_B = torch.where(known_B, squared_interocular_B, 1).to(predicted_BL2)
    distance_B = (predicted_BL2 - truth_BL2).square().sum((1, 2)) / (2 * squared_B)
    return _mean_of_known(distance_B, known_B)


def weighted_au_cross_entropy(log_B2A: Tensor, labels_BA: Tensor, *, weight_A: Tensor) -> Tensor:
    """Cross-entropy per action unit, weighted by inverse occurrence. Eq. (2).

    Returns:
        Scalar in nats, the mean over the known labels.
    """
    known_BA = labels_BA >= 0
    chosen_BA = torch.where(labels_BA > 0, log_B2A[:, 1], log_B2A[:, 0])
    return _mean_of_known(-weight_A.to(log_B2A) * chosen_BA, known_BA)


def weighted_dice(
    log_B2A: Tensor,
    labels_BA: Tensor,
    *,
    weight_A: Tensor,
    form: Literal["image", "official"],
) -> Tensor:
    """Weighted Dice loss. Eq. (3), with the sum that its denominator lacks in print.

    As printed, (2pq + 1) / (p²q² + 1) would give -0.5 for a right answer and no gradient for
    absent units; the original Caffe code has p² + q² + 1.

    Args:
        log_B2A: Log-probabilities.
        labels_BA: 1, 0, or -1 for not coded.
        weight_A: Per action unit.
        form: "image": per image, then the mean over images with a known label. "official": sums
            over the batch and a ratio divided by the batch size, as the PyTorch JAA-Net code has
            it; to reproduce that code only.
    """
    known_BA = labels_BA >= 0
    truth_BA = (labels_BA > 0).to(log_B2A)
    present_BA = log_B2A[:, 1].exp()
    weight_A = weight_A.to(log_B2A)
    overlap_BA = 2 * present_BA * truth_BA
    squares_BA = present_BA.square() + truth_BA.square()
    if form == "image":
        loss_BA = 1 - (overlap_BA + _SMOOTHING) / (squares_BA + _SMOOTHING)
        count_B = known_BA.sum(1)
        loss_B = torch.where(known_BA, weight_A * loss_BA, 0).sum(1) / count_B.clamp_min(1)
        return _mean_of_known(loss_B, count_B > 0)
    count_A = known_BA.sum(0)
    overlap_A = torch.where(known_BA, overlap_BA, 0).sum(0)
    squares_A = torch.where(known_BA, squares_BA, 0).sum(0)
    ratio_A = (overlap_A + _SMOOTHING) / (squares_A + _SMOOTHING)
    return _mean_of_known(weight_A * (1 - ratio_A / count_A.clamp_min(1)), count_A > 0)


def weighted_grade_cross_entropy(log_BK: Tensor, grade_B: Tensor, *, weight_K: Tensor) -> Tensor:
    """Cross-entropy of the grade, weighted by inverse occurrence. Eq. (6).

    Returns:
        Scalar in nats, the mean over the images with a known grade (not the weighted mean).
    """
    known_B = grade_B >= 0
    index_B = grade_B.clamp_min(0).long()
    chosen_B = log_BK.gather(1, index_B[:, None]).squeeze(1)
    return _mean_of_known(-weight_K.to(log_BK)[index_B] * chosen_B, known_B)


def _mean_of_known(values: Tensor, known: Tensor) -> Tensor:
    """Mean over the known entries; 0 if there is none."""
    return torch.where(known, values, 0).sum() / known.sum().clamp_min(1)
