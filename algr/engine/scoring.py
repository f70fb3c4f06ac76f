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
from algr.engine.records import FramePredictions
from algr.engine.steps import StepRules, forward, targets_of
from algr.metrics import EvaluationCounts, count_batch, landmark_errors
from algr.models import NetworkOutput, Targets, compute_loss


@dataclass(frozen=True)
class Scored:
    """Counts over all frames, and what was said of each."""

    counts: EvaluationCounts
    probability_NK: npt.NDArray[np.float32]
    landmark_error_N: npt.NDArray[np.float64] | None
    local_NK: npt.NDArray[np.float32] | None
    whole_NK: npt.NDArray[np.float32] | None

    def predictions(self, rows_N: Rows) -> FramePredictions:
        """What was said of each frame, with the frames' rows."""
        return FramePredictions(
            rows_N=rows_N,
            probability_NK=self.probability_NK,
            landmark_error_N=self.landmark_error_N,
            local_NK=self.local_NK,
            whole_NK=self.whole_NK,
        )


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
    """Score the centre crops of these rows; every replica takes a part and gets the whole."""
    share = share_slice(len(rows_N), rank=collectives.rank, size=collectives.size)
    batches = split_batches(rows_N[share], batch_size=batch_size, smallest=1)
    counts = EvaluationCounts.zeros(kind=dataset.kind, label_names=dataset.label_names)
    shape = (len(rows_N), len(dataset.label_names))
    said = {
        "probability": torch.zeros(shape),
        "local": torch.zeros(shape),
        "whole": torch.zeros(shape),
        "landmark_error": torch.zeros(len(rows_N), dtype=torch.float64),
    }
    position = share.start
    model.eval()
    for batch in prefetched(frames, batches):
        crops = center_batch(batch.images_BHWC, batch.landmarks_BL2, input_size=input_size)
        targets = targets_of(batch, crops)
        output = forward(model, crops.images_BCHW, arithmetic=rules.arithmetic)
        loss = compute_loss(output, targets, config=rules.loss, class_weight=rules.class_weight)
        counts += _count(output, targets, dataset=dataset, mean_loss=float(loss.total))
        end = position + len(targets.grade_B)
        for name, value_B in _said(output, targets).items():
            said[name][position:end] = value_B.cpu() if value_B is not None else torch.nan
        position = end
    sums = torch.from_numpy(counts.to_array())
    collectives.sum_(sums)
    for value_N in said.values():
        collectives.sum_(value_N)
    whole = EvaluationCounts.from_array(
        sums.numpy(), kind=dataset.kind, label_names=dataset.label_names
    )
    return Scored(
        counts=whole,
        probability_NK=said["probability"].numpy(),
        landmark_error_N=_if_known(said["landmark_error"]),
        local_NK=_if_known(said["local"]),
        whole_NK=_if_known(said["whole"]),
    )


def _said(output: NetworkOutput, targets: Targets) -> dict[str, torch.Tensor | None]:
    """What the network says of each image; None for what it has no head for."""
    local, whole = output.local_log_B2A, output.whole_log_B2A
    error_B = None
    if output.landmarks_BL2 is not None:
        predicted_BL2, truth_BL2 = output.landmarks_BL2.float(), targets.landmarks_BL2
        error_B = torch.from_numpy(landmark_errors(_array(predicted_BL2), _array(truth_BL2)))
    return {
        "probability": _probability(output),
        "local": None if local is None else local[:, 1].exp().float(),
        "whole": None if whole is None else whole[:, 1].exp().float(),
        "landmark_error": error_B,
    }


def _if_known(value: torch.Tensor) -> npt.NDArray[Any] | None:
    return None if bool(value.isnan().all()) else value.numpy()


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
