"""Datasets from arrays: for adapters that have frames in memory, and for tests."""

import shutil
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algr.data.assemble import ROWS_PER_SHARD, DatasetPlan, assemble
from algr.data.rows import ROWS_PER_BATCH, UNKNOWN, FrameRows, Kind, slice_rows
from algr.data.staging import StagedVideo, StageWriter, staging_path
from algr.data.store import PreparedDataset
from algr.data.videos import VideoRecord
from algr.errors import DataError
from algr.faces import GRADES


class DatasetWriter:
    """Collects videos and writes them as one dataset: `add_video` each, then `finish`.

    Args:
        directory: Of the dataset to be; must not exist yet.
        kind: `au` for action units, `grade` for palsy grades.
        label_names: The action units; for `grade` leave it out.
        parameters: Of the preparation; part of the fingerprint.
        simulated: Nobody's face.
        exercises: Names that `add_video` may use.
        rows_per_shard: Frames per file.
    """

    def __init__(
        self,
        directory: Path,
        *,
        kind: Kind,
        label_names: tuple[str, ...] = GRADES,
        parameters: dict[str, object] | None = None,
        simulated: bool = False,
        exercises: tuple[str, ...] = (),
        rows_per_shard: int = ROWS_PER_SHARD,
    ) -> None:
        if directory.exists():
            raise DataError(f"{directory} exists already", expected="a folder that does not")
        self._directory = directory
        self._plan = DatasetPlan(
            kind=kind,
            label_names=label_names,
            parameters=parameters or {},
            exercises=exercises,
            simulated=simulated,
            rows_per_shard=rows_per_shard,
        )
        self._staging = staging_path(directory)
        self._staged: list[StagedVideo] = []
        self._parts: dict[str, int] = {}

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was staged."""
        shutil.rmtree(self._staging, ignore_errors=True)

    def add_video(
        self,
        *,
        subject_id: str,
        images: NDArray[np.uint8],
        landmarks: NDArray[np.float32],
        labels: ArrayLike | None = None,
        grade: int = UNKNOWN,
        grade_hb: int = UNKNOWN,
        group: str = "",
        part: int = 0,
        video_id: str = "",
        exercise: ArrayLike = UNKNOWN,
        fps: float = 6.0,
    ) -> None:
        """Add one video.

        Args:
            subject_id: Stands in the dataset as it is given: hash it first.
            images: (N, 200, 200, 3) RGB.
            landmarks: (N, 49, 2) x, y in pixels of the image; NaN for none.
            labels: (N, A): 1, 0 or -1; left out for a dataset of grades.
            grade: Class 0-3, or -1.
            grade_hb: House-Brackmann grade 1-6, or -1.
            group: Subjects of one group share the side of a fold; empty: the subject alone.
            part: Of the published folds, 1-3; 0 for none.
            video_id: By default the subject's id and a number.
            exercise: Index into `exercises`, one or (N,); -1 for none.
            fps: Frames per second, for the column of times.
        """
        self._parts[subject_id] = part
        count = len(images)
        number = len(self._staged)
        known = np.zeros((count, self._plan.num_labels)) if labels is None else labels
        rows = FrameRows(
            image=np.asarray(images, np.uint8),
            landmarks=np.asarray(landmarks, np.float32),
            labels=np.asarray(known, np.int8).reshape(count, self._plan.num_labels),
            grade=np.full(count, grade, np.int8),
            grade_hb=np.full(count, grade_hb, np.int8),
            subject=np.zeros(count, np.int32),
            video=np.zeros(count, np.int32),
            frame=np.arange(count, dtype=np.int64),
            time_s=np.arange(count) / fps,
            exercise=np.broadcast_to(np.asarray(exercise, np.int8), (count,)),
            inter_ocular_px=np.full(count, np.nan, np.float32),
        )
        self._staging.mkdir(parents=True, exist_ok=True)
        record = VideoRecord(
            video_id=video_id or f"{subject_id}-{number}",
            subject_id=subject_id,
            grade=grade,
            grade_hb=grade_hb,
            duration_s=count / fps,
        )
        with StageWriter(
            self._staging, key=f"{number:06d}", num_labels=self._plan.num_labels
        ) as stage:
            for start in range(0, count, ROWS_PER_BATCH):
                stage.add(slice_rows(rows, start, min(start + ROWS_PER_BATCH, count)))
            self._staged.append(stage.close(record, group=group))

    def finish(self) -> PreparedDataset:
        """Write the dataset and open it."""
        plan = replace(self._plan, parts=self._parts)
        assemble(self._staged, self._directory, plan=plan)
        shutil.rmtree(self._staging, ignore_errors=True)
        return PreparedDataset.open(self._directory)
