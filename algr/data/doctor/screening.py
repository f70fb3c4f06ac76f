"""What is left out of a source, and what it is refused for, before its frames are decoded.

The one place of these rules: the doctor and the preparation both ask here, and so say the same.

Shape suffixes: N = frames of a recording, L = landmarks (49), 2 = x, y.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import ImageFiles, Recording, SourceReading
from algr.data.adapters.folders import names_in_words
from algr.data.doctor import judge, judge_files
from algr.data.doctor.calibrate import Axes, judge_axes, turned_recordings
from algr.data.doctor.duplicates import SharedFootage, exact_footage
from algr.data.doctor.files import SourceFiles
from algr.data.findings import Finding, up_to_the_limit
from algr.data.identity import composed
from algr.data.rows import UNKNOWN
from algr.data.usable import NO_FRAME, NO_GRADE, UNREADABLE, face_problems

NO_LANDMARKS = "no landmarks"
NO_LANDMARKS_BESIDE = "no landmarks beside it, and no landmark detector"
USED = "used"
LEFT_OUT = "of recordings that are left out"
REFLECTED_AXES: tuple[Axes, ...] = ("swapped", "mirrored")


@dataclass(frozen=True, kw_only=True)
class Screening:
    """The decision."""

    findings: tuple[Finding, ...]
    left_out: Mapping[str, str]
    """Name of a recording that is left out to the reason, in the order of the recordings."""
    frames: Mapping[str, int]
    """What becomes of the frames that were read, to their number; all of them are counted once."""
    usable: tuple[NDArray[np.bool_], ...]
    """(N,) of each recording: the frames that are used, as far as can be told by now."""
    exact: tuple[SharedFootage, ...]
    """Files that stand there twice, in different recordings."""
    surplus: Mapping[int, int]
    """Position of a recording to its pictures that equal another one of it."""

    @property
    def is_refused(self) -> bool:
        """Whether nothing can be prepared."""
        return any(finding.severity == "refused" for finding in self.findings)


@dataclass(frozen=True, kw_only=True)
class _Look:
    """One recording, as far as it can be judged by itself."""

    left_out: str
    """Why; empty if it is not."""
    problems_N: NDArray[np.object_]
    """(N,) why each frame is not used; empty where it is."""


def screen(
    reading: SourceReading, *, source: Path, files: SourceFiles, has_detector: bool
) -> Screening:
    """Judge what was read.

    Args:
        reading: The source.
        source: Its folder.
        files: What its files look like from outside.
        has_detector: The preparation of a clinic can find landmarks by itself.
    """
    recordings = reading.recordings
    axes, share = judge_axes(recordings)
    turned = {} if axes in REFLECTED_AXES else turned_recordings(recordings)
    looks = [
        _look_at(
            recording,
            files=files,
            size=files.sizes.get(position),
            axes=turned.get(position, "upright"),
            without_landmarks=_without_landmarks(reading, has_detector=has_detector),
        )
        for position, recording in enumerate(recordings)
    ]
    left_out = {
        recording.name: look.left_out
        for recording, look in zip(recordings, looks, strict=True)
        if look.left_out
    }
    findings = [
        *judge.axes_findings(axes, share, reading),
        *([] if axes == "turned" else judge.turned_findings(turned, reading)),
    ]
    if reading.kind == "grade" and not _is_refused(reading.findings):
        ungraded = _without_grade(recordings, left_out)
        findings += up_to_the_limit([_no_grade(recording) for recording in ungraded])
        left_out |= {recording.name: NO_GRADE for recording in ungraded}
    findings += _of_no_use(reading, left_out)
    exact, surplus = exact_footage(files.scan, recordings, bad=files.bad)
    findings += judge_files.footage_findings(exact, reading, source)
    findings += _nothing_left(
        reading, left_out, already=[*reading.findings, *findings], has_detector=has_detector
    )
    is_out = [recording.name in left_out for recording in recordings]
    return Screening(
        findings=tuple(findings),
        left_out={part.name: left_out[part.name] for part in recordings if part.name in left_out},
        frames=_counts(looks, is_out),
        usable=tuple(
            np.asarray((look.problems_N == "") & (not out))
            for look, out in zip(looks, is_out, strict=True)
        ),
        exact=tuple(exact),
        surplus=surplus,
    )


def _look_at(
    recording: Recording,
    *,
    files: SourceFiles,
    size: tuple[int, int] | None,
    axes: Axes,
    without_landmarks: str,
) -> _Look:
    problems_N = np.full(len(recording.number_N), "", object)
    if recording.problem:
        return _Look(left_out=recording.problem, problems_N=problems_N)
    if not isinstance(recording.pictures, ImageFiles) and recording.pictures.path in files.bad:
        problem = files.bad[recording.pictures.path]
        name = recording.pictures.path.name
        is_named = Path(recording.name).name == name
        return _Look(left_out=problem if is_named else f"{name}: {problem}", problems_N=problems_N)
    points_NL2 = recording.landmarks_NL2
    if points_NL2 is None:
        return _Look(left_out=without_landmarks, problems_N=problems_N)
    if axes in REFLECTED_AXES:
        return _Look(left_out=judge.turned_reason(axes), problems_N=problems_N)
    problems_N[:] = face_problems(points_NL2, size=size)
    if isinstance(recording.pictures, ImageFiles):
        bad_N = np.array([path in files.bad for path in recording.pictures.paths], bool)
        problems_N[bad_N] = UNREADABLE
    if (problems_N != "").all():
        counts = Counter(problems_N.tolist())
        told = ", ".join(f"{count} {reason}" for reason, count in sorted(counts.items()))
        return _Look(left_out=f"{NO_FRAME} ({told})", problems_N=problems_N)
    return _Look(left_out="", problems_N=problems_N)


def _without_landmarks(reading: SourceReading, *, has_detector: bool) -> str:
    if reading.layout != "clinic":
        return NO_LANDMARKS
    return "" if has_detector else NO_LANDMARKS_BESIDE


def _without_grade(recordings: Sequence[Recording], left_out: Mapping[str, str]) -> list[Recording]:
    """Those of subjects of whom no recording that is used has a grade."""
    used = [recording for recording in recordings if recording.name not in left_out]
    graded = {composed(part.subject) for part in used if part.grade != UNKNOWN}
    return [recording for recording in used if composed(recording.subject) not in graded]


def _no_grade(recording: Recording) -> Finding:
    return Finding(
        severity="warning",
        code="subject_without_grade",
        message=f"{NO_GRADE}; the recording is left out",
        file=recording.name,
        count=len(recording.number_N),
    )


def _of_no_use(reading: SourceReading, left_out: Mapping[str, str]) -> list[Finding]:
    """Subjects who are there, and of whom no recording is used; a clinic's are not named."""
    there = {recording.subject for recording in reading.recordings}
    used = {part.subject for part in reading.recordings if part.name not in left_out}
    lost = sorted(there - used)
    if not lost or not used or reading.layout == "clinic":
        return []
    return [
        Finding(
            severity="warning",
            code="subjects_of_no_use",
            message=f"{len(lost)} of the {len(there)} subjects that are there cannot be used, as "
            f"all of their recordings are left out: {names_in_words(lost)}",
            count=len(lost),
        )
    ]


