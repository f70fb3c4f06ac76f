"""Cross-validation: run the folds through an executor, put their results together, write them."""

from algr.cv.comparison import ComparedRun, Comparison, Difference, compare_runs
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
    identity_of_run,
    keys_of_run_since,
    read_run_files,
    write_repeats_files,
    write_run_files,
)
from algr.cv.finished import (
    RESULT_FILE,
    FinishedRun,
    read_finished,
    write_finished,
)
from algr.cv.numerics import NUMERICS_FILE, Numerics, numerics_of_run, record_numerics
from algr.cv.predictions import (
    PREDICTIONS_FILE,
    predicted_labels,
    read_predictions,
    write_predictions,
)
from algr.cv.repeats import Repeats, summarise_repeats
from algr.cv.results import CrossValidation, FoldScores, refit_epochs, summarise
from algr.cv.statistics import (
    Points,
    ReliabilityBin,
    Section,
    Statistics,
    figures_of,
    headline_draws,
    statistics_of,
)
from algr.cv.table import TableRow, figure_title, figure_unit, section_rows, table_rows

__all__ = [
    "CHECKPOINT_FILE",
    "CONFIG_FILE",
    "MODEL_FILE",
    "NUMERICS_FILE",
    "PLAN_FILE",
    "PREDICTIONS_FILE",
    "REPEATS_FILE",
    "RESULT_FILE",
    "ComparedRun",
    "Comparison",
    "CrossValidation",
    "Difference",
    "EpochListener",
    "FinishedRun",
    "FoldScores",
    "FoldsExecutor",
    "FoldsJob",
    "LocalExecutor",
    "Numerics",
    "Points",
    "ReliabilityBin",
    "Repeats",
    "Section",
    "Statistics",
    "TableRow",
    "compare_runs",
    "exported_model",
    "figure_title",
    "figure_unit",
    "figures_of",
    "headline_draws",
    "identity_of_run",
    "job_identity",
    "keys_of_run_since",
    "numerics_of_run",
    "open_job_dataset",
    "predicted_labels",
    "read_finished",
    "read_predictions",
    "read_run_files",
    "record_numerics",
    "refit_epochs",
    "section_rows",
    "statistics_of",
    "summarise",
    "summarise_repeats",
    "table_rows",
    "write_finished",
    "write_predictions",
    "write_repeats_files",
    "write_run_files",
]
