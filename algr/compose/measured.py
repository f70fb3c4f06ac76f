"""Some steps of the configurations at a search's extremes, measured in processes of their own."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from algr.config import Config, SearchSpace, flatten, with_values
from algr.data import FoldPlan, PreparedDataset
from algr.engine import FoldFailedError, Rehearsal, rehearse, steps_of
from algr.errors import ConfigError

_FREE_OF_CHARGE = (
    "cv.",
    "loss.align_weight",
    "loss.class_weights",
    "model.region_offset_bound",
    "model.region_scale",
    "seed",
    "train.clip_norm",
    "train.decay_",
    "train.landmark_start",
    "train.learning_rate",
    "train.momentum",
    "train.region_head_lr_factor",
    "train.warmup_steps",
    "train.weight_decay",
    "tune.",
)
"""Keys, or how they begin, that change neither the size nor the speed of a training."""
_MOST_POINTS = 8
MOST_COPIES = 4
"""Measured at the same time, at most."""
_CONTEXT_BYTES = 600 * 1024**2
"""What a process holds on a GPU besides its tensors."""


@dataclass(frozen=True)
class PointCost:
    """A measured configuration."""

    point: Mapping[str, Any]
    """What differs from the configuration."""
    trial_s: float
    """All epochs of all folds, one trial, nothing stopped."""
    epoch_s: float
    """All folds."""
    memory_bytes: int
    """Of a whole trial: the process on the CPU, the device's memory on a GPU."""
    checkpoint_bytes: int
    fold_bytes: int = 0
    """What of the memory each fold holds that waits for its turn."""
    failure: str = ""
    """Why it cannot be trained; the figures are then 0."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "point": dict(self.point),
            "trial_seconds": round(self.trial_s, 2),
            "epoch_seconds": round(self.epoch_s, 3),
            "memory_bytes": self.memory_bytes,
            "checkpoint_bytes": self.checkpoint_bytes,
            "failure": self.failure,
        }


def points_to_measure(space: SearchSpace, config: Config) -> tuple[dict[str, Any], ...]:
    """The configuration itself, and the ends of each parameter on which size or speed depends."""
    points: list[dict[str, Any]] = [{}]
    own = flatten(config)
    costly = {
        key: rule for key, rule in space.parameters.items() if not key.startswith(_FREE_OF_CHARGE)
    }
    for key, rule in costly.items():
        points += [{key: value} for value in rule.extremes() if value != own[key]]
    largest = {
        key: rule.extremes()[-1] for key, rule in costly.items() if rule.type != "categorical"
    }
    if len(largest) > 1:
        points.insert(1, largest)
    return tuple(points[:_MOST_POINTS])


def measure_points(
    points: Sequence[Mapping[str, Any]],
    *,
    config: Config,
    directory: Path,
    plans: Sequence[FoldPlan],
    copies: int,
) -> tuple[tuple[PointCost, ...], ...]:
    """Measure each point in processes of its own, as many at once as trials would run.

    Args:
        points: What differs from the configuration.
        config: That the trials vary.
        directory: Of the dataset.
        plans: Folds of one dataset. Steps are measured on the first plan and added up for each.
        copies: Processes at once.

    Returns:
        The costs of all points, for each plan.
    """
    by_point = [
        _measure(point, config=config, directory=directory, plans=plans, copies=copies)
        for point in points
    ]
    return tuple(zip(*by_point, strict=True))


def device_memory() -> int:
    """Bytes of the first GPU, else of this machine."""
    if on_gpu():
        return int(torch.cuda.mem_get_info(0)[1])
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _measure(
    point: Mapping[str, Any],
    *,
    config: Config,
    directory: Path,
    plans: Sequence[FoldPlan],
    copies: int,
) -> list[PointCost]:
    with ProcessPoolExecutor(copies, mp_context=get_context("spawn")) as pool:
        try:
            tried = with_values(config, {**point, "train.init_from": None})
            running = [pool.submit(rehearse, directory, tried, plans[0]) for _ in range(copies)]
            costs = [one.result() for one in running]
        except (FoldFailedError, ConfigError) as error:
            return [PointCost(point, 0, 0, 0, 0, failure=error.reason)] * len(plans)
        except BrokenProcessPool:
            reason = "its process died; memory may be short"
            return [PointCost(point, 0, 0, 0, 0, failure=reason)] * len(plans)
    dataset = PreparedDataset.open(directory)
    return [_trial_cost(point, tried, plan, dataset, costs) for plan in plans]


def _trial_cost(
    point: Mapping[str, Any],
    config: Config,
    plan: FoldPlan,
    dataset: PreparedDataset,
    costs: Sequence[Rehearsal],
) -> PointCost:
    step_s = sum(cost.train_step_s for cost in costs) / len(costs)
    batch_s = sum(cost.score_batch_s for cost in costs) / len(costs)
    size = config.train.batch_size
    epoch_s = 0.0
    for fold in plan.folds:
        choosing = fold.test if plan.protocol == "paper" else fold.validation
        trained, scored = len(dataset.indices_of(fold.train)), len(dataset.indices_of(choosing))
        epoch_s += steps_of(trained, batch_size=size) * step_s + scored / size * batch_s
        epoch_s += costs[0].save_s
    folds = len(plan.folds)
    return PointCost(
        point=point,
        trial_s=config.train.num_epochs * epoch_s + folds * costs[0].start_s,
        epoch_s=epoch_s,
        memory_bytes=max(cost.peak_bytes for cost in costs)
        + (folds - 1) * costs[0].resident_bytes
        + (_CONTEXT_BYTES if on_gpu() else 0),
        checkpoint_bytes=folds * costs[0].state_bytes,
        fold_bytes=costs[0].resident_bytes,
    )


def on_gpu() -> bool:
    """Whether trainings run on a GPU of this machine."""
    return torch.cuda.is_available()
