"""One file under two subjects: found before anything is decoded, and all cases told together."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from algr.data.adapters import ImageFiles, Recording, SourceReading
from algr.data.doctor import judge
from algr.data.doctor.duplicates import exact_footage
from algr.data.doctor.pictures import scan_files
from algr.data.findings import Finding
from algr.data.jobs import Inspection
from algr.errors import DataError

MOST_PROBLEMS = 40
"""As many are told one by one; then their number."""


class Owner(Protocol):
    """A job, as far as it says whose face it shows."""

    @property
    def label(self) -> str:
        """For messages only."""

    @property
    def side(self) -> str:
        """The same for all that stay on one side of a fold."""

    @property
    def subject_name(self) -> str:
        """For messages; empty where it must not be told."""


def limited(problems: Sequence[str]) -> list[str]:
    """The first problems, and how many more there are."""
    hidden = len(problems) - MOST_PROBLEMS
    return [*problems[:MOST_PROBLEMS], *([f"and {hidden} more"] if hidden > 0 else [])]


def refuse_shared_files(owners: Sequence[Owner], inspections: Sequence[Inspection]) -> None:
    """One file under two subjects, whatever landmarks it has there.

    Aligned pictures are compared too, when all are decoded; other landmarks hide a copy from that.

    Raises:
        DataError: All pairs of recordings that share files.
    """
    problems = [
        f"{_subjects(first, second)} have the same pictures, in {first.label} and {second.label}"
        for first, second in _pairs(owners, inspections)
    ]
    if problems:
        raise DataError(
            problems[0] if len(problems) == 1 else f"{len(problems)} recordings stand there twice",
            problems=limited(problems) if len(problems) > 1 else (),
            expected="each person under one name, so that no face is trained and tested on",
            advice="take one of the copies out of the source",
        )


def _pairs(
    owners: Sequence[Owner], inspections: Sequence[Inspection]
) -> Iterator[tuple[Owner, Owner]]:
    first: dict[bytes, Owner] = {}
    told: set[tuple[str, str]] = set()
    for owner, inspection in zip(owners, inspections, strict=True):
        for digest in inspection.faces:
            known = first.setdefault(digest, owner)
            if known.side != owner.side and (known.label, owner.label) not in told:
                told.add((known.label, owner.label))
                yield known, owner


def _subjects(first: Owner, second: Owner) -> str:
    if not first.subject_name:
        return "two patients"
    return f"subjects {first.subject_name} and {second.subject_name}"


def findings_of_files(reading: SourceReading, source: Path, *, jobs: int) -> list[Finding]:
    """What the files of a source that is refused anyway would be refused or warned of for.

    Files are opened, and compared where their sizes agree; nothing is decoded.
    """
    owner = {
        path: position
        for position, recording in enumerate(reading.recordings)
        for path in _files_of(recording)
    }
    scan = scan_files(list(owner), jobs=jobs, tick=lambda _: None)
    exact, _ = exact_footage(scan, owner, reading.recordings)
    bad = [(judge.shown(str(path), source), problem) for path, problem in scan.problems]
    return [
        *judge.file_findings(bad, total=len(owner)),
        *judge.footage_findings(exact, reading, source),
    ]


def _files_of(recording: Recording) -> tuple[Path, ...]:
    pictures = recording.pictures
    return pictures.paths if isinstance(pictures, ImageFiles) else (pictures.path,)
