"""`videos.parquet`: what is known of each video, with keyed hashes instead of names."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

VIDEOS_FILE = "videos.parquet"

_COLUMNS: list[tuple[str, Any]] = [
    ("video_id", pa.string()),
    ("subject_id", pa.string()),
    ("digest", pa.string()),
    ("visit", pa.int32()),
    ("grade", pa.int8()),
    ("grade_hb", pa.int8()),
    (
        "ratings",
        pa.list_(pa.struct([("rater_id", pa.string()), ("grade_hb", pa.int8())])),
    ),
    ("affected_side", pa.string()),
    (
        "exercises",
        pa.list_(
            pa.struct([("name", pa.string()), ("start_s", pa.float64()), ("end_s", pa.float64())])
        ),
    ),
    ("duration_s", pa.float64()),
    ("frames_kept", pa.int64()),
    ("frames_rejected", pa.int64()),
    ("rejections", pa.list_(pa.struct([("reason", pa.string()), ("frames", pa.int64())]))),
]
_SCHEMA = pa.schema(_COLUMNS)


@dataclass(frozen=True, kw_only=True)
class Rating:
    """One rater's House-Brackmann grade of a video."""

    rater_id: str
    """Keyed hash; empty where the manifest names no rater."""
    grade_hb: int


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """A stretch of a video in which one exercise is done."""

    name: str
    start_s: float
    end_s: float | None
    """None: up to the end of the video."""


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Sampled frames that were left out for one reason."""

    reason: str
    frames: int


@dataclass(frozen=True, kw_only=True)
class VideoRecord:
    """A row of `videos.parquet`."""

    video_id: str
    subject_id: str
    digest: str = ""
    """Of the kept frames, key-free."""
    visit: int = 0
    """Order of the visit among those of the subject, 0-based."""
    grade: int = -1
    grade_hb: int = -1
    ratings: tuple[Rating, ...] = ()
    affected_side: str = ""
    """The patient's: left, right, both, none, or empty."""
    exercises: tuple[Exercise, ...] = ()
    duration_s: float = 0.0
    frames_kept: int = 0
    rejections: tuple[Rejection, ...] = ()

    @property
    def frames_rejected(self) -> int:
        """Sampled frames that were left out."""
        return sum(rejection.frames for rejection in self.rejections)


def exercises_beyond(exercises: Sequence[Exercise], *, duration_s: float) -> list[str]:
    """What is said of exercises that begin when the video has ended; 0: it is not known when."""
    if not duration_s:
        return []
    return [
        f"{exercise.name} begins at {exercise.start_s:g} s, but the video ends at "
        f"{duration_s:.1f} s"
        for exercise in exercises
        if exercise.start_s >= duration_s
    ]


def write_videos(path: Path, records: Sequence[VideoRecord]) -> None:
    """Write the table; row i belongs to the frames whose column `video` is i."""
    rows: list[dict[str, Any]] = [
        {**asdict(record), "frames_rejected": record.frames_rejected} for record in records
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA), path)


def read_videos(path: Path) -> tuple[VideoRecord, ...]:
    """Read the table."""
    records = []
    with pq.ParquetFile(path) as source:  # `read_table` would import pandas
        rows = source.read().to_pylist()
    for row in rows:
        del row["frames_rejected"]
        records.append(parse_video(row))
    return tuple(records)


def parse_video(values: Mapping[str, object]) -> VideoRecord:
    """The record of a mapping as `dataclasses.asdict` makes it."""
    return _RECORD.validate_python(values)


_RECORD = TypeAdapter(VideoRecord)
