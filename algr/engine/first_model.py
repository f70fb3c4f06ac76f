"""The network that a fold begins with: drawn, with landmarks at a face, or from given weights.

Shape suffixes: N = frames, L = 49 landmarks, 2 = x and y.
"""

import numpy as np
import torch
from torch import Tensor, nn

from algr.config import Config
from algr.data import PreparedDataset
from algr.engine.batches import Rows
from algr.engine.device import seeded
from algr.engine.export import network_for
from algr.faces import ALIGNED_SIZE, CROP_SIZE
from algr.models import NetworkSpec, Start, load_start, start_at_face


def first_model(
    config: Config, dataset: PreparedDataset, *, train_rows: Rows, seed: int, start: Start | None
) -> nn.Module:
    """On the CPU; loaded weights win over a start at the mean face.

    Args:
        config: Of the training.
        dataset: The frames.
        train_rows: Those of the fold's training subjects.
        seed: Of the weights that are drawn.
        start: The weights that `train.init_from` names; None where it names none.

    Raises:
        ConfigError: The weights do not fit.
    """
    model = fresh_model(config, dataset, seed=seed)
    if config.train.landmark_start == "mean":
        start_at_face(model, _mean_face(dataset, train_rows))
    if start is not None:
        spec = NetworkSpec(kind=dataset.kind, label_names=dataset.label_names, model=config.model)
        load_start(model, start, spec=spec)
    return model


def fresh_model(config: Config, dataset: PreparedDataset, *, seed: int) -> nn.Module:
    """On the CPU, with drawn weights."""
    with seeded(seed, device=torch.device("cpu")):
        return network_for(config.model, kind=dataset.kind, label_names=dataset.label_names)


def _mean_face(dataset: PreparedDataset, train_rows: Rows) -> Tensor:
    """Mean landmarks of the training frames, (49, 2) pixels of the centre crop."""
    landmarks_NL2 = dataset.frames.landmarks[train_rows].astype("float64")
    mean_L2 = np.nanmean(landmarks_NL2, axis=0) - (ALIGNED_SIZE - CROP_SIZE) / 2
    return torch.from_numpy(mean_L2).float()
