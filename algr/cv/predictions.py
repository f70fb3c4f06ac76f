"""Predictions of the test frames as a Parquet file, written and read back.

Subjects and videos stand in it by their keyed hashes, subjects by their content digests too.

Shape suffixes: N = frames, K = grades or action units.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from algr.data import PreparedDataset
from algr.engine import FoldResult, FramePredictions
from algr.errors import IntegrityError
from algr.metrics import TestedFrames

PREDICTIONS_FILE = "predictions.parquet"
_LABELS = b"algr.labels"
_PREFIX = {"probability": "probability_", "local": "local_", "whole": "whole_"}
"""Fields of the predictions, and what their columns begin with."""
_VARIANT_OF = {"probability": "averaged", "local": "local", "whole": "whole"}


def write_predictions(
    path: Path, *, dataset: PreparedDataset, results: Sequence[FoldResult]
) -> None:
    """Write one row per test frame, by fold and then by row of the dataset.

    Columns: `fold`, `subject`, `digest`, `video`, `frame`, `time_s`; for grades `grade` (-1
    unknown), `grade_hb`, `predicted` and `probability_<grade>`; for action units `label_<unit>` (-1
    not coded) and `probability_<unit>`. Where the network has them: `landmark_error` (share of the
    inter-ocular distance), `local_<unit>` and `whole_<unit>`. The names of the labels stand in the
    metadata.
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


def read_predictions(path: Path) -> TestedFrames:
    """What a file of `write_predictions` says, subjects by their digests.

    Raises:
        IntegrityError: It cannot be read, or an earlier version wrote it.
    """
    labels = predicted_labels(path)
    try:
        table = pq.read_table(path)
        digests, subject_N = _coded(table["digest"])
        fold_S = np.zeros(len(digests), dtype=np.int64)
        fold_S[subject_N] = table["fold"].to_numpy()
        _, video_N = _coded(table["video"])
        truth = _truth(table, labels)
    except (OSError, pa.ArrowException, KeyError) as error:
        raise IntegrityError(
            f"{path} cannot be read: {error}",
            expected="a file that this version of algr wrote",
            advice=f"write it again: repeat the run under a new --name; {path.parent.name} was "
            "perhaps made by an earlier version",
        ) from error
    return TestedFrames(
        kind="grade" if truth.ndim == 1 else "au",
        label_names=labels,
        subjects=digests,
        fold_S=fold_S,
        subject_N=subject_N,
        video_N=video_N,
        truth=truth,
        probability={
            _VARIANT_OF[variant]: _columns(table, prefix, labels)
            for variant, prefix in _PREFIX.items()
            if f"{prefix}{labels[0].lower()}" in table.column_names
        },
        landmark_error_N=table["landmark_error"].to_numpy()
        if "landmark_error" in table.column_names
        else np.full(len(table), np.nan),
    )


def _coded(column: pa.ChunkedArray) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """The different texts in ascending order, and each row's place among them."""
    coded = column.combine_chunks().dictionary_encode()
    texts = coded.dictionary.to_pylist()
    order = sorted(range(len(texts)), key=texts.__getitem__)
    place = np.empty(len(texts), dtype=np.int64)
    place[order] = np.arange(len(texts))
    return tuple(texts[index] for index in order), place[coded.indices.to_numpy()]


def _truth(table: pa.Table, labels: Sequence[str]) -> npt.NDArray[np.int8]:
    if "grade" in table.column_names:
        grade_N: npt.NDArray[np.int8] = table["grade"].to_numpy()
        return grade_N
    return _columns(table, "label_", labels)


def _columns(table: pa.Table, prefix: str, labels: Sequence[str]) -> npt.NDArray[Any]:
    return np.stack([table[f"{prefix}{name.lower()}"].to_numpy() for name in labels], axis=1)


def _table(dataset: PreparedDataset, *, fold: int, predictions: FramePredictions) -> pa.Table:
    frames, rows_N = dataset.frames, predictions.rows_N
    probability_NK = predictions.probability_NK
    digests = np.asarray([subject.digest for subject in dataset.subjects])
    columns: dict[str, Any] = {
        "fold": np.full(len(rows_N), fold, dtype=np.int16),
        "subject": frames.subject_id[rows_N],
        "digest": digests[frames.subject_index[rows_N]],
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
    for variant, prefix in _PREFIX.items():
        value_NK = getattr(predictions, f"{variant}_NK")
        if value_NK is not None:
            for index, name in enumerate(dataset.label_names):
                columns[f"{prefix}{name.lower()}"] = value_NK[:, index]
    if predictions.landmark_error_N is not None:
        columns["landmark_error"] = predictions.landmark_error_N
    return pa.table(columns)
