"""What a trial does in its worker: one epoch of every fold per step."""

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from algr.config import Config
from algr.data import FoldPlan, PreparedDataset
from algr.data.node_copy import open_on_node
from algr.engine import (
    FoldEpoch,
    FoldsRun,
    FrameSource,
    count_parameters,
    cpu_threads,
    latency_ms,
    mean_defined,
    open_frames,
    pick_device,
)
from algr.errors import StudyError
from algr.metrics import headline
from algr.tune import VALIDATION, Objective


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
    wall_s: float | None = None
    """Until the last fold had it; None where they take turns, so that it is `seconds`."""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    """Of the objectives behind the first; costs of the network after the last epoch only."""


class TrialRunner(Protocol):
    """A trial under way. One that starts on a checkpoint first returns its recorded epochs."""

    @property
    def is_finished(self) -> bool:
        """Whether `step` has returned the last epoch."""

    def step(self) -> TrialEpoch:
        """The next epoch.

        Raises:
            FoldFailedError: The training failed: a result of the search.
            ConfigError: The trial's values contradict each other: a result of the search.
            AlgrError: Something that the user has to mend before any trial can go on.
            TrialDiedError: Its processes died too often.
        """

    def close(self) -> None:
        """Give back what the trial holds besides this object; may be called again."""


class TrialDiedError(Exception):
    """A trial whose processes die again and again: a result of the search."""


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
    objectives: tuple[Objective, ...] = ()
    """Empty for the headline alone."""
    dataset_place: str = ""
    """What the dataset was named by, if by its place; nodes that lack it pull it from there."""

    def __call__(self, spec: TrialSpec) -> "FoldsRunner":
        """The runner of one trial."""
        dataset, frames = _open_dataset(
            self.dataset_directory, self.dataset_place, self.plan.fingerprint
        )
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
        objectives = self.objectives or (Objective(f"{VALIDATION}{headline(self.plan.kind)}"),)
        return FoldsRunner(run, config=spec.config, objectives=objectives)


class FoldsRunner:
    """The engine's loop as a trial's runner."""

    def __init__(self, run: FoldsRun, *, config: Config, objectives: tuple[Objective, ...]) -> None:
        self._run, self._config = run, config
        self._objectives = objectives

    @property
    def is_finished(self) -> bool:
        """Whether `step` has returned the last epoch."""
        return self._run.is_finished

    def step(self) -> TrialEpoch:
        """The next epoch of every fold."""
        folds = self._run.step()
        return trial_epoch(
            folds,
            objectives=self._objectives,
            costs=self._costs() if len(self._objectives) > 1 else {},
        )

    def close(self) -> None:
        """Nothing: it all ends with this object."""

    def _costs(self) -> dict[str, float]:
        seconds = sum(fold.seconds for row in self._run.history for fold in row)
        costs: dict[str, float] = {"train_seconds": seconds}
        if self.is_finished:
            model = self._run.trainer(self._run.history[0][0].fold).final_model()
            names = [one.name for one in self._objectives]
            costs |= network_costs(model, self._config, names=names, device=pick_device())
        return costs


def network_costs(
    model: nn.Module, config: Config, *, names: Sequence[str], device: torch.device
) -> dict[str, float]:
    """Costs that are known from the trained network; the latency only if it is named."""
    costs: dict[str, float] = {"parameters": count_parameters(model)}
    if "latency_ms" in names:
        with cpu_threads(config.train.threads_per_fold):
            costs["latency_ms"] = latency_ms(
                model, input_size=config.model.input_size, device=device
            )
    return costs


def trial_epoch(
    folds: Sequence[FoldEpoch],
    *,
    objectives: Sequence[Objective],
    costs: Mapping[str, float],
    wall_s: float | None = None,
) -> TrialEpoch:
    """What a search sees of one epoch: means over the folds in which a score is defined."""

    def figure(one: Objective) -> float | None:
        if not one.is_score:
            return costs[one.name]
        return mean_defined([fold.validation.get(one.metric) for fold in folds])

    return TrialEpoch(
        epoch=folds[0].epoch,
        value=figure(objectives[0]),
        seconds=sum(fold.seconds for fold in folds),
        folds=tuple(folds),
        wall_s=wall_s,
        figures={
            one.name: figure(one) for one in objectives[1:] if one.is_score or one.name in costs
        },
    )


def free_memory() -> None:
    """Give back what the trial before held on the accelerator."""
    gc.collect()
    torch.cuda.empty_cache()


@lru_cache(maxsize=1)
def _open_dataset(
    directory: Path, place: str, fingerprint: str
) -> tuple[PreparedDataset, FrameSource]:
    dataset = open_on_node(directory, place=place, fingerprint=fingerprint)
    if dataset.fingerprint != fingerprint:
        raise StudyError(
            f"dataset {dataset.name} has fingerprint {dataset.fingerprint[:12]} on a worker",
            expected=f"{fingerprint[:12]}, on which the folds were planned",
            advice="let every node see the same data home",
        )
    return dataset, open_frames(dataset, device=pick_device())
