"""Aligned frames of one recording, up to a record batch."""

# Shape suffixes: H, W = rows, columns of the displayed frame; C = RGB; L = landmarks (49),
# 2 = x, y; A = action units.

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.align import align_face, inter_ocular_px
from algr.data.rows import IMAGE_SHAPE, LANDMARK_SHAPE, ROWS_PER_BATCH, FrameRows, slice_rows
from algr.data.sketch import Sketcher, Sketches
from algr.data.videos import VideoRecord


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """Which frame it is."""

    frame: int
    time_s: float
    exercise: int = -1


class FrameBuffer:
    """Aligns frames and collects them.

    Args:
        record: Of the recording: its grades are those of every frame.
        num_labels: Action units per frame.
        frames: That are expected.
    """

    def __init__(self, record: VideoRecord, *, num_labels: int, frames: int) -> None:
        size = ROWS_PER_BATCH
        self._rows = FrameRows(
            image=np.empty((size, *IMAGE_SHAPE), np.uint8),
            landmarks=np.empty((size, *LANDMARK_SHAPE), np.float32),
            labels=np.empty((size, num_labels), np.int8),
            grade=np.full(size, record.grade, np.int8),
            grade_hb=np.full(size, record.grade_hb, np.int8),
            subject=np.zeros(size, np.int32),
            video=np.zeros(size, np.int32),
            frame=np.empty(size, np.int64),
            time_s=np.empty(size, np.float64),
            exercise=np.empty(size, np.int8),
            inter_ocular_px=np.empty(size, np.float32),
        )
        self._no_labels = np.empty(0, np.int8)
        self._sketcher = Sketcher(frames)
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Whether it has to be taken before another frame is added."""
        return self._count == ROWS_PER_BATCH

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to take."""
        return self._count == 0

    def add(
        self,
        image_HWC: NDArray[np.uint8],
        landmarks_L2: NDArray[np.float32],
        *,
        stamp: Stamp,
        labels_A: NDArray[np.int8] | None = None,
    ) -> None:
        """Align a frame and keep it."""
        face = align_face(image_HWC, landmarks_L2)
        row, rows = self._count, self._rows
        rows.image[row] = face.image_HWC
        rows.landmarks[row] = face.landmarks_L2
        rows.labels[row] = self._no_labels if labels_A is None else labels_A
        rows.frame[row] = stamp.frame
        rows.time_s[row] = stamp.time_s
        rows.exercise[row] = stamp.exercise
        rows.inter_ocular_px[row] = inter_ocular_px(landmarks_L2)
        self._sketcher.add(image_HWC, landmarks_L2)
        self._count += 1

    def take(self) -> FrameRows:
        """The frames so far, valid until the next `add`."""
        rows = slice_rows(self._rows, 0, self._count)
        self._count = 0
        return rows

    def sketches(self) -> Sketches:
        """Of some of the frames that were added."""
        return self._sketcher.sketches()
