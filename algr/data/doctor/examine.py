"""`algr data doctor`: read a source, look at some of its pictures, say whether it can be used."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from algr.data.adapters import ImageFiles, ReadOptions, Recording, SourceReading
from algr.data.clinic import read_manifest
from algr.data.doctor import judge
from algr.data.doctor.calibrate import (
    Calibration,
    OffsetRows,
    calibrate,
    compare_offsets,
    judge_subjects,
    suspects,
    turned_recordings,
)
from algr.data.doctor.clinic import ClinicReport, examine_manifest
from algr.data.doctor.command import Settings, next_command
from algr.data.doctor.duplicates import alike_footage, exact_footage
from algr.data.doctor.labels import GradeCount, LabelCount, count_grades, count_labels
from algr.data.doctor.landmarks import LandmarkReport, inspect_landmarks
from algr.data.doctor.misfit import compare_recordings, misfit_findings
from algr.data.doctor.pictures import FileScan, Seen, look, scan_files
from algr.data.doctor.published import published_findings
from algr.data.doctor.sampling import draw_moving, draw_samples
from algr.data.doctor.standstill import (
    StandstillReport,
    look_for_standstills,
    standstill_findings,
    without_repeated,
)
from algr.data.doctor.subject_base import (
    SubjectShifts,
    compare_subjects,
    subject_base_findings,
)
from algr.data.doctor.subject_motion import measure_motion, settle_subjects
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
_RECORDINGS_AGAIN = 4
_OF_ALL = ("frame_offset", "frame_origin", "landmark_base", "subject_twice", "no_frames")
"""What spoils the whole source comes before what is left out of it."""
_GRAVITY = {"refused": 0, "warning": 1, "note": 2}


@dataclass(frozen=True, kw_only=True)
class Examination:
    """All that the doctor knows of a source."""

    source: Path
    reading: SourceReading
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
    owner = {
        path: position
        for position, recording in enumerate(recordings)
        for path in _files_of(recording)
    }
    scan = scan_files(list(owner), jobs=jobs, tick=lambda done: tick("files", done, len(owner)))
    samples = draw_samples(recordings, pictures=sample)
    expected = sum(len(drawn.rows) for drawn in samples)
    seen = look(samples, recordings, jobs=jobs, tick=lambda done: tick("pictures", done, expected))
    standstills = look_for_standstills(
        recordings,
        sample=sample,
        jobs=jobs,
        tick=lambda done: tick("videos", done, _num_videos(recordings)),
    )
    turned = turned_recordings(recordings)
    upright = [picture for picture in seen if picture.recording not in turned]
    rows = compare_offsets(upright, without_repeated(samples, recordings, standstills))
    calibration = calibrate(recordings, rows, upright)
    usual = calibration.offset.offset or 0
    shifts = compare_subjects(upright, recordings)
    again = _look_again(recordings, suspects(rows, recordings, usual=usual), jobs=jobs, tick=tick)
    sizes = {
        picture.recording: (picture.height, picture.width) for picture in seen if picture.width
    }
    landmarks = inspect_landmarks(recordings, sizes)
    is_au = reading.kind == "au"
    labels = count_labels(recordings, reading.label_names, layout=reading.layout) if is_au else ()
    clinic, clinic_findings = _clinic(reading, source)
    exact, surplus = exact_footage(scan, owner, recordings)
    known = {(item.first, item.second) for item in exact}
    alike = [
        item for item in alike_footage(seen, recordings) if (item.first, item.second) not in known
    ]
    settings = Settings.of(reading)
    findings = [
        *_nothing(reading),
        *judge.file_findings(_bad_files(scan, seen, source), total=len(owner)),
        *judge.axes_findings(calibration, reading),
        *judge.landmark_findings(
            landmarks,
            reading,
            turned={recordings[position].name for position in turned},
            has_detector=has_detector,
        ),
        *judge.footage_findings([*exact, *alike], reading, source),
        *judge.repeated_findings(surplus, reading),
        *standstill_findings(standstills, source=source),
        *published_findings(reading, parts=parts),
        *judge.label_findings(labels),
        *judge.size_findings(seen, reading, source),
        *clinic_findings,
    ]
    if calibration.axes == "upright":
        findings += judge.offset_findings(
            calibration.offset, reading, frame_offset=settings.frame_offset
        )
        findings += judge.subject_offset_findings(
            settle_subjects(
                judge_subjects(again, recordings, usual=usual),
                measure_motion(upright, recordings),
                usual=usual,
            ),
            usual=usual,
        )
        findings += judge.turned_findings(turned, reading)
        findings += misfit_findings(compare_recordings(upright), recordings)
        findings += subject_base_findings(shifts, used=settings.landmark_base)
        findings += judge.base_findings(
            calibration, used=settings.landmark_base, layout=reading.layout
        )
    ordered = _worst_first(reading.findings, findings)
    return Examination(
        source=source,
        reading=reading,
        findings=ordered,
        labels=labels,
        grades=() if is_au else count_grades(recordings),
        landmarks=landmarks,
        calibration=calibration,
        standstills=standstills,
        shifts=shifts,
        parts={
            name: len(set(members) & {recording.subject for recording in recordings})
            for name, members in parts.items()
        },
        clinic=clinic,
        files=len(owner),
        pictures_seen=sum(1 for picture in seen if not picture.problem),
        command=""
        if verdict_of(ordered) == "refused"
        else next_command(
            reading,
            source,
            calibration=calibration,
            settings=settings,
            chosen=chosen or ReadOptions(),
        ),
        seconds=time.monotonic() - began,
    )


def _files_of(recording: Recording) -> tuple[Path, ...]:
    pictures = recording.pictures
    return pictures.paths if isinstance(pictures, ImageFiles) else (pictures.path,)


def _num_videos(recordings: Sequence[Recording]) -> int:
    return sum(not isinstance(recording.pictures, ImageFiles) for recording in recordings)


def _look_again(
    recordings: tuple[Recording, ...],
    suspected: Mapping[str, Sequence[int]],
    *,
    jobs: int,
    tick: Tick,
) -> OffsetRows:
    """More pictures of subjects whose first few fit landmarks of other frames."""
    samples = [
        sample
        for subject in suspected
        for sample in draw_moving(
            recordings,
            [i for i, own in enumerate(recordings) if own.subject == subject][:_RECORDINGS_AGAIN],
        )
    ]
    expected = sum(len(sample.rows) for sample in samples)
    seen = look(samples, recordings, jobs=jobs, tick=lambda done: tick("pictures", done, expected))
    return compare_offsets(seen, samples)


def _worst_first(
    of_reading: Sequence[Finding], of_doctor: Sequence[Finding]
) -> tuple[Finding, ...]:
    """Both, but what the reader has said of a subject already is said again only if graver."""
    codes = {finding.code for finding in of_reading}
    said = {code for code in _SAID_BY_READERS if code in codes}
    more = [item for item in of_doctor if item.code not in said or item.severity == "refused"]
    both = [*of_reading, *more]
    return tuple(
        sorted(
            both,
            key=lambda item: (_GRAVITY[item.severity], item.code not in _OF_ALL, -item.count),
        )
    )


def _bad_files(scan: FileScan, seen: list[Seen], source: Path) -> list[tuple[str, str]]:
    by_name = {picture.file: picture.problem for picture in seen if picture.problem}
    by_name |= {str(path): problem for path, problem in scan.problems}
    return [(judge.shown(name, source), problem) for name, problem in sorted(by_name.items())]


def _nothing(reading: SourceReading) -> list[Finding]:
    if reading.num_frames:
        return []
    return [
        Finding(
            severity="refused",
            code="no_frames",
            message=f"no frame of this {reading.layout} source can be used",
            count=0,
        )
    ]


def _clinic(reading: SourceReading, source: Path) -> tuple[ClinicReport | None, list[Finding]]:
    if reading.layout != "clinic":
        return None, []
    try:
        return examine_manifest(read_manifest(source))
    except AlgrError:
        return None, []  # the adapter's findings say why
