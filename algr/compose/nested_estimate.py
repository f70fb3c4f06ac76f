"""`algr tune --protocol nested --dry-run`: all outer folds, from some steps measured once."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from algr.compose.estimate import (
    SearchEstimate,
    Site,
    cluster_remarks,
    estimate_job,
    known_records,
    measure_job,
    refuse_full_disk,
    within_limits,
)
from algr.compose.gpu_share import refuse_without_gpu
from algr.compose.measured import PointCost
from algr.compose.nested import PlannedNested, plan_nested_search
from algr.compose.requests import TrainingRequest
from algr.compose.search import SearchOptions, with_share
from algr.compose.start import check_start
from algr.compose.study import objectives_of, wanted_trials
from algr.compose.trial_shape import TRAIN_RUN_S
from algr.cv import CHECKPOINT_FILE, FoldsJob
from algr.data import NestedFold
from algr.engine import load_checkpoint
from algr.tune import TrialRecord, best_of


@dataclass(frozen=True, kw_only=True)
class NestedEstimate:
    """What a nested search would do and cost."""

    whole: SearchEstimate
    """All searches together; what it says of one trial is said of outer fold 0."""
    searches: tuple[SearchEstimate, ...]
    """By outer fold; the training and test that follow are its `finish_hours`."""

    def to_dict(self) -> dict[str, Any]:
        """What `algr tune --protocol nested --dry-run --json` prints."""
        return {
            **self.whole.to_dict(),
            "outer": [
                {key: value for key, value in search.to_dict().items() if key in _BY_FOLD}
                for search in self.searches
            ],
        }


_BY_FOLD = (
    "study",
    "trials",
    "skipped",
    "half_done",
    "folds",
    "mean_trial_seconds",
    "hours_unpruned",
    "hours_pruned",
    "finish_hours",
    "gpu_hours_unpruned",
    "gpu_hours_pruned",
)


def estimate_nested(request: TrainingRequest, options: SearchOptions) -> NestedEstimate:
    """Check a nested search as its start would, measure some steps, and add up.

    Steps are measured once; each inner fold and each final training counts with its own frames.

    Raises:
        AlgrError: What would stop the search: options, dataset, space, study, disk, memory.
    """
    now = time.time()
    planned = plan_nested_search(request, options, settle=check_start)
    if options.gpus_per_trial is not None:
        refuse_without_gpu()
    site = Site.of(request)
    plans = [fold.inner for fold in planned.folds]
    plans += [planned.final_plan(fold) for fold in planned.folds]
    costs = measure_job(planned.common, plans=plans, site=site)
    planned = replace(planned, common=with_share(planned.common, options, costs=costs[0]))
    count = len(planned.folds)
    searches = tuple(
        estimate_job(
            planned.search_job(fold), points, site=site, finish_s=_final_s(planned, fold, final[0])
        )
        for fold, points, final in zip(planned.folds, costs[:count], costs[count:], strict=True)
    )
    whole = replace(
        _together(planned.name, searches),
        disk_bytes=_disk_bytes(searches, finals=costs[count:]),
        remarks=(
            *dict.fromkeys(remark for search in searches for remark in search.remarks),
            *cluster_remarks(request),
            *planned.notice.remarks,
        ),
    )
    refuse_full_disk(whole)
    hours = whole.hours_pruned + whole.finish_hours  # an outer fold is tested before the next one
    limit = within_limits(whole, planned.common.limits, now=now, hours=hours)
    return NestedEstimate(whole=replace(whole, limit=limit), searches=searches)


def _together(name: str, searches: Sequence[SearchEstimate]) -> SearchEstimate:
    """One after the other."""
    ended: Counter[str] = Counter()
    for search in searches:
        ended.update(search.ended)
    return replace(
        searches[0],
        study=name,
        trials=sum(search.trials for search in searches),
        ended=dict(ended),
        half_done=tuple(
            f"{search.study}, {line}" for search in searches for line in search.half_done
        ),
        mean_trial_s=sum(search.mean_trial_s for search in searches) / len(searches),
        hours_unpruned=sum(search.hours_unpruned for search in searches),
        hours_pruned=sum(search.hours_pruned for search in searches),
        finish_hours=sum(search.finish_hours for search in searches),
        gpu_hours_unpruned=sum(search.gpu_hours_unpruned for search in searches),
        gpu_hours_pruned=sum(search.gpu_hours_pruned for search in searches),
        memory_bytes=max(search.memory_bytes for search in searches),
    )


def _final_s(planned: PlannedNested, fold: NestedFold, cost: PointCost) -> float:
    """Of the training that follows the search of an outer fold, as far as it is missing."""
    job = planned.search_job(fold)
    records, epochs = known_records(job), job.config.train.num_epochs
    best = best_of(records, objectives_of(job)[0])
    missing = epochs
    if best is not None and _is_searched(records, wanted=wanted_trials(job)):
        missing -= _finished_epochs(planned.final_job(fold, best))
    if not missing:
        return 0.0
    return cost.trial_s * missing / epochs / (planned.request.workers or 1) + TRAIN_RUN_S


def _is_searched(records: Sequence[TrialRecord], *, wanted: int) -> bool:
    """Whether the best trial stays the best."""
    begun = [record for record in records if record.state != "WAITING"]
    return len(begun) >= wanted and all(record.state != "RUNNING" for record in begun)


def _finished_epochs(job: FoldsJob) -> int:
    file = job.run_directory / CHECKPOINT_FILE
    return load_checkpoint(file, identity=job.identity).epoch if file.exists() else 0


def _disk_bytes(
    searches: Sequence[SearchEstimate], *, finals: Sequence[Sequence[PointCost]]
) -> int:
    """Searches come one after the other; each leaves its best trial and a final training."""
    kept = sum(
        max(point.checkpoint_bytes for point in (*search.points, *final))
        + max(point.checkpoint_bytes for point in final)
        for search, final in zip(searches, finals, strict=True)
    )
    return kept + max(search.disk_bytes for search in searches)
