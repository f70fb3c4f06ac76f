"""Trials whose checkpoints are real files of the engine, and faults that need those."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import torch
from search_fakes import FakeFactory, FakeRunner

from algr.distributed import TrialSpec
from algr.engine.checkpoint import load_tensors, save_atomically

CHECKPOINT_BYTES = 1024**2
FILLER = "filler"


class FaultyRunner(FakeRunner):
    """Writes as the engine does: a megabyte, whole or not at all."""

    def _recorded(self) -> list[float]:
        if not self.spec.checkpoint.exists():
            return []
        tree = load_tensors(self.spec.checkpoint)
        assert tree["identity"] == self.spec.identity
        return tree["values"]

    def _record(self, values: list[float]) -> None:
        weights = torch.zeros(CHECKPOINT_BYTES, dtype=torch.uint8)
        tree = {"identity": self.spec.identity, "values": values, "weights": weights}
        save_atomically(self.spec.checkpoint, tree)


@dataclass(frozen=True)
class FaultyFactory(FakeFactory):
    """Makes such runners; knows the fault `full` besides.

    Args:
        bytes_left: Of the disk that `full` fills.
    """

    bytes_left: int = 0

    def __call__(self, spec: TrialSpec) -> FaultyRunner:
        return FaultyRunner(spec, self)

    def happen(self, spec: TrialSpec, epoch: int) -> None:
        super().happen(spec, epoch)
        if self.faults.get((spec.number, epoch)) == "full":
            fill_disk(disk_of(spec.checkpoint), leave=self.bytes_left)


def disk_of(checkpoint: Path) -> Path:
    """The folder that holds the study's folder."""
    return checkpoint.parents[3]


def fill_disk(folder: Path, *, leave: int) -> None:
    """Write a file that takes what is free but so many bytes."""
    size = max(0, shutil.disk_usage(folder).free - leave)
    with (folder / FILLER).open("wb") as file:
        file.write(bytes(size))
