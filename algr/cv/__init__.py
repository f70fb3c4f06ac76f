"""Cross-validation: run the folds through an executor, put their results together, write them."""

from algr.cv.executor import (
    CHECKPOINT_FILE,
    MODEL_FILE,
    EpochListener,
    FoldsExecutor,
    FoldsJob,
    LocalExecutor,
    exported_model,
    job_identity,
    open_job_dataset,
)
from algr.cv.files import PLAN_FILE, read_run_files, write_run_files
from algr.cv.finished import (
    RESULT_FILE,
    FinishedRun,
    read_finished,
    write_finished,
)
from algr.cv.predictions import PREDICTIONS_FILE, predicted_labels, write_predictions
from algr.cv.results import CrossValidation, FoldScores, refit_epochs, summarise
from algr.cv.table import TableRow, table_rows

__all__ = [
    "CHECKPOINT_FILE",
    "MODEL_FILE",
    "PLAN_FILE",
    "PREDICTIONS_FILE",
    "RESULT_FILE",
    "CrossValidation",
    "EpochListener",
    "FinishedRun",
    "FoldScores",
    "FoldsExecutor",
    "FoldsJob",
    "LocalExecutor",
    "TableRow",
    "exported_model",
    "job_identity",
    "open_job_dataset",
    "predicted_labels",
    "read_finished",
    "read_run_files",
    "refit_epochs",
    "summarise",
    "table_rows",
    "write_finished",
    "write_predictions",
    "write_run_files",
]
