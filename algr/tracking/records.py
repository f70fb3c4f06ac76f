"""The records of a ledger: what happened in a run, and when."""

import time
from collections.abc import Mapping
from typing import Any, Literal

from algr.tracking.ledger import Record

RunKind = Literal["study", "trial", "comparison", "cv", "fold", "refit", "nested", "repeats"]
RunStatus = Literal["FINISHED", "FAILED", "KILLED"]

KEY_TAG = "algr.key"
STATE_TAG = "algr.state"


def dataset_digest(fingerprint: str) -> str:
    """The fingerprint as MLflow's digest of a dataset, which has at most 36 characters."""
    return fingerprint[:32]


def now_ms() -> int:
    """Milliseconds since 1970: MLflow's time stamps."""
    return time.time_ns() // 1_000_000


def run_record(
    key: str,
    *,
    name: str,
    parent: str | None,
    tags: Mapping[str, str],
    dataset: Mapping[str, str] | None,
) -> Record:
    """A run begins, or goes on if one with this key exists."""
    return {
        "op": "run",
        "run": key,
        "at": now_ms(),
        "name": name,
        "parent": parent,
        "tags": dict(tags),
        "dataset": None if dataset is None else dict(dataset),
    }


def params_record(key: str, params: Mapping[str, Any]) -> Record:
    """Parameters of a run, as text."""
    values = {name: _text(value) for name, value in params.items()}
    return {"op": "params", "run": key, "at": now_ms(), "params": values}


def tags_record(key: str, tags: Mapping[str, str]) -> Record:
    """Tags of a run."""
    return {"op": "tags", "run": key, "at": now_ms(), "tags": dict(tags)}


def metrics_record(key: str, metrics: Mapping[str, float | None], *, step: int) -> Record:
    """Metrics of one step; undefined ones are left out."""
    values = {name: float(value) for name, value in metrics.items() if value is not None}
    return {"op": "metrics", "run": key, "at": now_ms(), "step": step, "metrics": values}


def artifact_record(key: str, *, path: str, folder: str | None) -> Record:
    """A file or folder to upload."""
    return {"op": "artifact", "run": key, "at": now_ms(), "path": path, "folder": folder}


def end_record(key: str, *, status: RunStatus) -> Record:
    """A run ends."""
    return {"op": "end", "run": key, "at": now_ms(), "status": status}


def _text(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
