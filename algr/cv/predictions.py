"""Predictions of the test frames as a Parquet file; subjects and videos by their keyed hashes.

Shape suffixes: N = frames, K = grades or action units.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from algr.data import PreparedDataset
from algr.engine import FoldResult, FramePredictions
from algr.errors import IntegrityError

PREDICTIONS_FILE = "predictions.parquet"
_LABELS = b"algr.labels"


def write_predictions(
    path: Path, *, dataset: PreparedDataset, results: Sequence[FoldResult]
) -> None:
    """Write one row per test frame, by fold and then by row of the dataset.

    Columns: `fold`, `subject`, `video`, `frame`, `time_s`; for grades `grade` (-1 unknown),
    `grade_hb`, `predicted` and `probability_<grade>`; for action units `label_<unit>` (-1 not
    coded) and `probability_<unit>`. The names of the labels stand in the metadata.
    """
    tables = [
        _table(dataset, fold=result.fold, predictions=result.predictions)
        for result in sorted(results, key=lambda result: result.fold)
        if result.predictions is not None
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    labels = json.dumps(list(dataset.label_names))
    table = pa.concat_tables(tables).replace_schema_metadata({_LABELS: labels})
    pq.write_table(table, temporary, compression="zstd")
    temporary.replace(path)


def predicted_labels(path: Path) -> tuple[str, ...]:
    """Names of the labels that a file of `write_predictions` is about.

    Raises:
        IntegrityError: It cannot be read, or an earlier version wrote it.
    """
    try:
        return tuple(json.loads(pq.read_schema(path).metadata[_LABELS]))
    except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} does not say which labels it is about",
            expected="a file that this version of algr wrote",
            advice=f"write it again: repeat the run with --resume --name {path.parent.name}",
        ) from error


def _table(dataset: PreparedDataset, *, fold: int, predictions: FramePredictions) -> pa.Table:
    frames, rows_N = dataset.frames, predictions.rows_N
    probability_NK = predictions.probability_NK
    columns: dict[str, Any] = {
        "fold": np.full(len(rows_N), fold, dtype=np.int16),
        "subject": frames.subject_id[rows_N],
        "video": frames.video_id[rows_N],
        "frame": frames.frame[rows_N],
        "time_s": frames.time_s[rows_N],
    }
    if dataset.kind == "grade":
        columns["grade"] = frames.grade[rows_N]
        columns["grade_hb"] = frames.grade_hb[rows_N]
        columns["predicted"] = probability_NK.argmax(1).astype(np.int8)
    else:
        for index, name in enumerate(dataset.label_names):
            columns[f"label_{name.lower()}"] = frames.labels[rows_N, index]
    for index, name in enumerate(dataset.label_names):
        columns[f"probability_{name.lower()}"] = probability_NK[:, index]
    return pa.table(columns)
