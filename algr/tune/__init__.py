"""The search as a durable study: what is suggested, what is pruned, what was found.

Knows Optuna, and neither how a trial is trained nor where it runs.
"""

from algr.tune.forecast import ASSUMPTION, EpochForecast, forecast_epochs
from algr.tune.identity import StudyIdentity
from algr.tune.limits import Budget, Clock, Limits, iso, settle_limits
from algr.tune.records import TrialRecord, TrialState, best_of
from algr.tune.signals import Halt, Wish, ask, asked, forget
from algr.tune.store import (
    StartedTrial,
    StudyHeader,
    StudyProgress,
    StudyStore,
    open_study,
    read_header,
    read_progress,
    read_records,
)
from algr.tune.strategies import (
    NumberedSampler,
    RungPruner,
    build_pruner,
    is_finite,
    suggest,
)

__all__ = [
    "ASSUMPTION",
    "Budget",
    "Clock",
    "EpochForecast",
    "Halt",
    "Limits",
    "NumberedSampler",
    "RungPruner",
    "StartedTrial",
    "StudyHeader",
    "StudyIdentity",
    "StudyProgress",
    "StudyStore",
    "TrialRecord",
    "TrialState",
    "Wish",
    "ask",
    "asked",
    "best_of",
    "build_pruner",
    "forecast_epochs",
    "forget",
    "is_finite",
    "iso",
    "open_study",
    "read_header",
    "read_progress",
    "read_records",
    "settle_limits",
    "suggest",
]
