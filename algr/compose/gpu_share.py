"""Several trials on one GPU: as many as their measured memory allows."""

from collections.abc import Sequence
from typing import Literal

from algr.compose.measured import (
    PointCost,
    device_memory,
    measure_points,
    on_gpu,
    points_to_measure,
)
from algr.distributed import SearchJob
from algr.errors import ConfigError, UsageError

USABLE_SHARE = 0.9
"""Of a device's memory."""
_MOST_AT_ONCE = 8
"""More trials share a GPU's arithmetic units without any gain."""


def parse_share(text: str) -> float | Literal["auto"]:
    """What `--gpus-per-trial` asks for.

    Raises:
        UsageError: It is neither `auto` nor a part of a GPU.
    """
    if text == "auto":
        return "auto"
    try:
        share = float(text)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise UsageError(
            f"--gpus-per-trial {text}",
            expected="a number above 0 and at most 1, or auto",
            advice="a trial that needs several GPUs cannot be searched",
        )
    return share


def largest_need(known: SearchJob | Sequence[PointCost]) -> int:
    """Bytes of the largest trial of a search's space, measured here unless that has been done.

    Raises:
        UsageError: There is no GPU on this machine to measure on.
    """
    refuse_without_gpu()
    costs = _measured(known) if isinstance(known, SearchJob) else known
    return max(cost.memory_bytes for cost in costs)


def refuse_without_gpu() -> None:
    """Refuse `--gpus-per-trial` where no trial can be measured.

    Raises:
        UsageError: There is no GPU on this machine.
    """
    if not on_gpu():
        raise UsageError(
            "--gpus-per-trial: this machine has no GPU on which a trial's memory can be measured",
            expected="a machine with a GPU of the kind that trials run on",
            advice="leave the option out: each trial then has a whole GPU",
        )


def _measured(job: SearchJob) -> tuple[PointCost, ...]:
    (costs,) = measure_points(
        points_to_measure(job.space, job.config),
        config=job.config,
        directory=job.dataset_directory,
        plans=(job.plan,),
        copies=1,
    )
    return costs


def settle_share(
    asked: float | Literal["auto"], *, need_bytes: int, device_bytes: int | None = None
) -> float:
    """The part of a GPU that each trial holds.

    Ray only counts parts of a GPU and keeps nobody from another one's memory; hence the check.

    Args:
        asked: A part, or as small a one as fits.
        need_bytes: Of the largest trial.
        device_bytes: Of the GPU; by default this machine's first one.

    Raises:
        ConfigError: The trials that would share a GPU do not fit into its memory.
    """
    usable = USABLE_SHARE * (device_bytes or device_memory())
    fit = min(int(usable // max(need_bytes, 1)), _MOST_AT_ONCE)
    if fit < 1:
        raise ConfigError(
            f"a trial needs {need_bytes / 1e9:.1f} GB of GPU memory, {usable / 1e9:.1f} are usable",
            advice="lower train.batch_size or model.width",
        )
    if asked == "auto":
        return 1 / fit
    together = int(1 / asked + 1e-9)
    if together * need_bytes > usable:
        raise ConfigError(
            f"--gpus-per-trial {asked:g}: {together} trials of {need_bytes / 1e9:.1f} GB do not "
            f"fit into the {usable / 1e9:.1f} GB that are usable",
            expected=f"at least {1 / fit:.3g}",
            advice="give a larger part, or auto",
        )
    return asked
