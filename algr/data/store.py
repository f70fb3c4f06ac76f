"""Prepared datasets as they are read: mapped files, columns in memory, frames gathered at random.

Frames of a video resemble each other, so training shuffles over all frames of all videos; the
files are uncompressed and mapped, and a gather copies each row from its view.
"""

# Shape suffixes: N = frames of the dataset, B = gathered frames, H, W = 200, C = colours,
# L = landmarks (49), 2 = x, y, A = action units.

import mmap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algr.data.description import Description, FileEntry
from algr.data.rows import COLUMNS, IMAGE_SHAPE, FrameRows, Kind, frame_schema, views_of
from algr.data.videos import VIDEOS_FILE, VideoRecord, read_videos
from algr.errors import DataError, IntegrityError

_PADDING = 1024
"""More than Arrow puts between the columns of a record batch."""
_SMALL_COLUMNS = tuple(name for name in COLUMNS if name != "image")


@dataclass(frozen=True, kw_only=True)
class SubjectInfo:
    """A subject of a prepared dataset."""

    digest: str
    """24 hexadecimal digits of the content, key-free: the subject's name in folds."""
    subject_id: str
    """Keyed hash of the id that the source gives."""
    frames: int
    grade: int
    """Class 0-3, the highest of the subject's videos; -1 where there is none."""
    videos: int
    group: str
    """Subjects of one group never stand on two sides of a fold."""
    part: int = 0
    """1-3 of the published folds; 0 for none."""
    pictures: tuple[str, ...] = ()
    """24 hexadecimal digits of each of some pictures; empty where they are not noted."""


@dataclass(frozen=True, kw_only=True)
class FrameTable:
    """Everything of the frames but their pixels; row i of each column is frame i."""

    subject_index: NDArray[np.int32]
    """(N,) position in `PreparedDataset.subjects`."""
    video_index: NDArray[np.int32]
    """(N,) position in `video_names`."""
    frame: NDArray[np.int64]
    """(N,) 0-based index in the video; for action units the number that the labels give it."""
    time_s: NDArray[np.float64]
    exercise_index: NDArray[np.int8]
    """(N,) position in `exercise_names`; -1 for none."""
    grade: NDArray[np.int8]
    """(N,) class 0-3 or -1."""
    grade_hb: NDArray[np.int8]
    """(N,) House-Brackmann grade 1-6 or -1."""
    labels: NDArray[np.int8]
    """(N, A): 1 present, 0 absent, -1 not coded; A is 0 for a dataset of grades."""
    landmarks: NDArray[np.float32]
    """(N, 49, 2) pixels of the aligned face."""
    inter_ocular_px: NDArray[np.float32]
    """(N,) eye distance in the source, pixels."""
    subject_names: tuple[str, ...]
    """Keyed hashes."""
    video_names: tuple[str, ...]
    """Keyed hashes."""
    exercise_names: tuple[str, ...]

    def __len__(self) -> int:
        """Number of frames."""
        return len(self.frame)

    @property
    def subject_id(self) -> NDArray[np.str_]:
        """(N,) keyed hash of each frame's subject."""
        return np.asarray(self.subject_names)[self.subject_index]

    @property
    def video_id(self) -> NDArray[np.str_]:
        """(N,) keyed hash of each frame's video."""
        return np.asarray(self.video_names)[self.video_index]

    @property
    def exercise(self) -> NDArray[np.str_]:
        """(N,) name of each frame's exercise; empty for none."""
        return np.asarray([*self.exercise_names, ""])[self.exercise_index]


@dataclass(frozen=True, kw_only=True)
class FrameBatch:
    """Gathered frames, in the order that was asked for."""

    images_BHWC: NDArray[np.uint8]
    landmarks_BL2: NDArray[np.float32]
    """Pixels of the 200-pixel face; NaN for none."""
    labels_BA: NDArray[np.int8]
    grade_B: NDArray[np.int8]


