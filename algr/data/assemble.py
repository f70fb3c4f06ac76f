"""Staged videos to a prepared dataset: content order, shards, checksums, one rename."""

import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import pyarrow as pa

from algr import __version__
from algr.data.description import Description, FileEntry, SubjectEntry
from algr.data.fingerprint import (
    SUBJECT_DIGEST_LENGTH,
    dataset_fingerprint,
    pictures_sample,
    subject_digest,
)
from algr.data.refusal import BrokenOffError
from algr.data.rows import (
    ROWS_PER_BATCH,
    UNKNOWN,
    FrameRows,
    Kind,
    concatenate,
    frame_schema,
    slice_rows,
    to_batch,
)
from algr.data.staging import StagedVideo, numbered
from algr.data.videos import VIDEOS_FILE, write_videos
from algr.data.words import counted, limited
from algr.durable import sha256_of, swap_folder, sync
from algr.errors import DataError
from algr.faces import GRADES

ROWS_PER_SHARD = 16 * ROWS_PER_BATCH


@dataclass(frozen=True, kw_only=True)
class DatasetPlan:
    """What is the same for all videos of a dataset."""

    kind: Kind
    label_names: tuple[str, ...]
    parameters: Mapping[str, object]
    exercises: tuple[str, ...]
    simulated: bool
    source_digest: str = ""
    videos_left_out: int = 0
    rows_per_shard: int = ROWS_PER_SHARD
    parts: Mapping[str, int] = field(default_factory=dict)
    """Keyed hash of a subject to its part, 1-3, of published folds."""

    @property
    def num_labels(self) -> int:
        """Labels per frame: one per action unit, none for grades."""
        return len(self.label_names) if self.kind == "au" else 0


@dataclass(frozen=True, kw_only=True)
class _Subject:
    whole_digest: str
    entry: SubjectEntry
    videos: tuple[StagedVideo, ...]

    @classmethod
    def of(cls, subject_id: str, videos: Sequence[StagedVideo], *, part: int) -> Self:
        frames = [frame for video in videos for frame in video.frame_digests]
        digest = subject_digest(frame.whole for frame in frames)
        groups = {video.group or subject_id for video in videos}
        assert len(groups) == 1, "a subject stands in one group"
        return cls(
            whole_digest=digest,
            entry=SubjectEntry(
                digest=digest[:SUBJECT_DIGEST_LENGTH],
                subject_id=subject_id,
                frames=sum(video.record.frames_kept for video in videos),
                grade=max(video.record.grade for video in videos),
                videos=len(videos),
                group=groups.pop(),
                part=part,
                pictures=pictures_sample(frames),
            ),
            videos=tuple(sorted(videos, key=lambda video: video.record.digest)),
        )


