"""Runs, the model registry and promotion, in MLflow. The only package that imports it."""

from algr.tracking.gate import Decision, Gate
from algr.tracking.interface import UiCommand, ui_command
from algr.tracking.lineage import TrackedUse, trained_on
from algr.tracking.listeners import FoldsTracking, RefitTracking, SearchTracking
from algr.tracking.reference import is_reference, parse_reference
from algr.tracking.registry import (
    PulledModel,
    RegisteredVersion,
    Registration,
    Registry,
    list_models,
    pull,
)
from algr.tracking.store import Store, locate_store, open_store
from algr.tracking.sync import SyncReport, sync
from algr.tracking.tracker import DatasetInfo, RunHandle, Tracker, context_tags, run_key

__all__ = [
    "DatasetInfo",
    "Decision",
    "FoldsTracking",
    "Gate",
    "PulledModel",
    "RefitTracking",
    "RegisteredVersion",
    "Registration",
    "Registry",
    "RunHandle",
    "SearchTracking",
    "Store",
    "SyncReport",
    "TrackedUse",
    "Tracker",
    "UiCommand",
    "context_tags",
    "is_reference",
    "list_models",
    "locate_store",
    "open_store",
    "parse_reference",
    "pull",
    "run_key",
    "sync",
    "trained_on",
    "ui_command",
]
