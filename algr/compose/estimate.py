"""`algr tune --dry-run`: what a search would cost, from some measured steps. Writes nothing."""

import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from algr.compose.gpu_share import refuse_without_gpu
from algr.compose.measured import (
    MOST_COPIES,
    PointCost,
    device_memory,
    measure_points,
    on_gpu,
    points_to_measure,
)
from algr.compose.requests import TrainingRequest
from algr.compose.search import PlannedSearch, SearchOptions, plan_search, with_share
from algr.compose.start import check_start
from algr.compose.study import STUDY_FILE, wanted_trials
from algr.compose.trial_shape import TRAIN_RUN_S, TrialShape
from algr.compose.within_limits import LimitForecast, forecast_limits
from algr.data import FoldPlan
from algr.distributed import Devices, SearchJob, devices_at, room_of, trials_at_once
from algr.errors import ConfigError, DataError
from algr.tune import ASSUMPTION, Limits, TrialRecord, forecast_epochs, read_records

_SEARCH_START_S = 12.0
"""Ray, its first worker with torch, and the tracker."""
_EXPORT_S = 30.0
"""Export, its checks and the registration."""
_USABLE_SHARE = 0.9
"""Of a device's memory."""


@dataclass(frozen=True, kw_only=True)
class SearchEstimate:
    """What a search would do and cost."""

    study: str
    dataset: str
    device: str
    trials: int
    ended: Mapping[str, int]
    """Trials of the study by state, which are not repeated."""
    half_done: tuple[str, ...]
    folds: int
    epochs: int
    expected_epochs: float
    """Per trial, with the pruner."""
    pruner: str
    points: tuple[PointCost, ...]
    mean_trial_s: float
    """Over the space, nothing stopped, by all workers of a trial."""
    at_once: int
    workers_per_trial: int
    fits_one_device: int
    gpus_per_trial: float
    hours_unpruned: float
    hours_pruned: float
    finish_hours: float
    gpu_hours_unpruned: float
    gpu_hours_pruned: float
    disk_bytes: int
    disk_free: int
    memory_bytes: int
    memory_device: int
    remarks: tuple[str, ...]
    limit: LimitForecast | None = None
    """Where the limits would end it; None without limits."""

    def to_dict(self) -> dict[str, Any]:
        """What `algr tune --dry-run --json` prints."""
        return {
            "study": self.study,
            "dataset": self.dataset,
            "device": self.device,
            "trials": self.trials,
            "skipped": dict(self.ended),
            "half_done": list(self.half_done),
            "folds": self.folds,
            "epochs": self.epochs,
            "expected_epochs": round(self.expected_epochs, 3),
            "pruner": self.pruner,
            "assumption": ASSUMPTION,
            "points": [point.to_dict() for point in self.points],
            "mean_trial_seconds": round(self.mean_trial_s, 2),
            "at_once": self.at_once,
            "workers_per_trial": self.workers_per_trial,
            "fits_one_device": self.fits_one_device,
            "gpus_per_trial": self.gpus_per_trial,
            "hours_unpruned": round(self.hours_unpruned, 5),
            "hours_pruned": round(self.hours_pruned, 5),
            "finish_hours": round(self.finish_hours, 5),
            "gpu_hours_unpruned": round(self.gpu_hours_unpruned, 5),
            "gpu_hours_pruned": round(self.gpu_hours_pruned, 5),
            "disk_bytes": self.disk_bytes,
            "disk_free": self.disk_free,
            "memory_bytes": self.memory_bytes,
            "memory_device": self.memory_device,
            "remarks": list(self.remarks),
            "limit": None if self.limit is None else self.limit.to_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a search would run."""

    devices: Devices
    memory_bytes: int
    """Of the first GPU, else of this machine."""
    disk_free: int

    @classmethod
    def of(cls, request: TrainingRequest) -> "Site":
        """This machine, and the cluster if one was named.

        Raises:
            ClusterError: It does not answer.
        """
        return cls(
            devices=devices_at(request.address),
            memory_bytes=device_memory(),
            disk_free=free_disk(request.home.root),
        )


def estimate_search(request: TrainingRequest, options: SearchOptions) -> SearchEstimate:
    """Check a search as its start would, measure some steps, and add up.

    Raises:
        AlgrError: What would stop the search: options, dataset, space, study, disk, memory.
    """
    now = time.time()
    planned = plan_search(request, options, settle=check_start)
    if options.gpus_per_trial is not None:
        refuse_without_gpu()
    site = Site.of(request)
    (points,) = measure_job(planned.job, plans=(planned.job.plan,), site=site)
    job = with_share(planned.job, options, costs=points)
    finish_s = _finish_s(planned, points[0], site.devices)
    estimate = estimate_job(job, points, site=site, finish_s=finish_s)
    refuse_full_disk(estimate)
    return replace(
        estimate,
        limit=within_limits(estimate, job.limits, now=now, hours=estimate.hours_pruned),
        remarks=(*estimate.remarks, *cluster_remarks(request), *planned.notice.remarks),
    )


def measure_job(
    job: SearchJob, *, plans: Sequence[FoldPlan], site: Site
) -> tuple[tuple[PointCost, ...], ...]:
    """The costs of a search's configuration and of the ends of its space, for each plan.

    Raises:
        ConfigError: The configuration itself does not train here.
        AlgrError: A trial does not fit into the session.
    """
    resources = room_of(job, site.devices)
    copies = _at_once(job, trials_at_once(resources, site.devices)) * job.workers_per_trial
    costs = measure_points(
        points_to_measure(job.space, job.config),
        config=job.config,
        directory=job.dataset_directory,
        plans=plans,
        copies=1 if site.devices.gpus else min(copies, MOST_COPIES),
    )
    if failure := costs[0][0].failure:
        raise ConfigError(
            f"this configuration does not train here: {failure}",
            advice="lower train.batch_size or model.width",
        )
    return costs


def estimate_job(
    job: SearchJob, points: Sequence[PointCost], *, site: Site, finish_s: float
) -> SearchEstimate:
    """What is missing of one search.

    Args:
        job: The search.
        points: Measured, the configuration itself first.
        site: Where it would run.
        finish_s: Of what follows it.
    """
    config, devices = job.config, site.devices
    shape = TrialShape.of(job.plan, workers=job.workers_per_trial)
    resources = room_of(job, devices)
    at_once = _at_once(job, trials_at_once(resources, devices))
    records = known_records(job)
    ended = [
        record
        for record in records
        if record.state not in ("RUNNING", "WAITING") and not record.adopted
    ]
    half_done = [record for record in records if record.state == "RUNNING"]
    trials = wanted_trials(job)
    left = max(trials - len(ended), 0)
    mean_trial_s = shape.wall_s(_mean_over(points))
    known = forecast_epochs(config.tune, num_epochs=config.train.num_epochs, trials=trials)
    done_epochs = sum(record.epochs for record in half_done)
    whole_s = max(left * mean_trial_s - done_epochs * shape.wall_s(points[0].epoch_s), 0.0)
    waves_s = math.ceil(left / at_once) * at_once * mean_trial_s
    fixed_s = left * shape.fixed_s
    gpus = float(resources.get("gpu", 0))
    per_trial = shape.memory_bytes(points, on_gpu=on_gpu())
    checkpoint = max(point.checkpoint_bytes for point in points)
    return SearchEstimate(
        study=job.study_directory.name,
        dataset=job.plan.dataset,
        device="GPU" if devices.gpus else "CPU",
        trials=trials,
        ended=_counted([record.state for record in ended]),
        half_done=tuple(
            f"trial {record.number}: goes on after {record.epochs} epochs" for record in half_done
        ),
        folds=len(job.plan.folds),
        epochs=config.train.num_epochs,
        expected_epochs=known.expected,
        pruner=config.tune.pruner,
        points=tuple(points),
        mean_trial_s=mean_trial_s,
        at_once=at_once,
        workers_per_trial=shape.workers,
        fits_one_device=max(int(_USABLE_SHARE * site.memory_bytes // max(per_trial, 1)), 0),
        gpus_per_trial=gpus,
        hours_unpruned=_hours(
            left, (max(whole_s, waves_s if not half_done else 0) + fixed_s) / at_once
        ),
        hours_pruned=_hours(
            left,
            max(
                (whole_s * known.share + fixed_s) / at_once,
                shape.wall_s(points[0].trial_s) + shape.fixed_s,
            ),
        ),
        finish_hours=finish_s / 3600,
        gpu_hours_unpruned=gpus * (whole_s + fixed_s) / 3600,
        gpu_hours_pruned=gpus * (whole_s * known.share + fixed_s) / 3600,
        disk_bytes=checkpoint * (2 * min(at_once, max(left, 1)) + 3),
        disk_free=site.disk_free,
        memory_bytes=per_trial,
        memory_device=site.memory_bytes,
        remarks=_remarks(points, needed_bytes=at_once * per_trial, site=site),
    )


def within_limits(
    estimate: SearchEstimate, limits: Limits, *, now: float, hours: float
) -> LimitForecast | None:
    """Where the limits would end the search, with the pruner; None without limits.

    Args:
        estimate: Of what is missing.
        limits: Of the command.
        now: Its start.
        hours: That it would take by the clock.
    """
    done = sum(estimate.ended.values())
    found = forecast_limits(
        limits,
        now=now,
        hours=hours,
        gpu_hours=estimate.gpu_hours_pruned,
        start_hours=_SEARCH_START_S / 3600,
        trials=max(estimate.trials - done, 0),
    )
    return None if found is None else replace(found, trials=found.trials + done)


def known_records(job: SearchJob) -> tuple[TrialRecord, ...]:
    """The trials of the study so far; none if it is not begun."""
    directory = job.study_directory
    return read_records(directory) if (directory / STUDY_FILE).exists() else ()


def refuse_full_disk(estimate: SearchEstimate) -> None:
    """Refuse a search whose files would not fit.

    Raises:
        DataError: They do not.
    """
    if estimate.disk_bytes > estimate.disk_free:
        raise DataError(
            f"the search needs about {estimate.disk_bytes / 1e9:.2f} GB for checkpoints and models",
            expected=f"at most the {estimate.disk_free / 1e9:.2f} GB that are free",
            advice="free some, choose another --data-home, or lower --max-concurrent",
        )


def cluster_remarks(request: TrainingRequest) -> tuple[str, ...]:
    """What a measurement on this machine says little about."""
    if not request.address:
        return ()
    return ("measured on this machine; the cluster's devices may be faster or slower",)


def _at_once(job: SearchJob, fits: int) -> int:
    return min(job.max_concurrent or fits, fits)


def free_disk(folder: Path) -> int:
    """Free bytes where the folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _mean_over(points: Sequence[PointCost]) -> float:
    """A trial's mean seconds over the space: each parameter's ends give a factor of its own."""
    own = points[0].trial_s
    by_key: dict[str, list[float]] = {}
    for point in points[1:]:
        if len(point.point) == 1 and not point.failure:
            by_key.setdefault(next(iter(point.point)), []).append(point.trial_s / own)
    factors = [sum(ratios) / len(ratios) for ratios in by_key.values()]
    return own * math.prod(factors)


def _hours(left: int, seconds: float) -> float:
    return (seconds + _SEARCH_START_S) / 3600 if left else 0.0


def _finish_s(planned: PlannedSearch, cost: PointCost, devices: Devices) -> float:
    """Cross-validation, refit with as many epochs as a fold may have, export."""
    plan, dataset = planned.material.plan, planned.material.dataset
    folds = len(plan.folds)
    workers = planned.request.workers or max(1, min(folds, devices.count))
    turns = math.ceil(folds / min(workers, folds))
    trained = sum(len(dataset.indices_of(fold.train)) for fold in plan.folds)
    refit_s = cost.trial_s * dataset.num_frames / max(trained, 1)
    return cost.trial_s * turns / folds + refit_s + 2 * TRAIN_RUN_S + _EXPORT_S


def _remarks(points: Sequence[PointCost], *, needed_bytes: int, site: Site) -> tuple[str, ...]:
    remarks = [f"{_words(point.point)}: {point.failure}" for point in points[1:] if point.failure]
    if not on_gpu() and needed_bytes > _USABLE_SHARE * site.memory_bytes:
        remarks.append(
            f"all trials at once need {needed_bytes / 1e9:.1f} GB of "
            f"{site.memory_bytes / 1e9:.1f}: lower --max-concurrent"
        )
    return tuple(remarks)


def _words(point: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in point.items())


def _counted(states: Sequence[str]) -> dict[str, int]:
    return {state: states.count(state) for state in dict.fromkeys(states)}
