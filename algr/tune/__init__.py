"""The search as a durable study: what is suggested, what is pruned, what was found.

Knows Optuna, and neither how a trial is trained nor where it runs.
"""

from algr.tune.forecast import ASSUMPTION, EpochForecast, forecast_epochs
from algr.tune.identity import StudyIdentity
from algr.tune.records import TrialRecord, TrialState
from algr.tune.store import (
    StartedTrial,
    StudyHeader,
    StudyStore,
    open_study,
    read_header,
    read_records,
    read_wanted,
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
    "EpochForecast",
    "NumberedSampler",
    "RungPruner",
    "StartedTrial",
    "StudyHeader",
    "StudyIdentity",
    "StudyStore",
    "TrialRecord",
    "TrialState",
    "build_pruner",
    "forecast_epochs",
    "is_finite",
    "open_study",
    "read_header",
    "read_records",
    "read_wanted",
    "suggest",
]