class PreparedDataset:
    """A prepared dataset, read-only. Open one with `open`."""

    def __init__(
        self,
        *,
        directory: Path,
        description: Description,
        frames: FrameTable,
        videos: Sequence[VideoRecord],
        batches: Sequence[FrameRows],
    ) -> None:
        self.directory = directory
        self.description = description
        self.frames = frames
        self.videos = tuple(videos)
        self.subjects = tuple(SubjectInfo(**dict(entry)) for entry in description.subjects)
        self._batches = tuple(batches)
        self._images = tuple(rows.image for rows in batches)
        self._starts = np.cumsum([0, *(len(rows) for rows in batches)])
        self._index_of = {subject.digest: i for i, subject in enumerate(self.subjects)}

    @classmethod
    def open(cls, directory: Path) -> Self:
        """Map the dataset after checking sizes, footers and the checksum of `dataset.json`.

        Raises:
            DataError: There is no dataset, or another version of algr wrote it.
            IntegrityError: A file is missing or not as it was written; the message names it.
        """
        description = Description.read(directory)
        for entry in (*description.shards, description.videos):
            _check_size(directory / entry.file, entry)
        num_labels = len(description.label_names) if description.kind == "au" else 0
        shards = [
            _map_shard(directory / entry.file, entry, num_labels=num_labels)
            for entry in description.shards
        ]
        batches = [rows for shard in shards for rows in shard.batches]
        videos = read_videos(directory / VIDEOS_FILE)
        frames = _frame_table(batches, description=description, videos=videos)
        for shard in shards:
            shard.forget_pages()
        return cls(
            directory=directory,
            description=description,
            frames=frames,
            videos=videos,
            batches=batches,
        )

    def __reduce__(self) -> tuple[object, ...]:
        """Travel between processes as a path; the files are mapped again there."""
        return (type(self).open, (self.directory,))

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.directory.name

    @property
    def kind(self) -> Kind:
        """`au` or `grade`."""
        return self.description.kind

    @property
    def label_names(self) -> tuple[str, ...]:
        """Action units ("AU1", …), or the grades, mildest first."""
        return self.description.label_names

    @property
    def fingerprint(self) -> str:
        """SHA-256 of pixels, labels, landmarks and parameters, hexadecimal."""
        return self.description.fingerprint

    @property
    def simulated(self) -> bool:
        """Nobody's face."""
        return self.description.simulated

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return len(self.frames)

    def indices_of(self, digests: Sequence[str]) -> NDArray[np.int64]:
        """Rows of these subjects, ascending.

        Raises:
            DataError: A digest is not of this dataset.
        """
        unknown = [digest for digest in digests if digest not in self._index_of]
        if unknown:
            raise DataError(
                f"dataset {self.name!r} has no subject {unknown[0]}"
                + (f" (and {len(unknown) - 1} more)" if len(unknown) > 1 else ""),
                expected="folds that were planned on this dataset",
                advice="plan the folds again, or open the dataset that they belong to",
            )
        wanted = np.zeros(len(self.subjects), bool)
        wanted[[self._index_of[digest] for digest in digests]] = True
        return np.flatnonzero(wanted[self.frames.subject_index]).astype(np.int64)

    def batches(self) -> Iterator[FrameRows]:
        """All frames in the order of the files, in lots, as views of the mapped files."""
        yield from self._batches

    def gather(self, rows: NDArray[np.integer]) -> FrameBatch:
        """Copy these frames out of the mapped files.

        Args:
            rows: Row numbers in any order, repeats allowed.
        """
        rows = np.asarray(rows, np.int64)
        if rows.size and not 0 <= rows.min() <= rows.max() < self.num_frames:
            raise IndexError(f"rows outside of 0 to {self.num_frames - 1}")
        batch = np.searchsorted(self._starts, rows, side="right") - 1
        place = (rows - self._starts[batch]).tolist()
        images_BHWC = np.empty((len(rows), *IMAGE_SHAPE), np.uint8)
        views = self._images
        for i, (chunk, offset) in enumerate(zip(batch.tolist(), place, strict=True)):
            images_BHWC[i] = views[chunk][offset]
        return FrameBatch(
            images_BHWC=images_BHWC,
            landmarks_BL2=self.frames.landmarks[rows],
            labels_BA=self.frames.labels[rows],
            grade_B=self.frames.grade[rows],
        )


