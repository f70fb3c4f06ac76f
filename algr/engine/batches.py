"""Which frames make up each step, and how they come to the device.

Shape suffixes: N = frames, B = images of a batch, H, W = 200, L = 49 landmarks, A = action units.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from algr.data import FrameBatch, PreparedDataset
from algr.engine.device import free_bytes, keeps_resident
from algr.faces import ALIGNED_SIZE, CROP_SIZE, NUM_LANDMARKS

Rows = npt.NDArray[np.int64]

_COPY_ROWS = 1024
_BYTES_PER_FRAME = ALIGNED_SIZE * ALIGNED_SIZE * 3 + NUM_LANDMARKS * 8


@dataclass(frozen=True)
class LoadedBatch:
    """Frames on the device, as stored."""

    images_BHWC: Tensor
    """uint8."""
    landmarks_BL2: Tensor
    """float32, pixels of the aligned face; NaN where unknown."""
    labels_BA: Tensor
    """int8; -1 where not coded."""
    grade_B: Tensor
    """int8; -1 where unknown."""

    @classmethod
    def empty(cls, count: int, *, num_labels: int, device: torch.device) -> Self:
        """Memory for so many frames, not filled."""
        side = ALIGNED_SIZE
        return cls(
            torch.empty((count, side, side, 3), dtype=torch.uint8, device=device),
            torch.empty((count, NUM_LANDMARKS, 2), dtype=torch.float32, device=device),
            torch.empty((count, num_labels), dtype=torch.int8, device=device),
            torch.empty((count,), dtype=torch.int8, device=device),
        )

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The four, in the order of the fields."""
        return (self.images_BHWC, self.landmarks_BL2, self.labels_BA, self.grade_B)


class FrameSource(Protocol):
    """Frames of one dataset for one device. Called by one thread at a time."""

    def load(self, rows_B: Rows) -> LoadedBatch:
        """These rows on the device, in this order."""


class GatheredFrames:
    """Each batch is gathered from the mapped file when it is asked for."""

    def __init__(self, dataset: PreparedDataset, *, device: torch.device) -> None:
        self._dataset = dataset
        self._device = device

    def load(self, rows_B: Rows) -> LoadedBatch:
        """These rows on the device, in this order."""
        parts = _tensors(self._dataset.gather(rows_B))
        if self._device.type == "cpu":
            return LoadedBatch(*parts)
        pinned = (part.pin_memory() for part in parts)
        return LoadedBatch(*(part.to(self._device, non_blocking=True) for part in pinned))


class ResidentFrames:
    """The whole dataset lies on the device and batches are taken from it there."""

    def __init__(self, dataset: PreparedDataset, *, device: torch.device) -> None:
        self._device = device
        num_labels = dataset.frames.labels.shape[1]
        self._all = LoadedBatch.empty(dataset.num_frames, num_labels=num_labels, device=device)
        for start in range(0, dataset.num_frames, _COPY_ROWS):
            stop = min(start + _COPY_ROWS, dataset.num_frames)
            parts = _tensors(dataset.gather(np.arange(start, stop, dtype=np.int64)))
            for whole, part in zip(self._all.tensors, parts, strict=True):
                whole[start:stop].copy_(part)

    def load(self, rows_B: Rows) -> LoadedBatch:
        """These rows on the device, in this order."""
        index_B = torch.from_numpy(rows_B).to(self._device)
        return LoadedBatch(*(whole.index_select(0, index_B) for whole in self._all.tensors))


def open_frames(dataset: PreparedDataset, *, device: torch.device) -> FrameSource:
    """The dataset moved to the accelerator once if it fits there, else gathered per batch."""
    num_bytes = dataset.num_frames * _BYTES_PER_FRAME
    if keeps_resident(num_bytes=num_bytes, free=free_bytes(device)):
        return ResidentFrames(dataset, device=device)
    return GatheredFrames(dataset, device=device)


def _tensors(batch: FrameBatch) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return (
        torch.from_numpy(batch.images_BHWC),
        torch.from_numpy(batch.landmarks_BL2),
        torch.from_numpy(batch.labels_BA),
        torch.from_numpy(batch.grade_B),
    )


def shuffled(rows_N: Rows, *, seed: int) -> Rows:
    """All rows once, in an order that the seed decides."""
    return np.random.default_rng(seed).permutation(rows_N)


def split_batches(rows_N: Rows, *, batch_size: int, smallest: int) -> list[Rows]:
    """Consecutive batches that hold every row once.

    A remainder of fewer than `smallest` rows joins the batch before it: batch normalisation cannot
    be computed on a single image, and each replica needs two.
    """
    starts = list(range(0, len(rows_N), batch_size))
    if len(starts) > 1 and len(rows_N) - starts[-1] < smallest:
        starts.pop()
    return np.split(rows_N, starts[1:])


def share_slice(count: int, *, rank: int, size: int) -> slice:
    """What replica `rank` of `size` takes of `count` things; parts differ by one at most."""
    return slice(count * rank // size, count * (rank + 1) // size)


@dataclass(frozen=True)
class CropDraws:
    """Where each image of a batch is cropped, and whether it is mirrored."""

    offsets_B2: Tensor
    """x, y of the crop's first pixel, 0 to 24."""
    mirrored_B: Tensor

    def part(self, share: slice) -> "CropDraws":
        """The draws of one replica's share."""
        return CropDraws(self.offsets_B2[share], self.mirrored_B[share])


def draw_crops(count: int, *, generator: torch.Generator) -> CropDraws:
    """Draws for a whole batch; on the CPU, so that every device trains on the same crops."""
    largest = ALIGNED_SIZE - CROP_SIZE
    return CropDraws(
        torch.randint(0, largest + 1, (count, 2), generator=generator),
        torch.rand(count, generator=generator) < 0.5,
    )


def prefetched(source: FrameSource, batches: Sequence[Rows]) -> Iterator[LoadedBatch]:
    """The batches in order; a thread loads the next one while the caller works on this one.

    A single thread: two were measured to be slower, for they fight over the interpreter.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="algr-frames") as pool:
        waiting = [pool.submit(source.load, rows) for rows in batches[:1]]
        for rows in batches[1:]:
            waiting.append(pool.submit(source.load, rows))
            yield waiting.pop(0).result()
        if waiting:
            yield waiting.pop(0).result()
