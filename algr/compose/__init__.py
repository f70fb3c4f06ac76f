"""The wiring: which parts do a command's work, and in which order.

The command line calls these functions and prints what they return.
"""

from algr.compose.comparison import compare_by_name
from algr.compose.estimate import SearchEstimate, estimate_search
from algr.compose.explanation import ExplainRequest, explain_files
from algr.compose.finish import SearchResult
from algr.compose.nested import search_nested
from algr.compose.nested_estimate import NestedEstimate, estimate_nested
from algr.compose.nested_result import NestedResult
from algr.compose.purge import CANNOT_REMOVE, PurgeOutcome, patient_hash, purge_patient
from algr.compose.repeats import RepeatedCrossValidation, cross_validate_repeatedly
from algr.compose.requests import TrainingRequest
from algr.compose.results import Results, collect_results
from algr.compose.row_study import compare_rows
from algr.compose.rows import ABLATION, MODELS, ComparedRow, RowOutcome, RowTable
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
    "ABLATION",
    "CANNOT_REMOVE",
    "MODELS",
    "ComparedRow",
    "CrossValidated",
    "ExplainRequest",
    "NestedEstimate",
    "NestedResult",
    "PurgeOutcome",
    "RepeatedCrossValidation",
    "Results",
    "RowOutcome",
    "RowTable",
    "SearchEstimate",
    "SearchOptions",
    "SearchResult",
    "StartInUse",
    "StartNotice",
    "StudyStatus",
    "StudySummary",
    "TrainingRequest",
    "ask_study",
    "collect_results",
    "compare_by_name",
    "compare_rows",
    "cross_validate",
    "cross_validate_repeatedly",
    "dashboard_command",
    "estimate_nested",
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
    "search_nested",
    "study_status",
    "submit",
    "sync_ledger",
]
