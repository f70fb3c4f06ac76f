"""Training on Ray: sessions, the search, cross-validation by many workers, jobs.

Importing this package does not import ray: its settings must be in the environment before.
"""

from algr.distributed.executor import RayTrainExecutor
from algr.distributed.jobs import submit_job
from algr.distributed.listener import SearchListener
from algr.distributed.mesh import seats, trial_seats
from algr.distributed.room import room_of, trial_resources, trials_at_once
from algr.distributed.runner import (
    FoldsRunnerFactory,
    RunnerFactory,
    TrialEpoch,
    TrialRunner,
    TrialSpec,
)
from algr.distributed.search import run_search
from algr.distributed.search_job import SearchJob, SearchOutcome
from algr.distributed.session import Devices, cluster_devices, devices_at, ray_session

__all__ = [
    "Devices",
    "FoldsRunnerFactory",
    "RayTrainExecutor",
    "RunnerFactory",
    "SearchJob",
    "SearchListener",
    "SearchOutcome",
    "TrialEpoch",
    "TrialRunner",
    "TrialSpec",
    "cluster_devices",
    "devices_at",
    "ray_session",
    "room_of",
    "run_search",
    "seats",
    "submit_job",
    "trial_resources",
    "trial_seats",
    "trials_at_once",
]