def assemble(
    staged: Iterable[StagedVideo],
    directory: Path,
    *,
    plan: DatasetPlan,
    labels: Mapping[str, str] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Description:
    """Write the dataset into `directory`, which appears whole or not at all.

    Args:
        staged: Videos with at least one frame each, in any order.
        directory: Is replaced if it exists.
        plan: What is the same for all videos.
        labels: Names of videos by their ids, for messages only; by default the ids.
        progress: Told the number of frames written so far.

    Raises:
        DataError: Two subjects of different groups share a picture, or the disk is too full.
    """
    videos = [video for video in staged if video.record.frames_kept]
    by_subject: dict[str, list[StagedVideo]] = defaultdict(list)
    for video in videos:
        by_subject[video.record.subject_id].append(video)
    subjects = sorted(
        (
            _Subject.of(subject_id, owned, part=plan.parts.get(subject_id, 0))
            for subject_id, owned in by_subject.items()
        ),
        key=lambda subject: subject.whole_digest,
    )
    _check_distinct(subjects, labels or {})
    directory.parent.mkdir(parents=True, exist_ok=True)
    _check_space(videos, directory.parent)
    building = directory.parent / f".{directory.name}.building"
    shutil.rmtree(building, ignore_errors=True)
    building.mkdir()
    try:
        description = _write(subjects, building, plan=plan, progress=progress)
        swap_folder(building, directory)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return description


def _write(
    subjects: Sequence[_Subject],
    building: Path,
    *,
    plan: DatasetPlan,
    progress: Callable[[int], None] | None,
) -> Description:
    shards = _write_shards(subjects, building, plan=plan, progress=progress)
    ordered = [video for subject in subjects for video in subject.videos]
    write_videos(building / VIDEOS_FILE, [video.record for video in ordered])
    per_grade = Counter[int]()
    for video in ordered:
        per_grade[video.record.grade] += video.record.frames_kept
    description = Description(
        kind=plan.kind,
        label_names=plan.label_names,
        parameters=dict(plan.parameters),
        fingerprint=dataset_fingerprint(
            parameters=fingerprinted(plan.kind, plan.label_names, plan.parameters),
            subjects=[subject.whole_digest for subject in subjects],
        ),
        source_digest=plan.source_digest,
        simulated=plan.simulated,
        exercises=plan.exercises,
        videos_left_out=plan.videos_left_out,
        num_frames=sum(shard.rows for shard in shards),
        frames_per_grade={
            name: per_grade[grade]
            for name, grade in _grade_names().items()
            if per_grade[grade] and plan.kind == "grade"
        },
        subjects=tuple(subject.entry for subject in subjects),
        videos=_file_entry(building / VIDEOS_FILE, rows=len(ordered)),
        shards=tuple(shards),
        algr_version=__version__,
    )
    description.write(building)
    sync(building)
    return description


def fingerprinted(
    kind: Kind, label_names: Sequence[str], parameters: Mapping[str, object]
) -> dict[str, object]:
    """The part of a dataset's fingerprint that is not pictures and labels."""
    return {"kind": kind, "label_names": list(label_names), "preparation": dict(parameters)}


def _grade_names() -> dict[str, int]:
    return {**{name: grade for grade, name in enumerate(GRADES)}, "unknown": UNKNOWN}


class SharedPicturesError(DataError):
    """One face under two subjects, found when all was decoded."""


def _check_distinct(subjects: Sequence[_Subject], labels: Mapping[str, str]) -> None:
    """One picture under two subjects could be trained and tested on, whatever its labels.

    Subjects of one group never stand on two sides of a fold and may share pictures.
    """
    owners: dict[bytes, tuple[_Subject, StagedVideo]] = {}
    names: dict[str, _Subject] = {}
    shared: dict[tuple[str, str], int] = {}
    for subject in subjects:
        twin = names.setdefault(subject.entry.digest, subject)
        if twin is not subject:
            shared[_named(twin.videos[0], subject.videos[0], labels)] = 1
        for video in subject.videos:
            for digest in video.frame_digests:
                owner = owners.setdefault(digest.picture, (subject, video))
                if digest.picture and owner[0].entry.group != subject.entry.group:
                    pair = _named(owner[1], video, labels)
                    shared[pair] = shared.get(pair, 0) + 1
    if shared:
        raise SharedPicturesError(
            f"the same pictures under two subjects: {counted(len(shared), 'pair')} of recordings",
            problems=limited(
                [
                    f"two subjects have the same pictures, in {one} and {other}: "
                    f"{counted(count, 'picture')}"
                    for (one, other), count in sorted(shared.items())
                ]
            ),
            expected="each person under one name, so that no face is trained and tested on",
            advice="take all recordings of one of these subjects out of the source, or, if one was "
            "only put into the wrong place, that one",
        )


def _named(one: StagedVideo, other: StagedVideo, labels: Mapping[str, str]) -> tuple[str, str]:
    ids = [video.record.video_id for video in (one, other)]
    first, second = sorted(labels.get(video_id, video_id) for video_id in ids)
    return first, second


def _check_space(videos: Sequence[StagedVideo], folder: Path) -> None:
    needed = sum(video.bytes_on_disk for video in videos)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise BrokenOffError(
            f"{folder}: {free / 1e9:.1f} GB free",
            expected=f"{needed / 1e9:.1f} GB for the dataset",
            advice="free some space, or choose another --data-home; nothing is decoded twice",
        )


def _write_shards(
    subjects: Sequence[_Subject],
    building: Path,
    *,
    plan: DatasetPlan,
    progress: Callable[[int], None] | None,
) -> list[FileEntry]:
    schema = frame_schema(plan.num_labels)
    entries: list[FileEntry] = []
    writer: _ShardWriter | None = None
    written = 0
    for rows in _lots(_numbered_batches(subjects), size=ROWS_PER_BATCH):
        if writer is None:
            writer = _ShardWriter(building / f"frames-{len(entries):05d}.arrow", schema)
        writer.add(rows)
        written += len(rows)
        if progress:
            progress(written)
        if writer.rows >= plan.rows_per_shard:
            entries.append(writer.close())
            writer = None
    if writer is not None:
        entries.append(writer.close())
    return entries


def _numbered_batches(subjects: Sequence[_Subject]) -> Iterator[FrameRows]:
    video_number = 0
    for subject_number, subject in enumerate(subjects):
        for video in subject.videos:
            for rows in video.batches():
                yield numbered(rows, subject=subject_number, video=video_number)
            video_number += 1


def _lots(batches: Iterable[FrameRows], *, size: int) -> Iterator[FrameRows]:
    """The same rows in lots of exactly `size`, but for the last."""
    waiting: list[FrameRows] = []
    count = 0
    for batch in batches:
        start = 0
        while start < len(batch):
            stop = min(len(batch), start + size - count)
            waiting.append(slice_rows(batch, start, stop))
            count += stop - start
            start = stop
            if count == size:
                yield concatenate(waiting)
                waiting, count = [], 0
    if waiting:
        yield concatenate(waiting)


class _ShardWriter:
    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._schema = schema
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pa.ipc.new_file(self._sink, schema)
        self.rows = 0

    def add(self, rows: FrameRows) -> None:
        self._writer.write_batch(to_batch(rows, self._schema))
        self.rows += len(rows)

    def close(self) -> FileEntry:
        self._writer.close()
        self._sink.close()
        return _file_entry(self._path, rows=self.rows)


def _file_entry(path: Path, *, rows: int) -> FileEntry:
    sync(path)
    return FileEntry(file=path.name, bytes=path.stat().st_size, sha256=sha256_of(path), rows=rows)