def _check_size(path: Path, entry: FileEntry) -> None:
    if not path.is_file():
        raise _damaged(path, "is missing")
    size = path.stat().st_size
    if size != entry.bytes:
        raise _damaged(path, f"has {size} bytes instead of {entry.bytes}")


@dataclass(frozen=True)
class _Shard:
    batches: list[FrameRows]
    mapped: mmap.mmap

    def ask_for_columns(self) -> None:
        """Have the kernel read the small columns, and not what lies around them: the pixels."""
        if not hasattr(mmap, "MADV_WILLNEED"):
            return
        start = np.frombuffer(self.mapped, np.uint8).ctypes.data
        for rows in self.batches:
            end = rows.image.ctypes.data - start + rows.image.nbytes  # the other columns follow
            size = sum(getattr(rows, name).nbytes for name in _SMALL_COLUMNS)
            page = end - end % mmap.PAGESIZE
            length = min(end + size + _PADDING, len(self.mapped)) - page
            self.mapped.madvise(mmap.MADV_WILLNEED, page, length)

    def forget_pages(self) -> None:
        """Give back the memory of pages whose content was copied; they stay in the cache."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)
            self.mapped.madvise(mmap.MADV_NORMAL)


def _map_shard(path: Path, entry: FileEntry, *, num_labels: int) -> _Shard:
    """Map a file and read its footer.

    The mapping is Python's: Arrow's own asks the kernel to read whatever a record batch spans, so
    that opening a dataset would read all of its pixels.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if hasattr(mmap, "MADV_RANDOM"):
            mapped.madvise(mmap.MADV_RANDOM)  # no reading ahead, until the columns are there
        content: Any = mapped
        reader = pa.ipc.open_file(pa.BufferReader(pa.py_buffer(content)))
        if reader.schema != frame_schema(num_labels):
            raise _damaged(path, "has other columns than it was written with")
        batches = [views_of(reader.get_batch(i)) for i in range(reader.num_record_batches)]
        shard = _Shard(batches, mapped)
        shard.ask_for_columns()
    except (pa.ArrowInvalid, pa.ArrowSerializationError, OSError, ValueError) as error:
        raise _damaged(path, "cannot be read as an Arrow file") from error
    if sum(len(batch) for batch in batches) != entry.rows:
        raise _damaged(path, f"does not have the {entry.rows} frames that it was written with")
    return shard


def _damaged(path: Path, what: str) -> IntegrityError:
    return IntegrityError(
        f"{path} {what}",
        expected="the file as the preparation wrote it",
        advice="restore it from a copy, or prepare the dataset again with --replace",
    )


def _frame_table(
    batches: Sequence[FrameRows], *, description: Description, videos: Sequence[VideoRecord]
) -> FrameTable:
    column = {
        name: np.concatenate([getattr(batch, name) for batch in batches]) for name in _SMALL_COLUMNS
    }
    for values in column.values():
        values.flags.writeable = False
    return FrameTable(
        subject_index=column["subject"],
        video_index=column["video"],
        frame=column["frame"],
        time_s=column["time_s"],
        exercise_index=column["exercise"],
        grade=column["grade"],
        grade_hb=column["grade_hb"],
        labels=column["labels"],
        landmarks=column["landmarks"],
        inter_ocular_px=column["inter_ocular_px"],
        subject_names=tuple(entry.subject_id for entry in description.subjects),
        video_names=tuple(video.video_id for video in videos),
        exercise_names=description.exercises,
    )
