"""`algr data ids`: the keyed hash beside each id, for those who hold the source and the key."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from algr.data.adapters import ReadOptions, SourceReading, recognise
from algr.data.clinic import read_manifest
from algr.data.identity import IdKind, hash_id, key_path, load_or_create_key
from algr.data.store import PreparedDataset
from algr.errors import DataError


@dataclass(frozen=True, kw_only=True)
class IdRow:
    """An id and its hash."""

    kind: IdKind
    hash: str
    id: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return asdict(self)


def match_ids(
    dataset: PreparedDataset, place: Path, *, options: ReadOptions | None = None
) -> list[IdRow]:
    """The ids of a source whose hashes stand in the dataset: people, then recordings.

    Args:
        dataset: Opened.
        place: A clinic's manifest, or the folder of a source of any layout. Of a clinic the raters
            follow.
        options: How the source was read when it was prepared.

    Raises:
        DataError: None does, because the source is another or the key is; or it cannot be read.
    """
    if not key_path().exists():
        raise DataError(
            f"{key_path()}: no key",
            expected="the key with which the dataset was prepared",
            advice="set ALGR_KEY_FILE to it",
        )
    key = load_or_create_key()
    adapter = recognise(place) if place.is_dir() else None
    if adapter is None or adapter.layout == "clinic":
        ids = _of_clinic(place)
    else:
        ids = _of_recordings(adapter.read(place, options or ReadOptions()))
    known: dict[IdKind, set[str]] = {
        "patient": {video.subject_id for video in dataset.videos},
        "video": {video.video_id for video in dataset.videos},
        "rater": {rating.rater_id for video in dataset.videos for rating in video.ratings},
    }
    rows = [
        IdRow(kind=kind, hash=hash_id(kind, value, key=key), id=value)
        for kind, values in ids.items()
        for value in sorted(values)
    ]
    found = [row for row in rows if row.hash in known[row.kind]]
    if not found:
        raise DataError(
            f"no id of {place} has a hash in dataset {dataset.name!r}",
            expected="the source from which it was prepared, and the key in use at that time",
            advice=f"look for another source, or set ALGR_KEY_FILE (now {key_path()})",
        )
    return found


def _of_clinic(manifest: Path) -> dict[IdKind, set[str]]:
    videos = read_manifest(manifest).videos
    return {
        "patient": {video.patient_id for video in videos},
        "video": {video.video for video in videos},
        "rater": {rating.name for video in videos for rating in video.ratings if rating.name},
    }


def _of_recordings(reading: SourceReading) -> dict[IdKind, set[str]]:
    return {
        "patient": {recording.subject for recording in reading.recordings},
        "video": {recording.name for recording in reading.recordings},
    }
