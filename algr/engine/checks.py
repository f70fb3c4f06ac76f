"""What is looked at before a fold is trained."""

import hashlib

import numpy as np
import torch
from torch import nn

from algr.config import Config, start_sha256
from algr.data import Fold, PreparedDataset
from algr.engine.ports import Collectives
from algr.errors import ConfigError, DataError
from algr.models import check_model

SMALLEST_SHARE = 2
"""Images that each replica needs in each batch, for its batch-norm statistics."""


def check_buildable(config: Config, *, replicas: int) -> None:
    """Refuse what the configuration asks for and the engine does not do.

    Raises:
        ConfigError: With all problems.
    """
    check_model(config.model)
    problems = []
    train = config.train
    if train.init_from is not None and start_sha256(train.init_from) is None:
        problems.append(
            f"train.init_from: {train.init_from} names no weights by their checksum, which "
            "algr cv and algr tune put in its place"
        )
    if train.compile == "on":
        problems.append("train.compile: on is not built yet; only auto and off are")
    if replicas > 1 and config.loss.dice == "official":
        problems.append("loss.dice: official sums over the whole batch; use image with replicas")
    if train.batch_size < SMALLEST_SHARE * replicas:
        problems.append(
            f"train.batch_size: {train.batch_size} is too small for {replicas} replicas; "
            f"at least {SMALLEST_SHARE * replicas}"
        )
    if problems:
        raise ConfigError("the fold cannot be trained as configured", problems=problems)


def check_fold(fold: Fold, dataset: PreparedDataset, *, protocol: str, replicas: int) -> None:
    """Refuse a fold that leaves nothing to learn from or to choose by.

    Raises:
        DataError: Naming the part of the fold.
    """
    train_rows = dataset.indices_of(fold.train)
    if len(train_rows) < SMALLEST_SHARE * replicas:
        raise DataError(
            f"fold {fold.index} has {len(train_rows)} training frames",
            expected=f"at least {SMALLEST_SHARE * replicas}",
        )
    parts = {"training": fold.train}
    if protocol == "paper":
        parts |= {"test": fold.test} if fold.test else {}
    elif fold.test or fold.validation:
        parts["validation"] = fold.validation
    for name, subjects in parts.items():
        if not _known(dataset, dataset.indices_of(subjects)):
            what = "a known grade" if dataset.kind == "grade" else "a coded action unit"
            raise DataError(
                f"fold {fold.index}: no frame of its {len(subjects)} {name} subjects has {what}",
                expected="at least one frame to learn from and one to choose the epoch by",
                advice="use fewer folds, a larger cv.validation_fraction, or more subjects",
            )


def _known(dataset: PreparedDataset, rows: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> bool:
    truth = dataset.frames.grade if dataset.kind == "grade" else dataset.frames.labels
    return bool((truth[rows] >= 0).any())


def check_replicas_equal(model: nn.Module, *, collectives: Collectives) -> None:
    """Make sure that all replicas hold replica 0's weights, bit for bit.

    Raises:
        RuntimeError: On every replica, if one differs: seeds or library versions are not the same.
    """
    if collectives.size == 1:
        return
    own = torch.frombuffer(bytearray(weights_digest(model)), dtype=torch.uint8).long()
    first = own.clone()
    collectives.broadcast_(first)
    differing = (own != first).any().long()
    collectives.sum_(differing)
    if int(differing):
        raise RuntimeError(f"{int(differing)} of {collectives.size} replicas hold other weights")


def weights_digest(model: nn.Module) -> bytes:
    """SHA-256 over the names and bytes of all parameters and buffers."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.digest()
