"""`dataset.json`: what a prepared dataset holds, with the checksums of its files and its own."""

import hashlib
import json
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from algr.data.fingerprint import canonical_json
from algr.data.rows import Kind
from algr.durable import write_whole
from algr.errors import DataError, IntegrityError

DESCRIPTION_FILE = "dataset.json"
SCHEMA_VERSION = 1


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class FileEntry(_Entry):
    """A file of the dataset."""

    file: str
    bytes: int
    sha256: str
    rows: int


class SubjectEntry(_Entry):
    """A subject, without any id but the keyed hash."""

    digest: str
    subject_id: str
    frames: int
    grade: int
    videos: int
    group: str
    part: int = 0
    """1-3 of the published folds of BP4D and DISFA; 0 for none."""
    pictures: tuple[str, ...] = ()
    """Digests of some pictures, by which the person is known in another dataset; empty where they
    show nobody, and in datasets of versions of algr that did not note them."""


class Description(_Entry):
    """The content of `dataset.json`, but for its own checksum."""

    schema_version: Literal[1] = 1
    kind: Kind
    label_names: tuple[str, ...]
    parameters: dict[str, object]
    """Of the preparation: alignment, sampling, mappings; part of the fingerprint."""
    fingerprint: str
    source_digest: str
    """Of the source files and options; tells whether a preparation is up to date."""
    simulated: bool
    exercises: tuple[str, ...]
    videos_left_out: int
    """Videos of the source that could not be used."""
    num_frames: int
    frames_per_grade: dict[str, int]
    subjects: tuple[SubjectEntry, ...]
    videos: FileEntry
    shards: tuple[FileEntry, ...]
    algr_version: str

    def write(self, directory: Path) -> None:
        """Write `dataset.json` into the folder and flush it to the disk."""
        values = self.model_dump(mode="json")
        for subject in values["subjects"]:
            if not subject["part"]:  # older versions of algr know no parts
                del subject["part"]
            if not subject["pictures"]:
                del subject["pictures"]
        values["sha256"] = _digest(values)
        write_whole(directory / DESCRIPTION_FILE, json.dumps(values, indent=1) + "\n")

    @classmethod
    def read(cls, directory: Path) -> Self:
        """Read `dataset.json` and check its own checksum.

        Raises:
            DataError: There is none, or another version of algr wrote it.
            IntegrityError: It was altered.
        """
        path = directory / DESCRIPTION_FILE
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise DataError(
                f"{directory}: no {DESCRIPTION_FILE}", expected="the folder of a prepared dataset"
            ) from error
        except ValueError as error:
            raise _altered(path, "is not JSON") from error
        if not isinstance(values, dict) or not isinstance(values.get("schema_version"), int):
            raise _altered(path, "has no schema version")
        if values["schema_version"] != SCHEMA_VERSION:
            raise DataError(
                f"{path}: schema version {values['schema_version']}",
                expected=f"{SCHEMA_VERSION}",
                advice="prepare the dataset again, or use the version of algr that wrote it",
            )
        if values.pop("sha256", None) != _digest(values):
            raise _altered(path, "does not have the checksum that it states")
        try:
            return cls.model_validate_json(json.dumps(values))
        except ValidationError as error:
            raise _altered(path, "lacks a field or has a wrong one") from error


def _digest(values: dict[str, object]) -> str:
    return hashlib.sha256(canonical_json(values).encode()).hexdigest()


def _altered(path: Path, what: str) -> IntegrityError:
    return IntegrityError(
        f"{path} {what}",
        expected="the file as the preparation wrote it",
        advice="restore the dataset from a copy, or prepare it again with --replace",
    )
