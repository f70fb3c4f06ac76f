"""Whether pictures and landmarks belong together, of the whole source and subject by subject.

Here the comparisons of this package are brought together: the doctor asks for all that a sample
tells, and a preparation for the same of a smaller one, before it decodes everything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from algr.data.adapters import Recording, SourceReading
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
from algr.data.doctor.command import Settings
from algr.data.doctor.misfit import compare_recordings, misfit_findings
from algr.data.doctor.pictures import Seen, look
from algr.data.doctor.sampling import Sample, draw_moving, draw_samples
from algr.data.doctor.standstill import (
    FRAMES_PER_PICTURE,
    StandstillReport,
    look_for_standstills,
    without_repeated,
)
from algr.data.doctor.subject_base import (
    SubjectShifts,
    compare_subjects,
    subject_base_findings,
)
from algr.data.doctor.subject_motion import measure_motion, settle_subjects
from algr.data.findings import Finding

BOUNDED_SAMPLE = 300
"""Pictures that a preparation looks at, about."""
BOUNDED_VIDEO_FRAMES = 300
"""Frames of a video that it decodes for them, at most."""
_RECORDINGS_AGAIN = 4


@dataclass(frozen=True, kw_only=True)
class Fit:
    """What pictures and landmarks say of each other."""

    calibration: Calibration
    shifts: SubjectShifts
    findings: tuple[Finding, ...]


def judge_fit(
    reading: SourceReading,
    *,
    samples: Sequence[Sample],
    seen: Sequence[Seen],
    standstills: StandstillReport,
    jobs: int,
    tick: Callable[[int, int], None] = lambda *_: None,
) -> Fit:
    """Compare the sampled pictures with the landmarks, and some more where that leaves doubt.

    Args:
        reading: The source.
        samples: What was drawn of it.
        seen: What the sampled pictures show.
        standstills: Frames that repeat the one before, which tell nothing.
        jobs: Threads that decode.
        tick: Told how many of how many more pictures are decoded.
    """
    recordings = reading.recordings
    turned = turned_recordings(recordings)
    upright = [picture for picture in seen if picture.recording not in turned]
    rows = compare_offsets(upright, without_repeated(samples, recordings, standstills))
    calibration = calibrate(recordings, rows, upright)
    shifts = compare_subjects(upright, recordings)
    findings: list[Finding] = []
    if calibration.axes == "upright":
        settings = Settings.of(reading)
        usual = calibration.offset.offset or 0
        suspected = suspects(rows, recordings, usual=usual)
        again = _look_again(recordings, suspected, jobs=jobs, tick=tick)
        findings += judge.offset_findings(
            calibration.offset, reading, frame_offset=settings.frame_offset
        )
        findings += judge.subject_offset_findings(
            settle_subjects(
                judge_subjects(again, recordings, usual=usual),
                measure_motion(upright, recordings),
                usual=usual,
            ),
            reading,
            usual=usual,
        )
        findings += misfit_findings(compare_recordings(upright), recordings)
        findings += subject_base_findings(shifts, used=settings.landmark_base)
        findings += judge.base_findings(
            calibration, used=settings.landmark_base, layout=reading.layout
        )
    return Fit(calibration=calibration, shifts=shifts, findings=tuple(findings))


def _look_again(
    recordings: tuple[Recording, ...],
    suspected: Mapping[str, Sequence[int]],
    *,
    jobs: int,
    tick: Callable[[int, int], None],
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
    seen = look(samples, recordings, jobs=jobs, tick=lambda done: tick(done, expected))
    return compare_offsets(seen, samples)


def fit_of_sample(reading: SourceReading, *, jobs: int) -> tuple[Finding, ...]:
    """The doctor's warnings of landmarks that do not fit the pictures, by a bounded sample.

    Fewer pictures tell less: a subject that the doctor would name may pass.

    Args:
        reading: The source.
        jobs: Threads that decode.
    """
    recordings = reading.recordings
    samples = draw_samples(recordings, pictures=BOUNDED_SAMPLE, video_frames=BOUNDED_VIDEO_FRAMES)
    seen = look(samples, recordings, jobs=jobs, tick=lambda _: None)
    moving = {part.recording for part in samples if part.fast}
    report = look_for_standstills(
        recordings, only=moving, sample=BOUNDED_SAMPLE // FRAMES_PER_PICTURE, jobs=jobs
    )
    fit = judge_fit(reading, samples=samples, seen=seen, standstills=report, jobs=jobs)
    return tuple(finding for finding in fit.findings if finding.severity == "warning")
