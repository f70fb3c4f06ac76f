"""One video of a source to one staged video: decode, sample, align, digest. Runs in any process."""

# Shape suffixes: H, W = rows, columns of the displayed frame; L = landmarks (49), 2 = x, y.

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from algr.data.align import ALIGNMENT_VERSION
from algr.data.buffer import FrameBuffer, Stamp
from algr.data.description import SCHEMA_VERSION
from algr.data.fields import FIELDS_VERSION
from algr.data.file_digest import file_digest
from algr.data.fingerprint import canonical_json
from algr.data.jobs import Control, Inspection, Outcome, StoppedError
from algr.data.landmark_source import (
    DETECTOR,
    LandmarkReader,
    LandmarkSource,
    find_landmarks,
    no_landmarks,
)
from algr.data.landmarks import LandmarkTrack
from algr.data.staging import StagedVideo, StageWriter, find_staged
from algr.data.standstill import StandstillMeter, repeated_places, standstill_warnings
from algr.data.usable import NO_FRAME, REPEATED
from algr.data.video import DECODING_VERSION, iterate_video, probe_video, watch_video
from algr.data.videos import Exercise, Rejection, VideoRecord, exercises_beyond
from algr.errors import DataError

EXCLUDED = "excluded by the manifest"


@dataclass(frozen=True, kw_only=True)
class VideoJob:
    """All that is needed to stage one video."""

    path: Path
    label: str
    """For messages only; never stored."""
    record: VideoRecord
    """Ids (hashed), grades, exercises."""
    fps: float
    exercise_names: tuple[str, ...]
    excluded: tuple[Exercise, ...]
    models: Path | None = None
    """Of the landmark detector, for videos without a landmark file; None where it cannot run."""
    drop_repeats: bool = False
    """Leave out frames that repeat the one before."""

    def landmark_source(self) -> LandmarkSource:
        """Where the landmarks come from.

        Raises:
            DataError: There are none.
        """
        source = find_landmarks(self.path, models=self.models)
        if source is None:
            raise no_landmarks(self.path)
        return source

    def inspect(self) -> Inspection:
        """See `Job.inspect`."""
        return inspect_video(self)

    def stage(self, inspection: Inspection, folder: Path, control: Control) -> Outcome:
        """See `Job.stage`."""
        return stage_video(self, inspection, folder, control)


def inspect_video(job: VideoJob) -> Inspection:
    """Hash the files of a job and read the head of the video."""
    key = hashlib.sha256(_job_text(job).encode())
    expected, duration_s = 0, 0.0
    warnings: list[str] = []
    problem, landmarks = "", ""
    try:
        key.update(file_digest(job.path))
        source = job.landmark_source()
        landmarks = source.name
        key.update(source.digest())
        warnings += _landmarks_passed_over(job, source)
        info = probe_video(job.path)
        if info.is_interlaced:
            key.update(b"fields %d" % FIELDS_VERSION)
            warnings.append(f"{job.label}: interlaced; one field of each frame is used")
        duration_s = info.duration_s
        rate = min(job.fps, info.mean_fps) if info.mean_fps else job.fps
        expected = round(info.duration_s * rate)
        if abs(info.pixel_aspect - 1) > 0.01:
            warnings.append(
                f"{job.label}: pixels are {info.pixel_aspect:.2f} times as wide as high; frames "
                "are used as they are stored"
            )
        beyond = exercises_beyond(job.record.exercises, duration_s=info.duration_s)
        warnings += [f"{job.label}: {told}" for told in beyond]
    except DataError as error:
        problem = error.in_one_line
    return Inspection(
        key=key.hexdigest(),
        frames_expected=expected,
        duration_s=duration_s,
        warnings=tuple(warnings),
        problem=problem,
        landmarks=landmarks,
    )


def landmark_counts(inspections: Sequence[Inspection]) -> dict[str, int]:
    """Where the landmarks of the videos come from, and of how many."""
    used = [part.landmarks for part in inspections if part.landmarks]
    detected = used.count(DETECTOR)
    counts = {"files": len(used) - detected, DETECTOR: detected}
    return {name: count for name, count in counts.items() if count}


def _landmarks_passed_over(job: VideoJob, source: LandmarkSource) -> list[str]:
    if not source.passed_over:
        return []
    rest = ", ".join(source.passed_over)
    return [f"{job.label}: landmarks of {source.name} are used, not those of {rest}"]


