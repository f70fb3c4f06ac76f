"""Where and in which arithmetic a fold is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

Precision = Literal["fp32", "bf16"]

_RESIDENT_SHARE = 0.5
_OUT_OF_MEMORY = (
    "DefaultCPUAllocator: can't allocate memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""Of errors for which torch has no class of their own."""


def pick_device() -> torch.device:
    """The first CUDA device if there is one, else the CPU."""
    return torch.device("cuda", 0) if torch.cuda.is_available() else torch.device("cpu")


def pick_arithmetic(
    precision: Literal["auto", "fp32", "bf16"], *, device: torch.device
) -> torch.dtype:
    """Data type of the forward pass; `auto` is bf16 where the accelerator computes in it."""
    if precision == "auto":
        fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if fast else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


def resolved_precision(
    precision: Literal["auto", "fp32", "bf16"], *, device: torch.device
) -> Precision:
    """What the configured precision comes to on a device."""
    is_short = pick_arithmetic(precision, device=device) is torch.bfloat16
    return "bf16" if is_short else "fp32"


def free_bytes(device: torch.device) -> int | None:
    """Free memory of an accelerator as its driver measures it; None on the CPU."""
    if device.type != "cuda":
        return None
    free, _ = torch.cuda.mem_get_info(device)
    return int(free)


def keeps_resident(*, num_bytes: int, free: int | None) -> bool:
    """Whether a dataset moves to the accelerator as a whole.

    It does when it takes at most half of the free memory: the rest is for weights, activations and
    the other folds. On the CPU (`free` is None) the mapped file is as near as memory.
    """
    return free is not None and num_bytes <= _RESIDENT_SHARE * free


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Compute with this many threads, then with as many as before.

    Sums over threads depend on their number, so it belongs to the configuration.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def seeded(seed: int, *, device: torch.device) -> Iterator[None]:
    """Draw from the global generators with this seed, and leave them as they were.

    For what draws without being handed a generator: weight initialisation and dropout.
    """
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, on the accelerator or on the host."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in _OUT_OF_MEMORY)
