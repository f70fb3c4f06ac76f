"""What a configuration costs on this device: some steps of one fold, timed and thrown away."""

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from algr.config import Config
from algr.data import FoldPlan, PreparedDataset
from algr.engine.batches import split_batches
from algr.engine.checks import SMALLEST_SHARE
from algr.engine.device import pick_device
from algr.engine.fold import FoldTrainer
from algr.engine.memory import peak_resident_bytes


@dataclass(frozen=True)
class Rehearsal:
    """The cost of one configuration, from the first fold of a plan."""

    start_s: float
    """Building the fold, once per fold and trial."""
    train_step_s: float
    score_batch_s: float
    save_s: float
    """Copying and serialising a fold's state, without the disk."""
    state_bytes: int
    """Of a fold in a checkpoint, with the weights of its best epoch."""
    resident_bytes: int
    """What a fold holds on the device between its epochs."""
    peak_bytes: int
    """Of the device while a fold trains; of the whole process on the CPU."""


def rehearse(directory: Path, config: Config, plan: FoldPlan) -> Rehearsal:
    """Time a configuration in this process, best a fresh one. Writes nothing.

    Raises:
        FoldFailedError: It does not train, or memory ran out.
    """
    device = pick_device()
    dataset = PreparedDataset.open(directory)
    started = time.monotonic()
    trainer = FoldTrainer(
        config=config, dataset=dataset, fold=plan.folds[0], protocol=plan.protocol, device=device
    )
    start_s = time.monotonic() - started
    timed = trainer.rehearse()
    started = time.monotonic()
    state = trainer.state()
    save_s = time.monotonic() - started
    held = _bytes(state["model"]) + _bytes(state["optimizer"])
    is_gpu = device.type == "cuda"
    return Rehearsal(
        start_s=start_s,
        train_step_s=timed.train_step_s,
        score_batch_s=timed.score_batch_s,
        save_s=save_s + _serialise_s(state),
        state_bytes=held + _bytes(state["model"]),
        resident_bytes=held if is_gpu else held + _bytes(state["model"]),
        peak_bytes=torch.cuda.max_memory_allocated(device) if is_gpu else peak_resident_bytes(),
    )


def steps_of(images: int, *, batch_size: int) -> int:
    """Training steps of one epoch over so many images."""
    rows = torch.arange(images).numpy()
    return len(split_batches(rows, batch_size=batch_size, smallest=SMALLEST_SHARE))


def _serialise_s(state: Any) -> float:
    """Seconds that `torch.save` needs for a state, into memory."""
    started = time.monotonic()
    torch.save(state, io.BytesIO())
    return time.monotonic() - started


def _bytes(tree: Any) -> int:
    """Of all tensors in nested mappings and lists."""
    if isinstance(tree, Tensor):
        return tree.numel() * tree.element_size()
    parts = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    return sum(_bytes(part) for part in parts)
