"""Runs, the model registry and promotion, in MLflow. The only package that imports it."""

from algr.tracking.listeners import FoldsTracking, RefitTracking, SearchTracking
from algr.tracking.store import Store, locate_store, open_store
from algr.tracking.sync import SyncReport, sync
from algr.tracking.tracker import DatasetInfo, RunHandle, Tracker, context_tags, run_key

__all__ = [
    "DatasetInfo",
    "FoldsTracking",
    "RefitTracking",
    "RunHandle",
    "SearchTracking",
    "Store",
    "SyncReport",
    "Tracker",
    "context_tags",
    "locate_store",
    "open_store",
    "run_key",
    "sync",
]
