"""The search as a durable study: what is suggested, what is pruned, what was found.

Knows Optuna, and neither how a trial is trained nor where it runs.
"""

from algr.tune.folder import (
    StudyHeader,
    StudyProgress,
    check_storage,
    load_study,
    look_into,
    read_header,
    read_progress,
    read_records,
    refuse_other_study,
    storage_address,
)
from algr.tune.forecast import ASSUMPTION, EpochForecast, forecast_epochs
from algr.tune.identity import StudyIdentity
from algr.tune.limits import Budget, Clock, Limits, iso, settle_limits
from algr.tune.objectives import (
    COSTS,
    HEADLINE,
    VALIDATION,
    Objective,
    pareto_front,
    parse_objectives,
    recorded_objectives,
)
from algr.tune.pace import Pace
from algr.tune.records import (
    TrialRecord,
    TrialState,
    best_of,
    contradiction,
    epoch_values,
    front_of,
    has_begun,
)
from algr.tune.signals import Halt, Wish, ask, asked, forget
from algr.tune.store import StartedTrial, StudyStore, open_study
from algr.tune.strategies import (
    NumberedSampler,
    RungPruner,
    build_pruner,
    is_finite,
    suggest,
)
from algr.tune.warm import WarmStart, read_warm_start

__all__ = [
    "ASSUMPTION",
    "COSTS",
    "HEADLINE",
    "VALIDATION",
    "Budget",
    "Clock",
    "EpochForecast",
    "Halt",
    "Limits",
    "NumberedSampler",
    "Objective",
    "Pace",
    "RungPruner",
    "StartedTrial",
    "StudyHeader",
    "StudyIdentity",
    "StudyProgress",
    "StudyStore",
    "TrialRecord",
    "TrialState",
    "WarmStart",
    "Wish",
    "ask",
    "asked",
    "best_of",
    "build_pruner",
    "check_storage",
    "contradiction",
    "epoch_values",
    "forecast_epochs",
    "forget",
    "front_of",
    "has_begun",
    "is_finite",
    "iso",
    "load_study",
    "look_into",
    "open_study",
    "pareto_front",
    "parse_objectives",
    "read_header",
    "read_progress",
    "read_records",
    "read_warm_start",
    "recorded_objectives",
    "refuse_other_study",
    "settle_limits",
    "storage_address",
    "suggest",
]
