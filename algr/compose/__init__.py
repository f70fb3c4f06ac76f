"""The wiring: which parts do a command's work, and in which order.

The command line calls these functions and prints what they return.
"""

from algr.compose.comparison import compare_by_name
from algr.compose.estimate import SearchEstimate, estimate_search
from algr.compose.explanation import ExplainRequest, explain_files
from algr.compose.finish import SearchResult
from algr.compose.purge import CANNOT_REMOVE, PurgeOutcome, patient_hash, purge_patient
from algr.compose.requests import TrainingRequest
from algr.compose.search import SearchOptions, search
from algr.compose.start import StartInUse, StartNotice
from algr.compose.studies import (
    StudyStatus,
    StudySummary,
    ask_study,
    dashboard_command,
    list_studies,
    resume_study,
    run_dashboard,
    study_status,
)
from algr.compose.training import CrossValidated, cross_validate
from algr.compose.usage import (
    list_registered,
    predict_files,
    pull_model,
    run_ui,
    submit,
    sync_ledger,
)

__all__ = [
    "CANNOT_REMOVE",
    "CrossValidated",
    "ExplainRequest",
    "PurgeOutcome",
    "SearchEstimate",
    "SearchOptions",
    "SearchResult",
    "StartInUse",
    "StartNotice",
    "StudyStatus",
    "StudySummary",
    "TrainingRequest",
    "ask_study",
    "compare_by_name",
    "cross_validate",
    "dashboard_command",
    "estimate_search",
    "explain_files",
    "list_registered",
    "list_studies",
    "patient_hash",
    "predict_files",
    "pull_model",
    "purge_patient",
    "resume_study",
    "run_dashboard",
    "run_ui",
    "search",
    "study_status",
    "submit",
    "sync_ledger",
]
