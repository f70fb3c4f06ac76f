"""The prepared datasets of a data home: find one by name, list them, verify one."""

# Shape suffixes: N = frames, A = action units.

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from algr.config import DataHome
from algr.data.assemble import fingerprinted
from algr.data.description import DESCRIPTION_FILE, Description, FileEntry
from algr.data.fingerprint import dataset_fingerprint, frame_digests, subject_digest
from algr.data.rows import Kind
from algr.data.store import PreparedDataset
from algr.data.summary import label_rates, rejected_frames
from algr.durable import recover_folder, recover_folders, sha256_of
from algr.errors import DataError, IntegrityError
from algr.faces import GRADES

_NAMED_LAYOUTS = ("bp4d", "disfa", "gft")
"""Whoever asks for a dataset of such a name means that data set."""


@dataclass(frozen=True, kw_only=True)
class DatasetSummary:
    """One line of `algr data list`."""

    name: str
    kind: Kind
    frames: int
    subjects: int
    fingerprint: str
    simulated: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class VerifyReport:
    """What `verify_dataset` has read and found right."""

    name: str
    shards: int
    bytes: int
    frames: int
    fingerprint: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return asdict(self)


def open_dataset(home: DataHome, name: str) -> PreparedDataset:
    """Open a prepared dataset by its name.

    Raises:
        DataError: There is none of that name; the message says which there are.
        IntegrityError: A file is not as it was written.
    """
    directory = home.dataset(name)
    recover_folder(directory)
    if not (directory / DESCRIPTION_FILE).is_file():
        raise no_dataset(directory)
    return PreparedDataset.open(directory)


def no_dataset(directory: Path) -> DataError:
    """The error for a dataset that is not there: what is, and what to type."""
    there = _names(directory.parent)
    layout = directory.name if directory.name in _NAMED_LAYOUTS else "clinic"
    return DataError(
        f"no dataset {directory.name!r} in {directory.parent}",
        expected=f"one of: {', '.join(there)}" if there else "a prepared dataset",
        advice=f"prepare it: algr data prepare {layout} --source DIR --name {directory.name}"
        + ("" if there else " (without recordings: first algr data simulate fpara DIR)"),
    )


def list_datasets(home: DataHome) -> list[DatasetSummary]:
    """The prepared datasets by name; a damaged one raises, naming its file."""
    return [_summary(home.dataset(name)) for name in _names(home.datasets)]


def describe_dataset(home: DataHome, name: str) -> dict[str, Any]:
    """What a dataset holds and how it was prepared, as plain values."""
    dataset = open_dataset(home, name)
    description = dataset.description
    subjects = Counter(subject.grade for subject in dataset.subjects)
    facts: dict[str, Any] = {
        "name": dataset.name,
        "kind": dataset.kind,
        "simulated": dataset.simulated,
        "subjects": len(dataset.subjects),
        "videos": len(dataset.videos),
        "frames": dataset.num_frames,
        "labels": list(dataset.label_names),
    }
    if dataset.kind == "grade":
        facts["subjects_per_grade"] = {
            grade_name: subjects[grade] for grade, grade_name in enumerate(GRADES)
        }
        facts["frames_per_grade"] = description.frames_per_grade
    else:
        labels_NA = dataset.frames.labels
        facts["rate_per_label"] = label_rates(labels_NA, dataset.label_names)
        coded = (labels_NA >= 0).sum(axis=0).tolist()
        facts["coded_frames_per_label"] = dict(zip(dataset.label_names, coded, strict=True))
        facts["subjects_per_published_part"] = {
            f"part {part}": count
            for part, count in sorted(Counter(s.part for s in dataset.subjects).items())
            if part
        }
        facts["groups"] = len({subject.group for subject in dataset.subjects})
    return facts | {
        "frames_rejected": rejected_frames(dataset.videos),
        "videos_left_out": description.videos_left_out,
        "parameters": description.parameters,
        "fingerprint": dataset.fingerprint,
        "shards": len(description.shards),
        "bytes": sum(entry.bytes for entry in (*description.shards, description.videos)),
        "algr_version": description.algr_version,
        "directory": str(dataset.directory),
    }


def _names(datasets: Path) -> list[str]:
    recover_folders(datasets)
    return sorted(
        path.parent.name
        for path in datasets.glob(f"*/{DESCRIPTION_FILE}")
        if not path.parent.name.startswith(".")
    )


def _summary(directory: Path) -> DatasetSummary:
    description = Description.read(directory)
    return DatasetSummary(
        name=directory.name,
        kind=description.kind,
        frames=description.num_frames,
        subjects=len(description.subjects),
        fingerprint=description.fingerprint,
        simulated=description.simulated,
    )


def verify_dataset(directory: Path) -> VerifyReport:
    """Read every byte: the checksum of each file, then the fingerprint from the pixels.

    Raises:
        DataError: There is no dataset.
        IntegrityError: A file is altered (all of them are named), or the content does not have
            the fingerprint that `dataset.json` states.
    """
    recover_folder(directory)
    if not directory.is_dir():
        raise no_dataset(directory)
    description = Description.read(directory)
    entries = (*description.shards, description.videos)
    problems = [problem for entry in entries if (problem := _problem(directory, entry))]
    if problems:
        raise IntegrityError(
            f"dataset {directory.name!r} is damaged",
            problems=problems,
            expected="the files as the preparation wrote them",
            advice="restore them from a copy, or prepare the dataset again with --replace",
        )
    fingerprint = _recomputed_fingerprint(PreparedDataset.open(directory))
    if fingerprint != description.fingerprint:
        raise IntegrityError(
            f"dataset {directory.name!r}: the content has the fingerprint {fingerprint}",
            expected=description.fingerprint,
            advice="prepare the dataset again with --replace",
        )
    return VerifyReport(
        name=directory.name,
        shards=len(description.shards),
        bytes=sum(entry.bytes for entry in entries),
        frames=description.num_frames,
        fingerprint=fingerprint,
    )


def _problem(directory: Path, entry: FileEntry) -> str:
    path = directory / entry.file
    if not path.is_file():
        return f"{entry.file} is missing"
    size = path.stat().st_size
    if size != entry.bytes:
        return f"{entry.file} has {size} bytes instead of {entry.bytes}"
    if sha256_of(path) != entry.sha256:
        return f"{entry.file} has another checksum: its content was altered"
    return ""


def _recomputed_fingerprint(dataset: PreparedDataset) -> str:
    digests: list[list[bytes]] = [[] for _ in dataset.subjects]
    for rows in dataset.batches():
        for subject, digest in zip(rows.subject.tolist(), frame_digests(rows), strict=True):
            digests[subject].append(digest.whole)
    description = dataset.description
    return dataset_fingerprint(
        parameters=fingerprinted(description.kind, description.label_names, description.parameters),
        subjects=[subject_digest(frames) for frames in digests],
    )
