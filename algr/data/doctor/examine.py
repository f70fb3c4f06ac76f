"""`algr data doctor`: read a source, look at some of its pictures, say whether it can be used."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from algr.data.adapters import ImageFiles, ReadOptions, Recording, SourceReading
from algr.data.clinic import read_what_can_be
from algr.data.doctor import judge, judge_files
from algr.data.doctor.calibrate import Calibration, turned_recordings
from algr.data.doctor.clinic import ClinicReport, examine_manifest
from algr.data.doctor.closer import find_copies
from algr.data.doctor.command import Settings, next_command
from algr.data.doctor.files import SourceFiles, look_at_files
from algr.data.doctor.fit import judge_fit
from algr.data.doctor.labels import GradeCount, LabelCount, count_grades, count_labels
from algr.data.doctor.landmarks import LandmarkReport, inspect_landmarks
from algr.data.doctor.pictures import Seen, look
from algr.data.doctor.published import published_findings
from algr.data.doctor.sampling import draw_samples
from algr.data.doctor.screening import Screening, screen, used_parts
from algr.data.doctor.standstill import (
    StandstillReport,
    look_for_standstills,
    standstill_findings,
)
from algr.data.doctor.subject_base import SubjectShifts
from algr.data.findings import Finding, Verdict, verdict_of
from algr.errors import AlgrError

DEFAULT_SAMPLE = 600
Stage = Literal["labels and landmarks", "files", "pictures", "videos"]
Tick = Callable[[Stage, int, int], None]
_SAID_BY_READERS = (
    "landmarks_missing",
    "no_landmarks",
    "no_pictures",
    "no_recordings",
    "partial_copy",
)
_OF_ALL = ("frame_offset", "frame_origin", "landmark_base", "subject_twice", "nothing_usable")
"""What spoils the whole source comes before what is left out of it."""
_GRAVITY = {"refused": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, kw_only=True)
class Examination:
    """All that the doctor knows of a source."""

    source: Path
    reading: SourceReading
    screening: Screening
    """What is left out and counted, as the preparation does it."""
    findings: tuple[Finding, ...]
    """Worst first."""
    labels: tuple[LabelCount, ...]
    """Empty for grades."""
    grades: tuple[GradeCount, ...]
    """Empty for action units."""
    landmarks: LandmarkReport
    calibration: Calibration
    standstills: StandstillReport
    shifts: SubjectShifts
    parts: Mapping[str, int]
    """Published part to its subjects that are here; empty where none are published."""
    clinic: ClinicReport | None
    files: int
    pictures_seen: int
    command: str
    """What to type next; empty when refused."""
    seconds: float

    @property
    def verdict(self) -> Verdict:
        """Of the gravest finding."""
        return verdict_of(self.findings)

    @property
    def used(self) -> tuple[Recording, ...]:
        """The recordings that are not left out."""
        left_out = self.screening.left_out
        return tuple(part for part in self.reading.recordings if part.name not in left_out)

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return len({recording.subject for recording in self.reading.recordings})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "layout": self.reading.layout,
            "verdict": self.verdict,
            "findings": [finding.to_dict() for finding in self.findings],
            "command": self.command,
            "summary": self._summary(),
        }

    def _summary(self) -> dict[str, Any]:
        published = self.reading.published
        offset, base = self.calibration.offset, self.calibration.base
        summary: dict[str, Any] = {
            "variant": self.reading.variant,
            "simulated": self.reading.simulated,
            "kind": self.reading.kind,
            "subjects": self.subjects,
            "recordings": len(self.reading.recordings),
            "frames": self.reading.num_frames,
            "used": {
                "subjects": len({recording.subject for recording in self.used}),
                "recordings": len(self.used),
                "frames": dict(self.screening.frames),
            },
            "left_out": [
                {"recording": name, "reason": reason}
                for name, reason in self.screening.left_out.items()
            ],
            "published": None if published is None else asdict(published),
            "parts": dict(self.parts),
            "missing_codes": dict(self.reading.missing_codes),
            "landmarks": {
                "frames": self.landmarks.frames,
                "without": self.landmarks.without,
                "trouble": dict(self.landmarks.counts),
                "eye_distance_px": self.landmarks.eye_distance_px,
            },
            "calibration": {
                "axes": self.calibration.axes,
                "offset": offset.offset,
                "offset_sureness": round(offset.sureness, 2),
                "offset_pictures": offset.pictures,
                "disagreement": {str(k): round(v, 5) for k, v in offset.disagreement.items()},
                "base_shift_px": None if base.shift_px is None else round(base.shift_px, 3),
                "base_error_px": None if base.shift_px is None else round(base.error_px, 3),
            },
            "standstill": {
                "videos": self.standstills.videos,
                "videos_whole": self.standstills.whole,
                "frames": self.standstills.frames,
                "repeated": self.standstills.repeated,
            },
            "files": self.files,
            "pictures_seen": self.pictures_seen,
            "seconds": round(self.seconds, 1),
        }
        if self.labels:
            summary["labels"] = [{**asdict(label), "rate": label.rate} for label in self.labels]
        if self.grades:
            summary["grades"] = [asdict(grade) for grade in self.grades]
        if self.clinic is not None:
            summary["clinic"] = asdict(self.clinic)
        return summary


def examine(
    reading: SourceReading,
    *,
    source: Path,
    parts: Mapping[str, Collection[str]],
    sample: int = DEFAULT_SAMPLE,
    jobs: int = 1,
    chosen: ReadOptions | None = None,
    has_detector: bool = False,
    tick: Tick = lambda *_: None,
) -> Examination:
    """Look at a source that was read.

    Args:
        reading: What its adapter made of it.
        source: Its folder.
        parts: Published part to subjects; empty where there are none.
        sample: Pictures to decode, about.
        jobs: Threads that decode.
        chosen: How it was read; what was chosen stands in the command.
        has_detector: The preparation can find landmarks by itself.
        tick: Told how far a stage is.
    """
    began = time.monotonic()
    recordings = reading.recordings
    files = look_at_files(
        recordings, jobs=jobs, tick=lambda done, total: tick("files", done, total)
    )
    samples = draw_samples(recordings, pictures=sample)
    expected = sum(len(drawn.rows) for drawn in samples)
    seen = look(samples, recordings, jobs=jobs, tick=lambda done: tick("pictures", done, expected))
    files = files.with_bad({Path(part.file): part.problem for part in seen if part.is_lost})
    screening = screen(reading, source=source, files=files, has_detector=has_detector)
    standstills = look_for_standstills(
        recordings,
        sample=sample,
        jobs=jobs,
        tick=lambda done: tick("videos", done, _num_videos(recordings)),
    )
    fit = judge_fit(
        reading,
        samples=samples,
        seen=seen,
        standstills=standstills,
        jobs=jobs,
        tick=lambda done, total: tick("pictures", done, total),
    )
    landmarks = inspect_landmarks(recordings, files.sizes)
    is_au = reading.kind == "au"
    counted = used_parts(recordings, screening) or (recordings if is_au else ())
    labels = count_labels(counted, reading.label_names, layout=reading.layout) if is_au else ()
    clinic, clinic_findings = _clinic(reading, source, left_out=screening.left_out)
    known = {(item.first, item.second) for item in screening.exact}
    copies = find_copies(
        seen,
        recordings,
        left_out=screening.left_out,
        jobs=jobs,
        tick=lambda done, total: tick("pictures", done, total),
    )
    alike = [item for item in copies if (item.first, item.second) not in known]
    findings = [
        *judge_files.file_findings(_bad_files(files, seen), reading, source),
        *screening.findings,
        *judge.landmark_findings(
            landmarks,
            reading,
            turned={recordings[position].name for position in turned_recordings(recordings)},
            has_detector=has_detector,
        ),
        *judge_files.footage_findings(alike, reading, source),
        *judge_files.repeated_findings(screening.surplus, reading),
        *standstill_findings(standstills, source=source),
        *published_findings(reading, parts=parts),
        *judge.label_findings(labels),
        *judge_files.size_findings(seen, reading, source),
        *clinic_findings,
        *fit.findings,
    ]
    ordered = _worst_first(reading.findings, findings)
    return Examination(
        source=source,
        reading=reading,
        screening=screening,
        findings=ordered,
        labels=labels,
        grades=() if is_au else count_grades(counted),
        landmarks=landmarks,
        calibration=fit.calibration,
        standstills=standstills,
        shifts=fit.shifts,
        parts={
            name: len(set(members) & {recording.subject for recording in recordings})
            for name, members in parts.items()
        },
        clinic=clinic,
        files=files.scan.count,
        pictures_seen=sum(1 for picture in seen if not picture.problem),
        command=""
        if verdict_of(ordered) == "refused"
        else next_command(
            reading,
            source,
            calibration=fit.calibration,
            settings=Settings.of(reading),
            chosen=chosen or ReadOptions(),
        ),
        seconds=time.monotonic() - began,
    )


def _num_videos(recordings: Sequence[Recording]) -> int:
    return sum(not isinstance(recording.pictures, ImageFiles) for recording in recordings)


def _worst_first(
    of_reading: Sequence[Finding], of_doctor: Sequence[Finding]
) -> tuple[Finding, ...]:
    """Both, but what the reader has said of a subject already is said again only if graver."""
    codes = {finding.code for finding in of_reading}
    said = {code for code in _SAID_BY_READERS if code in codes}
    more = [item for item in of_doctor if item.code not in said or item.severity == "refused"]
    both = [*of_reading, *more]
    most: dict[tuple[str, str], int] = {}
    for item in both:
        kind = item.severity, item.code
        most[kind] = max(item.count, most.get(kind, 0))
    order = {kind: place for place, kind in enumerate(most)}

    def gravity(item: Finding) -> tuple[int, bool, int, int]:
        """Findings of one kind stay together, and in the order of their places."""
        kind = item.severity, item.code
        return _GRAVITY[item.severity], item.code not in _OF_ALL, -most[kind], order[kind]

    return tuple(sorted(both, key=gravity))


def _bad_files(files: SourceFiles, seen: Sequence[Seen]) -> dict[Path, str]:
    """All that is known to be bad, also pictures in the middle of which something is wrong."""
    return {Path(part.file): part.problem for part in seen if part.problem} | dict(files.bad)


def _clinic(
    reading: SourceReading, source: Path, *, left_out: Mapping[str, str]
) -> tuple[ClinicReport | None, list[Finding]]:
    if reading.layout != "clinic":
        return None, []
    try:
        manifest = read_what_can_be(source).manifest
    except AlgrError:
        return None, []  # the adapter's findings say why
    known = {recording.name for recording in reading.recordings}
    refused = {video.video: "refused" for video in manifest.videos if video.video not in known}
    return examine_manifest(manifest, left_out={**refused, **left_out})
