"""What one trial holds of a session, and how many trials there is room for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from algr.config import Config
from algr.distributed.mesh import trial_seats
from algr.distributed.session import Devices
from algr.errors import ClusterError, UsageError

if TYPE_CHECKING:
    from algr.distributed.search_job import SearchJob

NEXT_TO_NOTHING = {"memory": 1.0}
"""What the process of a trial of several workers asks for: Tune takes no request for nothing."""


def room_of(job: "SearchJob", devices: Devices) -> dict[str, float]:
    """What each trial of a search holds of a session; looked at before anything is written.

    Raises:
        ClusterError: There are no CPUs.
        UsageError: The search asks for what the session does not have, or its workers cannot be
            shared out.
    """
    trial_seats(job.plan, workers=job.workers_per_trial)
    return trial_resources(
        job.config,
        devices,
        gpus=job.gpus_per_trial,
        workers=job.workers_per_trial,
        gpu_hours=job.limits.gpu_hours,
    )


def trial_resources(
    config: Config,
    devices: Devices,
    *,
    gpus: float | None = None,
    workers: int = 1,
    gpu_hours: float | None = None,
) -> dict[str, float]:
    """What one trial holds.

    Args:
        config: With the threads of a fold.
        devices: Of the session.
        gpus: Part of a GPU; None for a whole one.
        workers: Of a trial. Each of several has its threads, and a whole GPU where there are some.
        gpu_hours: To which the search is limited, if it is.

    Raises:
        ClusterError: There are no CPUs.
        UsageError: A part of a GPU or GPU-hours where there is none, or a trial of several workers
            for which the session is too small.
    """
    if devices.cpus < 1:
        raise ClusterError("the Ray cluster has no CPUs", expected="at least one node with a CPU")
    threads = config.train.threads_per_fold
    if gpus is not None and not devices.gpus:
        raise UsageError(
            f"--gpus-per-trial {gpus:g}: this session has no GPU",
            advice="leave it out; --max-concurrent limits trials on CPUs",
        )
    if gpu_hours is not None and not devices.gpus:
        raise UsageError(
            f"--max-gpu-hours {gpu_hours:g}: this session has no GPU",
            expected="a GPU whose hours can be counted",
            advice="use --max-hours or --deadline",
        )
    if workers > 1:
        _refuse_too_large(workers, threads, devices)
        cpus = workers * threads
        return {"cpu": cpus, "gpu": workers} if devices.gpus else {"cpu": cpus}
    cpus = min(threads, devices.cpus)
    return {"cpu": cpus, "gpu": gpus or 1} if devices.gpus else {"cpu": cpus}


def _refuse_too_large(workers: int, threads: int, devices: Devices) -> None:
    if workers * threads <= devices.cpus and (not devices.gpus or workers <= devices.gpus):
        return
    needs, has = f"{workers * threads} CPUs", f"{devices.cpus} CPUs"
    if devices.gpus:
        needs, has = f"{needs} and {workers} GPUs", f"{has} and {devices.gpus} GPUs"
    raise UsageError(
        f"--workers-per-trial {workers}: a trial needs {needs}, this session has {has}",
        expected="room for one trial at least",
        advice="lower it or train.threads_per_fold, or give the --address of a larger cluster",
    )


def trials_at_once(resources: Mapping[str, float], devices: Devices) -> int:
    """How many trials a session has room for."""
    fits = int(devices.cpus // resources["cpu"])
    if not devices.gpus:
        return fits
    gpus = resources["gpu"]
    if gpus >= 1:
        return min(fits, int(devices.gpus // gpus))
    # a trial cannot be cut in two: three of 0.4 do not share a GPU, nor do five share two
    return min(fits, int(1 / gpus + 1e-9) * devices.gpus)
