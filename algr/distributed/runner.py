"""What a trial does in its worker: one epoch of every fold per step."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

import torch

from algr.config import Config
from algr.data import FoldPlan, PreparedDataset
from algr.engine import (
    FoldEpoch,
    FoldsRun,
    FrameSource,
    epoch_value,
    open_frames,
    pick_device,
)
from algr.errors import StudyError


@dataclass(frozen=True)
class TrialSpec:
    """One trial, as its worker gets it."""

    number: int
    config: Config
    checkpoint: Path
    identity: str
    """Hash of what the trial's numbers depend on."""


@dataclass(frozen=True)
class TrialEpoch:
    """One finished epoch of every fold."""

    epoch: int
    """0-based."""
    value: float | None
    """Mean over folds of the validation headline; None if it is undefined."""
    seconds: float
    """Sum over folds."""
    folds: tuple[FoldEpoch, ...]


class TrialRunner(Protocol):
    """A trial under way. One that starts on a checkpoint first returns its recorded epochs."""

    @property
    def is_finished(self) -> bool:
        """Whether `step` has returned the last epoch."""

    def step(self) -> TrialEpoch:
        """The next epoch.

        Raises:
            FoldFailedError: The configuration cannot be trained: a result of the search.
            AlgrError: Something that the user has to mend before any trial can go on.
        """


class RunnerFactory(Protocol):
    """Makes the runner of a trial, in the worker. Travels there by pickle."""

    def __call__(self, spec: TrialSpec) -> TrialRunner:
        """The runner, at its first step."""


@dataclass(frozen=True)
class FoldsRunnerFactory:
    """Trains all folds of a plan; the worker keeps its data open from trial to trial."""

    dataset_directory: Path
    plan: FoldPlan
    start_file: Path | None = None
    """What `train.init_from` names, if anything."""

    def __call__(self, spec: TrialSpec) -> "FoldsRunner":
        """The runner of one trial."""
        dataset, frames = _open_dataset(self.dataset_directory, self.plan.fingerprint)
        run = FoldsRun(
            config=spec.config,
            dataset=dataset,
            plan=self.plan,
            folds=[fold.index for fold in self.plan.folds],
            device=pick_device(),
            checkpoint=spec.checkpoint,
            identity=spec.identity,
            frames=frames,
            start_file=self.start_file,
        )
        return FoldsRunner(run, kind=self.plan.kind)


class FoldsRunner:
    """The engine's loop as a trial's runner."""

    def __init__(self, run: FoldsRun, *, kind: Literal["au", "grade"]) -> None:
        self._run = run
        self._kind = kind

    @property
    def is_finished(self) -> bool:
        """Whether `step` has returned the last epoch."""
        return self._run.is_finished

    def step(self) -> TrialEpoch:
        """The next epoch of every fold."""
        return trial_epoch(self._run.step(), kind=self._kind)


def trial_epoch(folds: Sequence[FoldEpoch], *, kind: Literal["au", "grade"]) -> TrialEpoch:
    """What a search sees of one epoch."""
    return TrialEpoch(
        epoch=folds[0].epoch,
        value=epoch_value(folds, kind),
        seconds=sum(fold.seconds for fold in folds),
        folds=tuple(folds),
    )


def free_memory() -> None:
    """Give back what the trial before held on the accelerator."""
    gc.collect()
    torch.cuda.empty_cache()


@lru_cache(maxsize=1)
def _open_dataset(directory: Path, fingerprint: str) -> tuple[PreparedDataset, FrameSource]:
    dataset = PreparedDataset.open(directory)
    if dataset.fingerprint != fingerprint:
        raise StudyError(
            f"dataset {dataset.name} has fingerprint {dataset.fingerprint[:12]} on a worker",
            expected=f"{fingerprint[:12]}, on which the folds were planned",
            advice="let every node see the same data home",
        )
    return dataset, open_frames(dataset, device=pick_device())
