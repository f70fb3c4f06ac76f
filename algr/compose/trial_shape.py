"""What several workers make of a trial that was measured as one process."""

from collections.abc import Sequence
from dataclasses import dataclass

from algr.compose.measured import PointCost
from algr.data import FoldPlan
from algr.distributed import trial_seats

TRAIN_RUN_S = 12.0
"""Start and end of a Ray Train run."""


@dataclass(frozen=True)
class TrialShape:
    """How a trial's folds lie on its workers."""

    workers: int
    folds: int
    folds_of_workers: tuple[int, ...]
    """How many each has, or shares with others."""
    replicas: int
    """Workers that share a fold's batches."""

    @classmethod
    def of(cls, plan: FoldPlan, *, workers: int) -> "TrialShape":
        """From the mesh that a trial forms."""
        seated = trial_seats(plan, workers=workers)
        return cls(
            workers=workers,
            folds=len(plan.folds),
            folds_of_workers=tuple(len(seat.folds) for seat in seated),
            replicas=len(seated[0].replicas),
        )

    def wall_s(self, trained_s: float) -> float:
        """Of something that takes so long where one worker trains all folds in turn."""
        return trained_s * max(self.folds_of_workers) / self.folds / self.replicas

    @property
    def fixed_s(self) -> float:
        """Of each trial, besides its training."""
        return TRAIN_RUN_S if self.workers > 1 else 0.0

    def memory_bytes(self, points: Sequence[PointCost], *, on_gpu: bool) -> int:
        """Of the largest point: all processes together, or the fullest GPU."""
        return max(self._memory_of(point, on_gpu=on_gpu) for point in points)

    def _memory_of(self, point: PointCost, *, on_gpu: bool) -> int:
        processes = [
            point.memory_bytes - (self.folds - held) * point.fold_bytes
            for held in self.folds_of_workers
        ]
        return max(processes) if on_gpu else sum(processes)
