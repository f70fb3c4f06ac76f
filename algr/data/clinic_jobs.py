"""From a clinic's manifest to the jobs of its preparation: where ids become keyed hashes."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from algr.data.align import alignment_parameters
from algr.data.clinic import ClinicManifest, ClinicVideo
from algr.data.decode import VideoJob
from algr.data.fingerprint import canonical_json
from algr.data.identity import hash_id
from algr.data.jobs import Inspection
from algr.data.manifest import EXERCISES
from algr.data.rows import UNKNOWN
from algr.data.standstill import STANDSTILL_VERSION
from algr.data.summary import LeftOut
from algr.data.video import DECODING_VERSION
from algr.data.videos import Rating, VideoRecord
from algr.faces import HOUSE_BRACKMANN_CLASS


def clinic_jobs(
    manifest: ClinicManifest,
    *,
    source: Path,
    fps: float,
    key: bytes,
    models: Path | None = None,
    drop_repeats: bool = False,
) -> list[VideoJob]:
    """A job for each video that the manifest does not exclude; `key` hashes its ids.

    `models` are those of the landmark detector, where it can run; `drop_repeats` leaves out frames
    that repeat the one before.
    """
    return [
        VideoJob(
            path=source / video.video,
            label=video.video,
            record=_record(video, key=key),
            fps=video.fps or fps,
            exercise_names=EXERCISES,
            excluded=video.excluded,
            models=models,
            drop_repeats=drop_repeats,
        )
        for video in manifest.videos
        if not video.exclude_reason
    ]


def _record(video: ClinicVideo, *, key: bytes) -> VideoRecord:
    return VideoRecord(
        video_id=hash_id("video", video.video, key=key),
        subject_id=hash_id("patient", video.patient_id, key=key),
        visit=video.visit,
        grade=HOUSE_BRACKMANN_CLASS.get(video.grade_hb, UNKNOWN),
        grade_hb=video.grade_hb,
        ratings=tuple(
            Rating(
                rater_id=hash_id("rater", rating.name, key=key) if rating.name else "",
                grade_hb=rating.grade_hb,
            )
            for rating in video.ratings
        ),
        affected_side=video.affected_side,
        exercises=video.exercises,
    )


def excluded_videos(manifest: ClinicManifest) -> tuple[LeftOut, ...]:
    """The videos that the manifest excludes, with its reasons."""
    return tuple(
        LeftOut(video=video.video, reason=f"excluded by the manifest: {video.exclude_reason}")
        for video in manifest.videos
        if video.exclude_reason
    )


def repeats_parameters(*, drop_repeats: bool) -> dict[str, object]:
    """Of frames that repeat the one before: nothing where they are kept."""
    return {"repeats_dropped_version": STANDSTILL_VERSION} if drop_repeats else {}


def preparation_parameters(fps: float, *, drop_repeats: bool = False) -> dict[str, object]:
    """What, beside the recordings, decides about the frames; part of the fingerprint."""
    return {
        **repeats_parameters(drop_repeats=drop_repeats),
        "fps": float(fps),
        "decoding_version": DECODING_VERSION,
        "alignment": alignment_parameters(),
        "house_brackmann_class": {str(hb): grade for hb, grade in HOUSE_BRACKMANN_CLASS.items()},
    }


def source_digest(
    inspections: Sequence[Inspection],
    *,
    simulated: bool,
    options: Mapping[str, object] | None = None,
) -> str:
    """SHA-256 of all files, cells and options; holds no id but keyed hashes, hexadecimal.

    Args:
        inspections: Of all recordings.
        simulated: Nobody's face.
        options: Those that the keys of the inspections do not know.
    """
    parts: list[object] = [sorted(inspection.key for inspection in inspections), simulated]
    parts += [dict(options)] if options else []
    return hashlib.sha256(canonical_json(parts).encode()).hexdigest()
