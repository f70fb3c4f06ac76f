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
from algr.cv.files import (
    CONFIG_FILE,
    PLAN_FILE,
    REPEATS_FILE,
    read_run_files,
    write_repeats_files,
    write_run_files,
)
from algr.cv.predictions import PREDICTIONS_FILE, predicted_labels, write_predictions
from algr.cv.repeats import Repeats, summarise_repeats
from algr.cv.results import CrossValidation, FoldScores, refit_epochs, summarise
from algr.cv.table import TableRow, table_rows

__all__ = [
    "CHECKPOINT_FILE",
    "CONFIG_FILE",
    "MODEL_FILE",
    "PLAN_FILE",
    "PREDICTIONS_FILE",
    "REPEATS_FILE",
    "CrossValidation",
    "EpochListener",
    "FoldScores",
    "FoldsExecutor",
    "FoldsJob",
    "LocalExecutor",
    "Repeats",
    "TableRow",
    "exported_model",
    "job_identity",
    "open_job_dataset",
    "predicted_labels",
    "read_run_files",
    "refit_epochs",
    "summarise",
    "summarise_repeats",
    "table_rows",
    "write_predictions",
    "write_repeats_files",
    "write_run_files",
]
