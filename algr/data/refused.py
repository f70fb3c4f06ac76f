"""A preparation's decision about a source: the doctor's, told as one error or as warnings."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from algr.data.adapters import SourceReading
from algr.data.assemble import SharedPicturesError
from algr.data.doctor import judge_files
from algr.data.doctor.copies import alike_footage
from algr.data.doctor.files import look_at_files
from algr.data.doctor.fit import fit_of_sample
from algr.data.doctor.screening import Screening, screen
from algr.data.findings import Finding
from algr.data.sketch import Sketches
from algr.data.words import counted, limited
from algr.errors import DataError

PARTIAL_COPY = "partial_copy"
"""The one warning that `strict` lets pass: a part of a data set may be whole in itself."""
_TURNED = "axes_turned"
_NOTHING: Mapping[str, str] = {}


def check_reading(
    reading: SourceReading,
    *,
    source: Path,
    strict: bool,
    jobs: int = 1,
    has_detector: bool = False,
) -> Screening:
    """What of a reading is left out, unless it is refused.

    Args:
        reading: The source.
        source: Its folder.
        strict: Refuse instead of leaving anything out.
        jobs: Threads that open files.
        has_detector: Landmarks of a clinic can be found.

    Raises:
        DataError: It cannot be prepared as it is; all reasons at once, and all warnings.
    """
    files = look_at_files(reading.recordings, jobs=jobs)
    screening = screen(reading, source=source, files=files, has_detector=has_detector)
    of_files = judge_files.file_findings(files.bad, reading, source)
    findings = (*reading.findings, *of_files, *screening.findings)
    refused = [finding for finding in findings if finding.severity == "refused"]
    warnings = _warnings(findings)
    if refused:
        raise _refusal(source, refused, warnings=warnings)
    not_allowed = [part for part in warnings if part.code != PARTIAL_COPY]
    if strict and (not_allowed or screening.left_out):
        raise _refusal(
            source,
            not_allowed,
            left_out=screening.left_out,
            warnings=[part for part in warnings if part.code == PARTIAL_COPY],
            prefix="--strict: ",
        )
    return screening


@dataclass(frozen=True, kw_only=True)
class PictureChecks:
    """What pictures say of a source: before all of them are decoded, and afterwards."""

    reading: SourceReading
    source: Path
    strict: bool
    """Refuse what is only in doubt, too."""
    jobs: int
    """Threads that decode."""

    def of_sample(self) -> list[Finding]:
        """Warnings of landmarks that do not fit the pictures.

        Raises:
            DataError: There are some, and none are allowed.
        """
        findings = list(fit_of_sample(self.reading, jobs=self.jobs))
        if self.strict and findings:
            raise _refusal(self.source, findings, prefix="--strict: ")
        return findings

    def of_all(self, sketches: Mapping[str, Sketches]) -> list[Finding]:
        """Warnings of pictures that recordings of two subjects have in common.

        Args:
            sketches: Name of a recording that is used to those of its frames.

        Raises:
            SharedPicturesError: A recording stands there twice, encoded anew or cut; or one may,
                and none is allowed.
        """
        recordings = self.reading.recordings
        position_of = {part.name: position for position, part in enumerate(recordings)}
        shared = alike_footage(
            {position_of[name]: part for name, part in sketches.items()}, recordings
        )
        findings = judge_files.footage_findings(shared, self.reading, self.source)
        refused = [finding for finding in findings if finding.severity == "refused"]
        warnings = _warnings(findings)
        told = refused or (warnings if self.strict else [])
        if told:
            raise SharedPicturesError(
                f"{'' if refused else '--strict: '}--source {self.source}: "
                f"{counted(len(told), 'problem')}, found when all was decoded",
                problems=limited([finding.text() for finding in told]),
                expected="each person under one name, so that no face is trained and tested on",
                advice="mend these; nothing was written",
            )
        return warnings


def _warnings(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity == "warning"]


def _refusal(
    source: Path,
    findings: Sequence[Finding],
    *,
    left_out: Mapping[str, str] = _NOTHING,
    warnings: Sequence[Finding] = (),
    prefix: str = "",
) -> DataError:
    told = {finding.file for finding in findings}
    reasons = [
        f"{name}: {reason} (left out)" for name, reason in left_out.items() if name not in told
    ]
    return DataError(
        f"{prefix}--source {source}: {counted(len(findings) + len(reasons), 'problem')}",
        problems=[
            *(finding.text() for finding in findings),
            *limited(reasons),
            *_only(warnings),
        ],
        advice="mend these; nothing was written",
    )


def _only(warnings: Sequence[Finding]) -> list[str]:
    return [f"only a warning: {finding.text()}" for finding in warnings]


def told_of(reading: SourceReading, screening: Screening) -> list[Finding]:
    """Warnings that a summary repeats: those of what is left out stand there by themselves."""
    turned = [finding for finding in screening.findings if finding.code == _TURNED]
    return _warnings([*reading.findings, *turned])


@contextmanager
def warnings_beside_refusals(reading: SourceReading, screening: Screening) -> Iterator[None]:
    """Tell the warnings together with faces that were found twice when all was decoded."""
    try:
        yield
    except SharedPicturesError as error:
        raise DataError(
            error.found,
            expected=error.expected,
            advice=error.advice,
            problems=[*error.problems, *_only(_warnings([*reading.findings, *screening.findings]))],
        ) from error
