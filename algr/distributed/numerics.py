"""How the workers of a session make numbers, asked where they will compute."""

from typing import Literal

import torch

from algr.config import Config
from algr.cv import Numerics
from algr.engine import Precision, pick_device, resolved_precision

_SLICE = 0.01
"""Of a GPU, while it is asked."""


def worker_numerics(config: Config, *, replicas: int, with_gpu: bool) -> Numerics:
    """What workers of the current session would make of a configuration.

    Nodes with GPUs of other kinds than the one that is asked are not noticed.

    Args:
        config: Of what they train.
        replicas: Of each fold.
        with_gpu: Whether they get a GPU, or a part of one.
    """
    if not with_gpu:
        precision = resolved_precision(config.train.precision, device=torch.device("cpu"))
        return Numerics(replicas=replicas, precision=precision, device="cpu")
    import ray

    asked = ray.remote(num_cpus=0, num_gpus=_SLICE)(_resolve).remote(config.train.precision)
    device, precision = ray.get(asked)
    return Numerics(replicas=replicas, precision=precision, device=device)


def _resolve(precision: Literal["auto", "fp32", "bf16"]) -> tuple[str, Precision]:
    """Done by a worker."""
    device = pick_device()
    return device.type, resolved_precision(precision, device=device)
