"""A person out of a prepared dataset: their frames leave every file, and the rest is whole.

The dataset without the person is what a preparation without them would have written: the same
pixels, order, checksums and fingerprint. It takes the place of the old one by a rename, so that
after a kill there is the old dataset or the new one; the same command then ends the work.
"""

import hashlib
import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from algr.data.assemble import DatasetPlan, assemble, fingerprinted
from algr.data.datasets import no_dataset, verify_dataset
from algr.data.description import DESCRIPTION_FILE, Description
from algr.data.fingerprint import (
    FrameDigest,
    dataset_fingerprint,
    frame_digests,
    subject_digest,
)
from algr.data.rows import FrameRows, slice_rows
from algr.data.staging import StagedVideo, staging_folder, staging_path
from algr.data.store import PreparedDataset
from algr.durable import recover_folder, sync
from algr.errors import IntegrityError

Progress = Callable[[int, int, str], None]
_REMAINS = ("retired", "building", "removed", "download")


@dataclass(frozen=True, kw_only=True)
class SubjectShare:
    """What a dataset holds of some subjects."""

    subjects: int
    videos: int
    frames: int
    frames_in_all: int


@dataclass(frozen=True, kw_only=True)
class Purged:
    """What left a dataset."""

    removed: SubjectShare
    fingerprint_before: str
    fingerprint: str
    """Empty where nobody was left, so that the dataset is gone."""


@dataclass(frozen=True, kw_only=True)
class _StoredVideo(StagedVideo):
    """A video of a prepared dataset, in the form that `assemble` takes."""

    dataset: PreparedDataset
    first: int
    """Row of the dataset."""

    @property
    def bytes_on_disk(self) -> int:
        total = sum(entry.bytes for entry in self.dataset.description.shards)
        return total * self.record.frames_kept // max(1, self.dataset.num_frames)

    def batches(self) -> Iterator[FrameRows]:
        last = self.first + self.record.frames_kept
        start = 0
        for rows in self.dataset.batches():
            low, high = max(self.first - start, 0), min(last - start, len(rows))
            if low < high:
                yield slice_rows(rows, low, high)
            start += len(rows)


def share_of(directory: Path, subject_ids: Collection[str]) -> SubjectShare:
    """What the dataset holds of subjects with these keyed hashes; nothing where they are not.

    Raises:
        DataError: There is no dataset.
        IntegrityError: Its description was altered.
    """
    recover_folder(directory)
    if not (directory / DESCRIPTION_FILE).is_file():
        raise no_dataset(directory)
    description = Description.read(directory)
    found = [entry for entry in description.subjects if entry.subject_id in subject_ids]
    return SubjectShare(
        subjects=len(found),
        videos=sum(entry.videos for entry in found),
        frames=sum(entry.frames for entry in found),
        frames_in_all=description.num_frames,
    )


def purge_subjects(
    directory: Path,
    subject_ids: Collection[str],
    *,
    progress: Progress = lambda *_: None,
) -> Purged:
    """Rewrite a dataset without these subjects, and remove what earlier work has left beside it.

    Args:
        directory: Of the dataset.
        subject_ids: Keyed hashes; those that are not in the dataset do nothing.
        progress: Told frames done, frames in all, and what is being done.

    Raises:
        DataError: There is no dataset, it is being prepared, or the disk is too full.
        IntegrityError: The dataset was damaged before; nothing is changed.
    """
    share = share_of(directory, subject_ids)
    before = Description.read(directory).fingerprint
    with staging_folder(directory):
        if share.subjects:
            _rewrite(directory, subject_ids, progress=progress)
        remove_remains(directory)
    after = ""
    if directory.exists():
        after = Description.read(directory).fingerprint
        if share.subjects:
            progress(share.frames_in_all, share.frames_in_all, "verifying")
            after = verify_dataset(directory).fingerprint
    return Purged(removed=share, fingerprint_before=before, fingerprint=after)


def remove_remains(directory: Path) -> None:
    """Remove what a killed rewriting may have left beside a dataset, which itself is whole."""
    for ending in _REMAINS:
        shutil.rmtree(_beside(directory, ending), ignore_errors=True)


def has_remains(directory: Path) -> bool:
    """Whether frames lie beside a dataset: of a killed preparation, or of a killed rewriting."""
    beside = [_beside(directory, ending) for ending in _REMAINS]
    return any(path.exists() for path in (*beside, staging_path(directory)))


def _beside(directory: Path, ending: str) -> Path:
    return directory.with_name(f".{directory.name}.{ending}")


def _rewrite(directory: Path, subject_ids: Collection[str], *, progress: Progress) -> None:
    dataset = PreparedDataset.open(directory)
    digests = _digests(dataset, progress=progress)
    _check_intact(dataset, digests)
    kept = [
        video for video in _videos(dataset, digests) if video.record.subject_id not in subject_ids
    ]
    if not kept:
        removed = _beside(directory, "removed")
        shutil.rmtree(removed, ignore_errors=True)
        directory.rename(removed)
        sync(directory.parent)
        return
    description = dataset.description
    assemble(
        kept,
        directory,
        plan=DatasetPlan(
            kind=description.kind,
            label_names=description.label_names,
            parameters=description.parameters,
            exercises=description.exercises,
            simulated=description.simulated,
            source_digest=_purged_digest(description.source_digest),
            videos_left_out=description.videos_left_out,
            parts={entry.subject_id: entry.part for entry in description.subjects},
        ),
        progress=lambda done: progress(done, dataset.num_frames, "writing"),
    )


def _purged_digest(source_digest: str) -> str:
    """So that the same files no longer count as this dataset's: they hold the person."""
    return hashlib.sha256(b"algr purged\0" + source_digest.encode()).hexdigest()


def _digests(dataset: PreparedDataset, *, progress: Progress) -> list[FrameDigest]:
    digests: list[FrameDigest] = []
    for rows in dataset.batches():
        digests += frame_digests(rows)
        progress(len(digests), dataset.num_frames, "reading")
    return digests


def _check_intact(dataset: PreparedDataset, digests: list[FrameDigest]) -> None:
    """A damaged dataset must not get a fingerprint that says it is whole."""
    of_subject: list[list[bytes]] = [[] for _ in dataset.subjects]
    for subject, digest in zip(dataset.frames.subject_index.tolist(), digests, strict=True):
        of_subject[subject].append(digest.whole)
    description = dataset.description
    found = dataset_fingerprint(
        parameters=fingerprinted(description.kind, description.label_names, description.parameters),
        subjects=[subject_digest(frames) for frames in of_subject],
    )
    if found != description.fingerprint:
        raise IntegrityError(
            f"dataset {dataset.name!r} is damaged: its content has the fingerprint {found}",
            expected=description.fingerprint,
            advice="restore it from a copy or prepare it again, without the person; "
            "nothing was changed",
        )


def _videos(dataset: PreparedDataset, digests: list[FrameDigest]) -> list[_StoredVideo]:
    """The videos in their order; the frames of each stand together."""
    group_of = {subject.subject_id: subject.group for subject in dataset.subjects}
    videos = []
    first = 0
    for record in dataset.videos:
        last = first + record.frames_kept
        videos.append(
            _StoredVideo(
                path=dataset.directory,
                record=record,
                group=group_of[record.subject_id],
                frame_digests=tuple(digests[first:last]),
                dataset=dataset,
                first=first,
            )
        )
        first = last
    assert first == dataset.num_frames, "each frame belongs to one video"
    return videos