def _job_text(job: VideoJob) -> str:
    return canonical_json(
        {
            "record": asdict(job.record),
            "fps": job.fps,
            "exercise_names": job.exercise_names,
            "excluded": [asdict(stretch) for stretch in job.excluded],
            **({"drop_repeats": True} if job.drop_repeats else {}),
            "versions": [ALIGNMENT_VERSION, DECODING_VERSION, SCHEMA_VERSION],
        }
    )


def stage_video(job: VideoJob, inspection: Inspection, folder: Path, control: Control) -> Outcome:
    """Decode a video into the staging folder, unless it lies there already.

    Raises:
        StoppedError: `control` says so; nothing of the video is kept.
    """
    warnings = inspection.warnings
    staged = find_staged(folder, key=inspection.key)
    if staged is None:
        try:
            reader = job.landmark_source().open()
            staged = _decode(job, reader, inspection, folder, control)
        except DataError as error:
            return Outcome(staged=None, warnings=warnings, problem=error.in_one_line)
    warnings += tuple(f"{job.label}: {warning}" for warning in staged.warnings)
    if not staged.record.frames_kept:
        reasons = ", ".join(f"{part.frames} {part.reason}" for part in staged.record.rejections)
        return Outcome(
            staged=None,
            warnings=warnings,
            problem=f"{NO_FRAME} ({reasons})",
        )
    return Outcome(staged=staged, warnings=warnings)


def _decode(
    job: VideoJob, reader: LandmarkReader, inspection: Inspection, folder: Path, control: Control
) -> StagedVideo:
    buffer = FrameBuffer(job.record, num_labels=0, frames=inspection.frames_expected)
    rejected = Counter[str]()
    sampled: set[int] = set()
    last, gap = -1, 1
    with StageWriter(folder, key=inspection.key, num_labels=0) as stage:
        meter = watch_video(job.path) if job.drop_repeats else StandstillMeter()
        repeated = repeated_places(meter.found())
        told = None if job.drop_repeats else meter
        for frame in iterate_video(job.path, fps=job.fps, threads=1, meter=told):
            if control.is_stopped():
                raise StoppedError
            gap, last = max(gap, frame.index - last), frame.index
            sampled.add(frame.index)
            landmarks_L2, reason = None, EXCLUDED
            if frame.index in repeated:
                reason = REPEATED
            elif not _stretch_at(frame.time_s, job.excluded):
                found = reader.of(frame)
                landmarks_L2, reason = found.points_L2, found.problem
            if reason or landmarks_L2 is None:
                rejected[reason] += 1
            else:
                exercise = _exercise_at(frame.time_s, job.record.exercises, job.exercise_names)
                stamp = Stamp(frame=frame.index, time_s=frame.time_s, exercise=exercise)
                buffer.add(frame.image_HWC, landmarks_L2, stamp=stamp)
                if buffer.is_full:
                    stage.add(buffer.take())
            control.count_frame()
        if not buffer.is_empty:
            stage.add(buffer.take())
        rejections = tuple(
            Rejection(reason=reason, frames=count) for reason, count in sorted(rejected.items())
        )
        record = replace(job.record, rejections=rejections, duration_s=inspection.duration_s)
        warnings = (
            *_landmarks_beyond(reader.track, last=last, gap=gap),
            *standstill_warnings(meter, sampled=sampled, are_kept=not job.drop_repeats),
        )
        return stage.close(record, group="", sketches=buffer.sketches(), warnings=warnings)


def _landmarks_beyond(track: LandmarkTrack | None, *, last: int, gap: int) -> tuple[str, ...]:
    """A landmark file that goes on after the video's end belongs to another one, or is shifted."""
    if track is None:
        return ()
    notes = tuple(f"{track.form}: {note}" for note in track.notes)
    if not len(track.frames) or int(track.frames[-1]) < last + gap:
        return notes
    return (
        *notes,
        f"the landmark file goes on to frame {int(track.frames[-1])}, the video ends "
        f"near frame {last}; check that both count from 0 and belong together",
    )


def _stretch_at(time_s: float, stretches: Sequence[Exercise]) -> Exercise | None:
    return next(
        (
            stretch
            for stretch in stretches
            if stretch.start_s <= time_s and (stretch.end_s is None or time_s < stretch.end_s)
        ),
        None,
    )


def _exercise_at(time_s: float, exercises: Sequence[Exercise], names: Sequence[str]) -> int:
    stretch = _stretch_at(time_s, exercises)
    return names.index(stretch.name) if stretch else -1
