"""How a frame lies in the Arrow files: one row of fixed size, so that any row is a NumPy view.

Arrow's own `take` copies through the extension types row by row and is two hundred times slower
than the views that `views_of` gives.
"""

# Shape suffixes: N = rows, H, W = 200, C = colours, L = landmarks (49), 2 = x, y, A = action units.

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algr.faces import ALIGNED_SIZE, NUM_LANDMARKS

Kind = Literal["au", "grade"]
IMAGE_SHAPE = (ALIGNED_SIZE, ALIGNED_SIZE, 3)
LANDMARK_SHAPE = (NUM_LANDMARKS, 2)
ROWS_PER_BATCH = 256
_NUMPY_NAMES = {"float": "float32", "double": "float64"}
UNKNOWN = -1
"""A label or grade that is not coded."""


@dataclass(frozen=True, kw_only=True)
class FrameRows:
    """Consecutive frames as columns; the order is that of the Arrow schema."""

    image: NDArray[np.uint8]
    """(N, 200, 200, 3) RGB."""
    landmarks: NDArray[np.float32]
    """(N, 49, 2) x, y in pixels of the aligned face; NaN for none."""
    labels: NDArray[np.int8]
    """(N, A): 1 present, 0 absent, -1 not coded; A is 0 for a dataset of grades."""
    grade: NDArray[np.int8]
    """(N,) class 0-3, or -1."""
    grade_hb: NDArray[np.int8]
    """(N,) House-Brackmann grade 1-6, or -1."""
    subject: NDArray[np.int32]
    """(N,) row of the subject in `dataset.json`."""
    video: NDArray[np.int32]
    """(N,) row of the video in `videos.parquet`."""
    frame: NDArray[np.int64]
    """(N,) 0-based index in the video; for action units the number that the labels give it."""
    time_s: NDArray[np.float64]
    """(N,) seconds after the first frame of the video."""
    exercise: NDArray[np.int8]
    """(N,) index into the exercise names of `dataset.json`; -1 for none."""
    inter_ocular_px: NDArray[np.float32]
    """(N,) eye distance in the source, pixels: how much resolution the face had."""

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.image)


COLUMNS = tuple(field.name for field in fields(FrameRows))


def frame_schema(num_labels: int) -> pa.Schema:
    """Arrow schema of the shards of a dataset with so many labels per frame."""
    columns: list[pa.Field[Any]] = [
        pa.field("image", pa.fixed_shape_tensor(pa.uint8(), IMAGE_SHAPE), nullable=False),
        pa.field("landmarks", pa.fixed_shape_tensor(pa.float32(), LANDMARK_SHAPE), nullable=False),
        pa.field("grade", pa.int8(), nullable=False),
        pa.field("grade_hb", pa.int8(), nullable=False),
        pa.field("subject", pa.int32(), nullable=False),
        pa.field("video", pa.int32(), nullable=False),
        pa.field("frame", pa.int64(), nullable=False),
        pa.field("time_s", pa.float64(), nullable=False),
        pa.field("exercise", pa.int8(), nullable=False),
        pa.field("inter_ocular_px", pa.float32(), nullable=False),
    ]
    if num_labels:
        labels = pa.fixed_shape_tensor(pa.int8(), (num_labels,))
        columns.append(pa.field("labels", labels, nullable=False))
    return pa.schema(columns)


def to_batch(rows: FrameRows, schema: pa.Schema) -> pa.RecordBatch:
    """The rows as one record batch, without copying."""
    return pa.record_batch(
        [_to_column(getattr(rows, field.name), field.type) for field in schema], schema=schema
    )


def _to_column(values: NDArray[Any], kind: Any) -> Any:
    contiguous = np.ascontiguousarray(values)
    is_tensor = isinstance(kind, pa.FixedShapeTensorType)
    flat_kind = kind.value_type if is_tensor else kind
    buffer: Any = contiguous
    data = [None, pa.py_buffer(buffer)]
    flat = pa.Array.from_buffers(flat_kind, contiguous.size, data)
    if not is_tensor:
        return flat
    storage = pa.FixedSizeListArray.from_arrays(flat, math.prod(kind.shape))
    return pa.ExtensionArray.from_storage(kind, storage)


def views_of(batch: pa.RecordBatch) -> FrameRows:
    """The columns of a record batch as NumPy views of its buffers, without copying."""
    columns = {name: _to_view(batch.column(name)) for name in batch.schema.names}
    columns.setdefault("labels", np.empty((batch.num_rows, 0), np.int8))
    return FrameRows(**columns)


def _to_view(column: Any) -> NDArray[Any]:
    """By way of the buffer, because Arrow's own `to_numpy` imports pandas where there is one."""
    kind, shape = _numpy_layout(column.type)
    if shape:
        column = column.storage.values
    data = column.buffers()[1]
    values = np.frombuffer(data, kind, count=len(column), offset=column.offset * kind.itemsize)
    return values.reshape(-1, *shape) if shape else values


@lru_cache(maxsize=64)
def _numpy_layout(kind: pa.DataType) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type of a column's numbers, and shape of a row; a dataset asks for a few types very often."""
    is_tensor = isinstance(kind, pa.FixedShapeTensorType)
    name = str(kind.value_type if is_tensor else kind)
    return np.dtype(_NUMPY_NAMES.get(name, name)), tuple(kind.shape) if is_tensor else ()


def concatenate(parts: list[FrameRows]) -> FrameRows:
    """The rows of all parts, in order."""
    if len(parts) == 1:
        return parts[0]
    return FrameRows(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    )


def slice_rows(rows: FrameRows, start: int, stop: int) -> FrameRows:
    """The rows from `start` up to `stop`, as views."""
    return FrameRows(**{name: getattr(rows, name)[start:stop] for name in COLUMNS})
