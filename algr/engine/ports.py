"""What a fold's replicas say to each other; the engine knows no more of a cluster than this."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor


@dataclass(frozen=True)
class FoldProgress:
    """How far a fold is within an epoch."""

    fold: int
    epoch: int
    """0-based."""
    images: int
    """Trained on so far in this epoch."""
    of_images: int


ProgressListener = Callable[[FoldProgress], None]
"""Told after each step; whoever listens looks as often as it wants to."""


def unheard(progress: FoldProgress) -> None:
    """Tell nobody."""


class Collectives(Protocol):
    """The replicas that train one fold together. Every replica makes the same calls in order."""

    @property
    def rank(self) -> int:
        """Number of this replica, from 0; replica 0 saves and reports."""

    @property
    def size(self) -> int:
        """Number of replicas."""

    def sum_(self, tensor: Tensor) -> None:
        """Replace the tensor by its sum over the replicas."""

    def broadcast_(self, tensor: Tensor, source: int = 0) -> None:
        """Replace the tensor by replica `source`'s."""


class SoloCollectives:
    """One replica alone: nothing is sent."""

    rank = 0
    size = 1

    def sum_(self, tensor: Tensor) -> None:
        """Leave the tensor as it is."""

    def broadcast_(self, tensor: Tensor, source: int = 0) -> None:
        """Leave the tensor as it is."""


class TorchCollectives:
    """Replicas in a torch.distributed process group.

    NCCL carries tensors of accelerators only and gloo every device's: tensors that lie on the host
    travel by way of `device`, so that a caller need not know the backend.

    Args:
        group: The replicas of one fold; None for all processes.
        device: Where the backend wants tensors.
    """

    def __init__(
        self, group: dist.ProcessGroup | None = None, *, device: torch.device | None = None
    ) -> None:
        self._group = group
        self._device = device or torch.device("cpu")

    @property
    def rank(self) -> int:
        """Number of this replica within the group."""
        return dist.get_rank(self._group)

    @property
    def size(self) -> int:
        """Number of replicas of the group."""
        return dist.get_world_size(self._group)

    def sum_(self, tensor: Tensor) -> None:
        """Replace the tensor by its sum over the replicas."""
        sent = tensor.to(self._device)
        dist.all_reduce(sent, group=self._group)
        if sent is not tensor:
            tensor.copy_(sent)

    def broadcast_(self, tensor: Tensor, source: int = 0) -> None:
        """Replace the tensor by replica `source`'s; `source` counts within the group."""
        sent = tensor.to(self._device)
        dist.broadcast(sent, group=self._group, group_src=source)
        if sent is not tensor:
            tensor.copy_(sent)
