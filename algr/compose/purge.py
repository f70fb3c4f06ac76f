"""`algr data purge`: a patient out of datasets, and a list of what was made with them."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from algr.config import DataHome
from algr.data import hash_id, list_datasets
from algr.data.description import Description
from algr.data.identity import key_path
from algr.data.purge import Purged, has_remains, purge_subjects, remove_remains, share_of
from algr.data.purge_log import (
    LOG_FILE,
    PurgeEntry,
    append,
    earlier_fingerprints,
    unfinished,
)
from algr.data.staging import STAGING, discard_staging
from algr.errors import DataError, IntegrityError
from algr.tracking import TrackedUse, trained_on

Progress = Callable[[int, int, str], None]
_MARKERS = {
    "run": ("runs", ("*/plan.json", "*/config.json", "*/repeats.json")),
    "study": ("studies", ("*/study.json",)),
    "pulled model": ("models", ("**/bundle.json",)),
}
CANNOT_REMOVE = (
    "models that were trained on the patient: weights, registered versions, checkpoints",
    "predictions of the patient's frames in runs (predictions.parquet) and in the tracking store",
    "digests of single pictures of the patient in the plans of runs and in bundles",
    "the recordings themselves, and copies of the dataset or of bundles outside of this data home",
)


@dataclass(frozen=True, kw_only=True)
class Use:
    """Something that was made with a dataset."""

    what: str
    name: str
    detail: str = ""

    def text(self) -> str:
        """One line for people."""
        return f"{self.what} {self.name}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True, kw_only=True)
class DatasetPurge:
    """What happened, or would happen, to one dataset."""

    dataset: str
    subjects: int
    videos: int
    frames: int
    frames_left: int
    fingerprint_before: str
    fingerprint: str
    """Empty where the dataset is gone, or where nothing was done."""
    used_by: tuple[Use, ...]


@dataclass(frozen=True, kw_only=True)
class PurgeOutcome:
    """The whole of it."""

    dry_run: bool
    datasets: tuple[DatasetPurge, ...]
    """Those that hold the patient."""
    ended: tuple[str, ...]
    """Datasets in which the work of a killed purge was ended."""
    log: Path

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "dry_run": self.dry_run,
            "datasets": [asdict(dataset) for dataset in self.datasets],
            "ended": list(self.ended),
            "not_removed": list(CANNOT_REMOVE),
            "record": str(self.log),
        }


def patient_hash(patient: str) -> str:
    """The keyed hash of a patient's id.

    Raises:
        DataError: There is no key, so that no dataset was prepared with it.
    """
    if not key_path().exists():
        raise DataError(
            f"{key_path()}: no key",
            expected="the key with which the datasets were prepared",
            advice="set ALGR_KEY_FILE to it, or give the keyed hash with --hash",
        )
    return hash_id("patient", patient)


def purge_patient(
    subject_id: str,
    *,
    home: DataHome,
    dataset: str | None,
    dry_run: bool,
    tracking_uri: str | None,
    progress: Progress = lambda *_: None,
) -> PurgeOutcome:
    """Remove a patient from one dataset or from all.

    What used the datasets is listed first, and written down, because afterwards the fingerprint
    by which it is found is another.

    Args:
        subject_id: Keyed hash.
        home: Where the datasets lie.
        dataset: Its name; None for all.
        dry_run: Change nothing.
        tracking_uri: Of a tracking server; None for the embedded store.
        progress: Told frames done, frames in all, and what is being done.

    Raises:
        DataError: There is no such dataset, or the patient is in none of them.
        IntegrityError: A dataset is damaged.
        TrackingError: The tracking store does not answer; nothing was changed.
    """
    names = [dataset] if dataset else [summary.name for summary in list_datasets(home)]
    found = [name for name in names if share_of(home.dataset(name), {subject_id}).subjects]
    ended = [] if dry_run else _end_killed(home, names)
    if dataset is None and not dry_run:
        ended += _drop_broken_off(home)
    if not found and not ended:
        raise DataError(
            f"the patient is in no dataset of {home.datasets}"
            if dataset is None
            else f"the patient is not in dataset {dataset!r}",
            expected="a patient id as the manifest spells it, and the key with which the "
            "dataset was prepared",
            advice=f"see algr data ids; look for another key (now {key_path()}), or give the "
            "keyed hash with --hash",
        )
    plans = [_plan(home, name, subject_id, tracking_uri=tracking_uri) for name in found]
    done = plans
    if not dry_run:
        done = [_purge(home, plan, subject_id, progress=progress) for plan in plans]
    return PurgeOutcome(
        dry_run=dry_run, datasets=tuple(done), ended=tuple(ended), log=home.root / LOG_FILE
    )


def _plan(home: DataHome, name: str, subject_id: str, *, tracking_uri: str | None) -> DatasetPurge:
    directory = home.dataset(name)
    share = share_of(directory, {subject_id})
    fingerprint = Description.read(directory).fingerprint
    fingerprints = earlier_fingerprints(home, fingerprint)
    tracked = trained_on(home, fingerprints=fingerprints, uri=tracking_uri)
    return DatasetPurge(
        dataset=name,
        subjects=share.subjects,
        videos=share.videos,
        frames=share.frames,
        frames_left=share.frames_in_all - share.frames,
        fingerprint_before=fingerprint,
        fingerprint="",
        used_by=(*uses_on_disk(home, fingerprints), *_tracked_uses(tracked)),
    )


def uses_on_disk(home: DataHome, fingerprints: Collection[str]) -> tuple[Use, ...]:
    """Runs, studies, pulled models and kept weights of the data home that name a fingerprint."""
    uses: list[Use] = []
    for what, (folder, patterns) in _MARKERS.items():
        root = home.root / folder
        markers = (path for pattern in patterns for path in sorted(root.glob(pattern)))
        names = {
            path.parent.relative_to(root).as_posix(): None
            for path in markers
            if _names_any(path, fingerprints)
        }
        uses += [Use(what=what, name=name) for name in names]
    uses += [
        Use(what="weights to start from", name=path.name)
        for path in sorted(home.starts.glob("*.safetensors"))
        if _describes_any(path, fingerprints)
    ]
    return tuple(uses)


def _describes_any(path: Path, fingerprints: Iterable[str]) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            text = "".join((file.metadata() or {}).values())
    except (OSError, SafetensorError) as error:
        raise IntegrityError(
            f"{path} cannot be read: {error}",
            expected="weights that `--init-from` kept",
            advice="remove the file, or restore it",
        ) from error
    return any(fingerprint in text for fingerprint in fingerprints)


def _names_any(path: Path, fingerprints: Iterable[str]) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return any(fingerprint in text for fingerprint in fingerprints)


def _tracked_uses(tracked: Sequence[TrackedUse]) -> list[Use]:
    return [
        Use(
            what="tracked run" if use.what == "run" else "registered model",
            name=use.name,
            detail=use.kind,
        )
        for use in tracked
    ]


def _purge(
    home: DataHome, plan: DatasetPurge, subject_id: str, *, progress: Progress
) -> DatasetPurge:
    entry = PurgeEntry.start(
        dataset=plan.dataset,
        fingerprint_before=plan.fingerprint_before,
        subjects=plan.subjects,
        videos=plan.videos,
        frames=plan.frames,
        used_by=tuple(use.text() for use in plan.used_by),
    )
    append(home, entry)
    purged: Purged = purge_subjects(home.dataset(plan.dataset), {subject_id}, progress=progress)
    append(home, entry.done(fingerprint=purged.fingerprint))
    return replace(plan, fingerprint=purged.fingerprint)


def _end_killed(home: DataHome, names: Sequence[str]) -> list[str]:
    """End purges that were killed after the new dataset was in place: remove the old frames."""
    ended = []
    for entry in unfinished(home):
        directory = home.dataset(entry.dataset)
        if entry.dataset not in names and directory.exists():
            continue
        now = Description.read(directory).fingerprint if directory.exists() else ""
        if now != entry.fingerprint_before:
            remove_remains(directory)
            append(home, entry.done(fingerprint=now))
            ended.append(entry.dataset)
    ended += [name for name in names if name not in ended and _clean(home.dataset(name))]
    return ended


def _drop_broken_off(home: DataHome) -> list[str]:
    """Remove the decoded frames of preparations that never became a dataset: whose, nobody knows.

    Those that are going on are left alone.
    """
    dropped = []
    for staging in sorted(home.datasets.glob(f".*{STAGING}")):
        name = staging.name.removeprefix(".").removesuffix(STAGING)
        if not home.dataset(name).exists():
            discard_staging(home.dataset(name))
            dropped += [] if staging.exists() else [name]
    return dropped


def _clean(directory: Path) -> bool:
    if not directory.exists() or not has_remains(directory):
        return False
    purge_subjects(directory, ())
    return True
