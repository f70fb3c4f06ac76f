"""Recordings to prepared datasets, and prepared datasets to batches, folds and weights.

Names that need torch are loaded when they are first used, so that commands which only read or
write datasets start at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from algr.data.adapters import ReadOptions, adapter_of, recognise
from algr.data.align import AlignedFace, align_face
from algr.data.datasets import (
    DatasetSummary,
    VerifyReport,
    describe_dataset,
    list_datasets,
    open_dataset,
    verify_dataset,
)
from algr.data.detector.models import ready_models
from algr.data.folds import Fold, FoldPlan, plan_folds, refit_fold
from algr.data.identity import hash_id, load_or_create_key
from algr.data.ids import IdRow, match_ids
from algr.data.landmark_formats import read_landmarks
from algr.data.landmark_source import (
    FrameLandmarks,
    LandmarkReader,
    LandmarkSource,
    find_landmarks,
    landmark_file,
    no_landmarks,
)
from algr.data.landmarks import LandmarkTrack, landmark_path, read_landmark_csv
from algr.data.prepare import prepare_clinic
from algr.data.prepare_source import prepare_source
from algr.data.rows import Kind
from algr.data.store import FrameBatch, FrameTable, PreparedDataset, SubjectInfo
from algr.data.summary import LeftOut, PrepareProgress, PrepareSummary, grade_mapping_text
from algr.data.usable import face_problem
from algr.data.video import VideoFrame, VideoInfo, iterate_video, probe_video
from algr.data.videos import VideoRecord
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
    "FrameLandmarks",
    "FrameTable",
    "IdRow",
    "Kind",
    "LandmarkReader",
    "LandmarkSource",
    "LandmarkTrack",
    "LeftOut",
    "PrepareProgress",
    "PrepareSummary",
    "PreparedDataset",
    "ReadOptions",
    "SubjectInfo",
    "VerifyReport",
    "VideoFrame",
    "VideoInfo",
    "VideoRecord",
    "adapter_of",
    "align_face",
    "augment_batch",
    "center_batch",
    "class_weights",
    "crop_batch",
    "describe_dataset",
    "face_problem",
    "find_landmarks",
    "grade_mapping_text",
    "hash_id",
    "iterate_video",
    "landmark_file",
    "landmark_path",
    "list_datasets",
    "load_or_create_key",
    "match_ids",
    "no_landmarks",
    "open_dataset",
    "plan_folds",
    "prepare_clinic",
    "prepare_source",
    "probe_video",
    "read_landmark_csv",
    "read_landmarks",
    "ready_models",
    "recognise",
    "refit_fold",
    "squared_interocular",
    "verify_dataset",
]


def __getattr__(name: str) -> Any:
    if name in _NEEDS_TORCH:
        return getattr(import_module("algr.data.transforms"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
