"""One training step, alone or shared by the replicas of a fold.

Shape suffixes: B = images (of this replica), A = labels, C, H, W = crop, P = the four loss values
of `LossParts`.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from algr.config import LossConfig
from algr.data import CropBatch, squared_interocular
from algr.engine.batches import LoadedBatch
from algr.engine.ports import Collectives
from algr.models import LossParts, NetworkOutput, Targets, compute_loss

_RUNNING_STATISTICS = ("running_mean", "running_var")


@dataclass(frozen=True)
class StepRules:
    """What stays the same from step to step."""

    loss: LossConfig
    class_weight: Tensor
    """Per grade or action unit, from the training subjects of the fold."""
    arithmetic: torch.dtype
    """Of the forward pass; weights, losses and updates are float32."""
    clip_norm: float | None


def targets_of(batch: LoadedBatch, crops: CropBatch) -> Targets:
    """The truth of a batch, with its landmarks as they lie in the crops."""
    return Targets(
        landmarks_BL2=crops.landmarks_BL2,
        labels_BA=batch.labels_BA,
        grade_B=batch.grade_B,
        squared_interocular_B=squared_interocular(crops.landmarks_BL2),
    )


def forward(model: nn.Module, images_BCHW: Tensor, *, arithmetic: torch.dtype) -> NetworkOutput:
    """The network's output; convolutions and products in `arithmetic`."""
    with torch.autocast(
        images_BCHW.device.type, dtype=torch.bfloat16, enabled=arithmetic == torch.bfloat16
    ):
        output: NetworkOutput = model(images_BCHW)
    return output


def train_step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images_BCHW: Tensor,
    targets: Targets,
    *,
    rules: StepRules,
    collectives: Collectives,
) -> Tensor:
    """Update the weights from one batch, of which each replica has a share.

    The gradient is the one of the whole batch's loss, whatever the number of replicas, but for
    batch normalisation: a replica normalises by the statistics of its own share, unless the norms
    are shared (`train.sync_batch_norm`).

    Returns:
        The whole batch's loss and its terms (P,), the same on every replica.
    """
    optimizer.zero_grad(set_to_none=True)
    output = forward(model, images_BCHW, arithmetic=rules.arithmetic)
    parts = compute_loss(output, targets, config=rules.loss, class_weight=rules.class_weight)
    if collectives.size > 1:
        known_BA = targets.labels_BA if output.grade_log_BK is None else targets.grade_B[:, None]
        parts = weigh_share(
            parts, targets, known_BA=known_BA >= 0, config=rules.loss, collectives=collectives
        )
    parts.total.backward()  # type: ignore[no-untyped-call]
    values_P = torch.stack([part.detach().float() for part in parts])
    if collectives.size > 1:
        sum_gradients(model.parameters(), values_P, collectives=collectives)
    if rules.clip_norm is not None:
        nn.utils.clip_grad_norm_(model.parameters(), rules.clip_norm)
    optimizer.step()
    return values_P


def weigh_share(
    parts: LossParts,
    targets: Targets,
    *,
    known_BA: Tensor,
    config: LossConfig,
    collectives: Collectives,
) -> LossParts:
    """A share's loss, weighted so that the sum over the replicas is the loss of the whole batch.

    Each term is a mean over what is known to it (labels or grades, images with a label, images
    with landmarks), so it counts by how much of that this share holds.

    Args:
        parts: Of the share.
        targets: Of the share.
        known_BA: Which labels (or, with A = 1, which grades) are known.
        config: Holds the weight of the landmark loss.
        collectives: The replicas.
    """
    placed_B = targets.landmarks_BL2.isfinite().all(2).all(1) & (targets.squared_interocular_B > 0)
    counts = (known_BA.sum(), known_BA.any(1).sum(), placed_B.sum())
    own = torch.stack(counts).double()
    whole = own.clone()
    collectives.sum_(whole)
    recognition_weight, dice_weight, align_weight = (own / whole.clamp_min(1)).float().unbind()
    recognition = parts.recognition * recognition_weight
    dice = parts.dice * dice_weight
    align = parts.align * align_weight
    total = recognition + dice + config.align_weight * align
    return LossParts(total=total, recognition=recognition, dice=dice, align=align)


def sum_gradients(
    parameters: Iterable[nn.Parameter], values_P: Tensor, *, collectives: Collectives
) -> None:
    """Sum the gradients over the replicas, and the loss values with them, in one message."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    tensors = [values_P, *gradients]
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    collectives.sum_(flat)
    sums = torch.split(flat, [tensor.numel() for tensor in tensors])
    for tensor, total in zip(tensors, sums, strict=True):
        tensor.copy_(total.view_as(tensor))


@torch.no_grad()
def average_buffers(model: nn.Module, *, collectives: Collectives) -> None:
    """Give all replicas the mean of their batch-norm statistics, so that they score alike."""
    if collectives.size == 1:
        return
    for name, buffer in model.named_buffers():
        if name.endswith(_RUNNING_STATISTICS):  # constants would lose their last digits
            collectives.sum_(buffer)
            buffer.div_(collectives.size)


class LossLog:
    """The loss values of an epoch's steps.

    On an accelerator looking at a value waits for the device, so values are looked at in groups;
    a loss that is not finite is then found some steps later, with its own step number.
    """

    def __init__(self, *, steps_per_look: int) -> None:
        self._steps_per_look = steps_per_look
        self._unseen: list[Tensor] = []
        self._seen: list[list[float]] = []
        self._images: list[int] = []
        self.first_bad_step: int | None = None
        """The first step, among those looked at, whose loss is not finite."""

    @property
    def steps(self) -> int:
        """Steps taken so far."""
        return len(self._images)

    @property
    def images(self) -> int:
        """Images in these steps."""
        return sum(self._images)

    def add(self, values_P: Tensor, *, images: int) -> None:
        """Take the loss values of the next step."""
        self._unseen.append(values_P)
        self._images.append(images)
        if len(self._unseen) >= self._steps_per_look:
            self.look()

    def means(self) -> dict[str, float]:
        """Mean over the images of each loss value."""
        self.look()
        total = sum(self._images)
        return {
            name: math.fsum(
                values[index] * images
                for values, images in zip(self._seen, self._images, strict=True)
            )
            / total
            for index, name in enumerate(("loss", *LossParts._fields[1:]))
        }

    def look(self) -> None:
        """Look at the values that were not looked at yet."""
        if not self._unseen:
            return
        for values in torch.stack(self._unseen).tolist():
            if self.first_bad_step is None and not math.isfinite(values[0]):
                self.first_bad_step = len(self._seen)
            self._seen.append(values)
        self._unseen.clear()
