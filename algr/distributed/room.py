"""What one trial holds of a session, and how many trials there is room for."""

from collections.abc import Mapping

from algr.config import Config
from algr.distributed.session import Devices
from algr.errors import ClusterError, UsageError

NEXT_TO_NOTHING = {"memory": 1.0}
"""What the process of a trial of several workers asks for: Tune takes no request for nothing."""


def trial_resources(
    config: Config, devices: Devices, *, gpus: float | None = None, workers: int = 1
) -> dict[str, float]:
    """What one trial holds.

    Args:
        config: With the threads of a fold.
        devices: Of the session.
        gpus: Part of a GPU; None for a whole one.
        workers: Of a trial. Each of several has its threads, and a whole GPU where there are some.

    Raises:
        ClusterError: There are no CPUs.
        UsageError: A part of a GPU where there is none, or a trial of several workers for which
            the session is too small.
    """
    if devices.cpus < 1:
        raise ClusterError("the Ray cluster has no CPUs", expected="at least one node with a CPU")
    threads = config.train.threads_per_fold
    if gpus is not None and not devices.gpus:
        raise UsageError(
            f"--gpus-per-trial {gpus:g}: this session has no GPU",
            advice="leave it out; --max-concurrent limits trials on CPUs",
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
