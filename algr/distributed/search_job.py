"""What a search is asked for, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from algr.config import Config, SearchSpace
from algr.data import FoldPlan
from algr.tune import (
    HEADLINE,
    Halt,
    Limits,
    Objective,
    StudyIdentity,
    TrialRecord,
    WarmStart,
    front_of,
)


@dataclass(frozen=True)
class SearchJob:
    """What is searched, on what, and where it is kept."""

    config: Config
    """What every trial has in common."""
    space: SearchSpace
    plan: FoldPlan
    dataset_directory: Path
    study_directory: Path
    """Its last part is the study's name; on a cluster all nodes must see it."""
    trials: int | None
    """In all; None for as many as an earlier start wanted."""
    max_concurrent: int | None = None
    """Trials at once; None for one per device."""
    gpus_per_trial: float | None = None
    """At most 1; None for a whole one."""
    workers_per_trial: int = 1
    """Each has a device; more than folds share the batches of each fold."""
    resume: bool = False
    objectives: tuple[Objective, ...] = ()
    """Empty for the headline of the plan's kind."""
    points: tuple[Mapping[str, Any], ...] = ()
    """Tried before others, besides those of the space."""
    warm: WarmStart | None = None
    storage_url: str | None = None
    """A database for the trials of a new study; else a journal in its folder."""
    limits: Limits = field(default_factory=Limits)
    start_file: Path | None = None
    """What `train.init_from` names; on a cluster all nodes must see it."""
    dataset_place: str = ""
    """What the dataset was named by, if by its place; nodes that lack it pull it from there."""

    @property
    def identity(self) -> StudyIdentity:
        """What the study is about."""
        return StudyIdentity(
            config=self.config,
            space=self.space,
            folds_hash=self.plan.folds_hash,
            fingerprint=self.plan.fingerprint,
            objectives=tuple(one.name for one in self.objectives),
            replicas=max(1, self.workers_per_trial // len(self.plan.folds)),
        )


@dataclass(frozen=True)
class SearchOutcome:
    """A finished search, or one that was told to end with something to show."""

    trials: tuple[TrialRecord, ...]
    best: TrialRecord
    stopped: Halt | None = None
    """Why it ended before its trials did; nothing may follow it then."""
    objectives: tuple[Objective, ...] = (HEADLINE,)
    gpu_hours: float = 0.0
    """For which trials of this command held GPUs."""
    is_complete: bool = True
    """Whether all trials have ended; what is stopped then is what follows them."""

    @property
    def front(self) -> tuple[TrialRecord, ...]:
        """With several objectives: the trials that no other one beats in all of them."""
        return front_of(self.trials, self.objectives) if len(self.objectives) > 1 else ()
