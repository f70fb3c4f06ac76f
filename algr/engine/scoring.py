"""Evaluation of a network on frames, shared by the replicas of a fold.

Shape suffixes: N = frames, B = images of a batch, K = grades or action units.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from algr.data import PreparedDataset, center_batch
from algr.engine.batches import FrameSource, Rows, prefetched, share_slice, split_batches
from algr.engine.ports import Collectives
from algr.engine.steps import StepRules, forward, targets_of
from algr.metrics import EvaluationCounts, count_batch
from algr.models import NetworkOutput, Targets, compute_loss


@dataclass(frozen=True)
class Scored:
    """Counts over all frames, and what was said of each."""

    counts: EvaluationCounts
    probability_NK: npt.NDArray[np.float32]


@torch.no_grad()
def score_rows(
    model: nn.Module,
    rows_N: Rows,
    *,
    dataset: PreparedDataset,
    frames: FrameSource,
    rules: StepRules,
    input_size: int,
    batch_size: int,
    collectives: Collectives,
) -> Scored:
    """Score the centre crops of these rows; every replica takes a part and gets the whole.

    Replicas share out the batches of one replica and add up what each batch gives in their order:
    from the same weights any number of replicas gives the same bits, wherever a network gives the
    same bits twice.
    """
    batches = split_batches(rows_N, batch_size=batch_size, smallest=1)
    share = share_slice(len(batches), rank=collectives.rank, size=collectives.size)
    none = EvaluationCounts.zeros(kind=dataset.kind, label_names=dataset.label_names)
    sums_by_batch = torch.zeros((len(batches), len(none.to_array())), dtype=torch.float64)
    probability_NK = torch.zeros((len(rows_N), len(dataset.label_names)), dtype=torch.float32)
    model.eval()
    for number, batch in enumerate(prefetched(frames, batches[share]), share.start):
        crops = center_batch(batch.images_BHWC, batch.landmarks_BL2, input_size=input_size)
        targets = targets_of(batch, crops)
        output = forward(model, crops.images_BCHW, arithmetic=rules.arithmetic)
        loss = compute_loss(output, targets, config=rules.loss, class_weight=rules.class_weight)
        counts = _count(output, targets, dataset=dataset, mean_loss=float(loss.total))
        sums_by_batch[number] = torch.from_numpy(counts.to_array())
        start = number * batch_size
        probability_NK[start : start + len(batches[number])] = _probability(output)
    collectives.sum_(sums_by_batch)
    collectives.sum_(probability_NK)
    whole = none
    for sums in sums_by_batch.numpy():
        whole += EvaluationCounts.from_array(
            sums, kind=dataset.kind, label_names=dataset.label_names
        )
    return Scored(whole, probability_NK.numpy())


def _probability(output: NetworkOutput) -> torch.Tensor:
    if output.grade_log_BK is not None:
        return output.grade_probability_BK().float()
    return output.au_probability_BA().float()


def _count(
    output: NetworkOutput, targets: Targets, *, dataset: PreparedDataset, mean_loss: float
) -> EvaluationCounts:
    local, whole = output.local_log_B2A, output.whole_log_B2A
    is_grade = dataset.kind == "grade"
    probability = _array(_probability(output))
    return count_batch(
        kind=dataset.kind,
        label_names=dataset.label_names,
        landmarks_BL2=None
        if output.landmarks_BL2 is None
        else _array(output.landmarks_BL2.float()),
        true_landmarks_BL2=_array(targets.landmarks_BL2),
        mean_loss=mean_loss,
        grade_probability_BK=probability if is_grade else None,
        grade_B=_array(targets.grade_B),
        au_probability_BA=None if is_grade else probability,
        local_probability_BA=None if local is None else _array(local[:, 1].exp()),
        whole_probability_BA=None if whole is None else _array(whole[:, 1].exp()),
        labels_BA=_array(targets.labels_BA),
    )


def _array(tensor: torch.Tensor) -> npt.NDArray[Any]:
    array: npt.NDArray[Any] = tensor.cpu().numpy()
    return array
