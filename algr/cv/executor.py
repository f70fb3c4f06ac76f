"""How the folds of one configuration are run: the port, and the carrier without a cluster."""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from algr.config import Config, config_hash
from algr.cv.numerics import Numerics
from algr.data import FoldPlan, PreparedDataset
from algr.data.node_copy import open_on_node
from algr.engine import (
    FoldEpoch,
    FoldResult,
    FoldsRun,
    ProgressListener,
    export_weights,
    load_exported,
    pick_device,
    resolved_precision,
    unheard,
)
from algr.errors import StudyError

CHECKPOINT_FILE = "checkpoint.pt"
MODEL_FILE = "model.pt"

EpochListener = Callable[[tuple[FoldEpoch, ...]], None]
"""Told one finished epoch of all folds at a time, in order."""


@dataclass(frozen=True)
class FoldsJob:
    """Some folds of a plan to be trained and scored with one configuration."""

    config: Config
    dataset_directory: Path
    plan: FoldPlan
    folds: tuple[int, ...]
    run_directory: Path
    """Holds the checkpoint and, if exported, the model; made if it is not there."""
    identity: str
    """From `job_identity`; a checkpoint of another identity is refused."""
    export_model: bool = False
    """Write the weights of the only fold's chosen epoch, for `exported_model`."""
    start_file: Path | None = None
    """What `train.init_from` names; on a cluster all nodes must see it."""
    dataset_place: str = ""
    """What the dataset was named by, if by its place; nodes that lack it pull it from there."""

    def __post_init__(self) -> None:
        assert self.folds, "a job without folds"
        assert not self.export_model or len(self.folds) == 1, "which fold's model?"


class FoldsExecutor(Protocol):
    """Runs the folds of a job, here or elsewhere. Running a job again continues it."""

    def numerics(self, config: Config, folds: Sequence[int]) -> Numerics:
        """How it would make the numbers of a job.

        Raises:
            UsageError: The workers cannot be shared out over the folds.
        """

    def execute(
        self,
        job: FoldsJob,
        *,
        on_epoch: EpochListener,
        on_progress: ProgressListener = unheard,
    ) -> tuple[FoldResult, ...]:
        """Train and score every fold of the job.

        Epochs that an earlier call finished are told to the listener again, not trained again.
        Progress within an epoch is told from time to time.

        Returns:
            One result per fold, in the order of `job.folds`.

        Raises:
            FoldFailedError: A fold cannot be trained with this configuration.
            StudyError: The run directory or the dataset is not the job's.
        """


class LocalExecutor:
    """Runs all folds in this process, interleaved epoch by epoch.

    Args:
        device: Where to compute; by default the first accelerator, else the CPU.
    """

    def __init__(self, *, device: torch.device | None = None) -> None:
        self._device = device or pick_device()

    def numerics(self, config: Config, folds: Sequence[int]) -> Numerics:  # noqa: ARG002 - the port's
        """How it would make the numbers of a job; see `FoldsExecutor`."""
        precision = resolved_precision(config.train.precision, device=self._device)
        return Numerics(precision=precision, device=self._device.type)

    def execute(
        self,
        job: FoldsJob,
        *,
        on_epoch: EpochListener,
        on_progress: ProgressListener = unheard,
    ) -> tuple[FoldResult, ...]:
        """Train and score every fold of the job; see `FoldsExecutor`."""
        run = FoldsRun(
            config=job.config,
            dataset=open_job_dataset(job),
            plan=job.plan,
            folds=job.folds,
            device=self._device,
            checkpoint=job.run_directory / CHECKPOINT_FILE,
            identity=job.identity,
            start_file=job.start_file,
            on_progress=on_progress,
        )
        while not run.is_finished:
            on_epoch(run.step())
        if job.export_model:
            export_weights(job.run_directory / MODEL_FILE, run.trainer(job.folds[0]).final_model())
        return run.results()


def job_identity(
    config: Config,
    plan: FoldPlan,
    folds: Sequence[int],
    *,
    since: Collection[str] = (),
    numerics: Numerics | None = None,
) -> str:
    """SHA-256 of all that the numbers depend on, as hexadecimal digits.

    Args:
        config: What is trained and how.
        plan: All folds.
        folds: Those of the job.
        since: Keys that the run was begun without, see `keys_of_run_since`.
        numerics: What the run remembers of its machines; by default one replica in fp32.
    """
    tree = {
        "config": config_hash(config, since=since),
        "fingerprint": plan.fingerprint,
        "protocol": plan.protocol,
        "folds_hash": plan.folds_hash,
        "folds": list(folds),
        **(numerics.in_identity if numerics else {}),
    }
    return hashlib.sha256(json.dumps(tree, sort_keys=True).encode()).hexdigest()


def open_job_dataset(job: FoldsJob) -> PreparedDataset:
    """The dataset that the job's folds were planned on.

    Raises:
        StudyError: The folder now holds another dataset.
    """
    dataset = open_on_node(
        job.dataset_directory, place=job.dataset_place, fingerprint=job.plan.fingerprint
    )
    if dataset.fingerprint != job.plan.fingerprint:
        raise StudyError(
            f"dataset {dataset.name} has fingerprint {dataset.fingerprint[:12]}",
            expected=f"{job.plan.fingerprint[:12]}, on which the folds were planned",
            advice="start under a new --name, or restore the dataset",
        )
    return dataset


def exported_model(job: FoldsJob) -> nn.Module:
    """The network that a finished job with `export_model` left, on the CPU.

    Raises:
        IntegrityError: The file is damaged.
    """
    dataset = open_job_dataset(job)
    return load_exported(
        job.run_directory / MODEL_FILE,
        job.config.model,
        kind=dataset.kind,
        label_names=dataset.label_names,
    )
