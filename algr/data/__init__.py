"""Recordings to prepared datasets, and prepared datasets to batches, folds and weights.

Names that need torch are loaded when they are first used, so that commands which only read or
write datasets start at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from algr.data.align import AlignedFace, align_face
from algr.data.datasets import (
    DatasetSummary,
    VerifyReport,
    list_datasets,
    open_dataset,
    verify_dataset,
)
from algr.data.folds import Fold, FoldPlan, plan_folds, refit_fold
from algr.data.rows import Kind
from algr.data.store import FrameBatch, FrameTable, PreparedDataset, SubjectInfo
from algr.data.weights import class_weights
from algr.data.writer import DatasetWriter

if TYPE_CHECKING:
    from algr.data.transforms import (
        CropBatch,
        augment_batch,
        center_batch,
        crop_batch,
        squared_interocular,
    )

_NEEDS_TORCH = ("CropBatch", "augment_batch", "center_batch", "crop_batch", "squared_interocular")

__all__ = [
    "AlignedFace",
    "CropBatch",
    "DatasetSummary",
    "DatasetWriter",
    "Fold",
    "FoldPlan",
    "FrameBatch",
    "FrameTable",
    "Kind",
    "PreparedDataset",
    "SubjectInfo",
    "VerifyReport",
    "align_face",
    "augment_batch",
    "center_batch",
    "class_weights",
    "crop_batch",
    "list_datasets",
    "open_dataset",
    "plan_folds",
    "refit_fold",
    "squared_interocular",
    "verify_dataset",
]


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        return getattr(import_module("algr.data.transforms"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