def _nothing_left(
    reading: SourceReading,
    left_out: Mapping[str, str],
    *,
    already: Sequence[Finding],
    has_detector: bool,
) -> list[Finding]:
    """That no recording is left, unless a graver finding says it."""
    recordings = reading.recordings
    if _is_refused(already) or len(left_out) < len(recordings):
        return []
    known = [part for part in recordings if not part.problem]
    if known and all(part.landmarks_NL2 is None for part in known) and not has_detector:
        ways = "copy the landmark files of the data set beside the pictures, or name landmark "
        ways += "files in a manifest.csv"
        if reading.layout == "clinic":
            ways = "give each video a landmark file, or install the detector (algr landmarks "
            ways += "status)"
        return [_refused("no_landmarks", f"no recording has landmarks; {ways}")]
    how_many = f"all {len(recordings)} are" if len(recordings) > 1 else "the only one is"
    return [_refused("nothing_usable", f"no recording could be used: {how_many} left out")]


def _refused(code: str, message: str) -> Finding:
    return Finding(severity="refused", code=code, message=message)


def _is_refused(findings: Sequence[Finding]) -> bool:
    return any(finding.severity == "refused" for finding in findings)


def _counts(looks: Sequence[_Look], is_out: Sequence[bool]) -> dict[str, int]:
    counts = Counter({USED: 0, LEFT_OUT: 0})
    for look, out in zip(looks, is_out, strict=True):
        if out:
            counts[LEFT_OUT] += len(look.problems_N)
        else:
            counts.update(problem or USED for problem in look.problems_N.tolist())
    return dict(counts)


def used_parts(recordings: Sequence[Recording], screening: Screening) -> tuple[Recording, ...]:
    """The recordings that are used, with their usable frames alone; for counting, not to read."""
    return tuple(
        replace(
            recording,
            number_N=recording.number_N[usable_N],
            labels_NA=recording.labels_NA[usable_N],
        )
        for recording, usable_N in zip(recordings, screening.usable, strict=True)
        if recording.name not in screening.left_out
    )
