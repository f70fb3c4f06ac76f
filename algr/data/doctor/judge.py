"""From what was measured to findings: each rule of the doctor, without touching a file."""

from collections.abc import Collection, Mapping, Sequence

from algr.data.adapters import ImageFiles, SourceReading, names_pictures
from algr.data.adapters.base import Layout
from algr.data.doctor.calibrate import Axes, Calibration, OffsetAnswer, SubjectOffset
from algr.data.doctor.labels import LabelCount
from algr.data.doctor.landmarks import MEANING, LandmarkReport
from algr.data.findings import Finding, up_to_the_limit
from algr.data.words import MOST_PROBLEMS, counted

_AXES_ADVICE: dict[Axes, str] = {
    "swapped": "x and y are exchanged",
    "mirrored": "left and right are exchanged: the points are numbered in mirror image, or "
    "the pictures are mirrored",
    "turned": "the faces lie on their side or stand on their head; they are used, and turned "
    "upright: look at some, whether the pictures lie as the landmarks do",
}
_SAY_NO_LANDMARKS = frozenset(
    ("landmark_file", "landmarks_missing", "no_landmarks", "no_landmarks_of_recording")
)
"""Findings of the readers that tell of recordings without landmarks, with the cause."""
_BASE_TOLERANCE_PX = 0.3
_BASE_MAX_ERROR_PX = 0.2
"""So that 0 and 1 lie three standard errors and more apart from each other."""


def label_findings(labels: Sequence[LabelCount]) -> list[Finding]:
    """Action units that never or always occur."""
    findings = []
    for label in labels:
        if label.rate is None:
            found, code = "is coded in no frame", "label_unknown"
        elif not label.present:
            found, code = "occurs in no frame, so that it cannot be learned", "label_absent"
        elif not label.absent:
            found, code = "is present in every frame", "label_constant"
        elif label.subjects < 3:
            found, code = f"occurs in {counted(label.subjects, 'subject')} only", "label_rare"
        else:
            continue
        findings.append(Finding(severity="warning", code=code, message=f"{label.name} {found}"))
    return findings


def landmark_findings(
    report: LandmarkReport, reading: SourceReading, *, turned: Collection[str], has_detector: bool
) -> list[Finding]:
    """Frames whose landmarks cannot be used, worst recording first.

    Of recordings that are turned or exchanged as a whole another finding tells.
    """
    worst = [
        trouble
        for trouble in report.worst
        if trouble.kind != "swapped_eyes" or trouble.recording not in turned
    ]
    findings = [
        Finding(
            severity="warning",
            code=f"landmarks_{trouble.kind}",
            message=f"{MEANING[trouble.kind]}, in {counted(trouble.frames, 'frame')} from "
            f"{trouble.first} on",
            file=trouble.recording,
            count=trouble.frames,
        )
        for trouble in worst[:MOST_PROBLEMS]
    ]
    hidden = worst[MOST_PROBLEMS:]
    if hidden:
        findings.append(
            Finding(
                severity="warning",
                code="landmarks_more",
                message=f"landmarks of {len(hidden)} more recordings are in doubt",
                count=sum(trouble.frames for trouble in hidden),
            )
        )
    is_told = {item.code for item in reading.findings} & _SAY_NO_LANDMARKS
    is_refused = not (report.frames or has_detector)
    if report.without and not is_told and not is_refused:
        findings.append(_without_landmarks(report, reading, has_detector=has_detector))
    return findings


def _without_landmarks(
    report: LandmarkReport, reading: SourceReading, *, has_detector: bool
) -> Finding:
    """Recordings without a landmark file; the detector looks at those of a clinic."""
    is_clinic = reading.layout == "clinic"
    told = f"{report.without} of {reading.num_frames} frames have no landmark file"
    if is_clinic and has_detector:
        return Finding(
            severity="note",
            code="landmarks_by_detector",
            message=f"{told}; the preparation finds their landmarks with the detector",
            count=report.without,
        )
    return Finding(
        severity="warning",
        code="no_landmarks",
        message=f"{told}; give one, or install the detector (algr landmarks status)"
        if is_clinic
        else f"{told}; give one",
        count=report.without,
    )


def axes_findings(axes: Axes, share: float, reading: SourceReading) -> list[Finding]:
    """Coordinates in another order, or pictures that lie on their side, in most frames."""
    advice = _AXES_ADVICE.get(axes)
    if advice is None:
        return []
    return [
        Finding(
            severity="warning" if axes == "turned" else "refused",
            code=f"axes_{axes}",
            message=f"in {100 * share:.0f} % of the frames {advice}"
            + (_swapped_advice(reading) if axes == "swapped" else ""),
        )
    ]


def _swapped_advice(reading: SourceReading) -> str:
    if "swap_axes" in reading.parameters:
        return ", because of --swap-axes: leave it out"
    if reading.layout == "clinic":
        return ": exchange the columns of the landmark files"
    return ": look again with --swap-axes, which exchanges them in all landmark files"


def turned_findings(turned: Mapping[int, Axes], reading: SourceReading) -> list[Finding]:
    """Single recordings whose landmarks are not upright, while most are."""
    findings = [
        Finding(
            severity="warning",
            code=f"axes_{axes}",
            message=f"unlike the others: {_AXES_ADVICE[axes]}"
            if axes == "turned"
            else f"{turned_reason(axes)}; the recording is left out",
            file=reading.recordings[position].name,
            count=len(reading.recordings[position].number_N),
        )
        for position, axes in turned.items()
    ]
    return up_to_the_limit(findings)


def turned_reason(axes: Axes) -> str:
    """Why a recording is left out whose landmarks are a mirror image, while most are not."""
    mend = ": exchange the columns of its landmark files" if axes == "swapped" else ""
    return f"unlike the others, {_AXES_ADVICE[axes]}{mend}"


def subject_offset_findings(
    found: Sequence[SubjectOffset], reading: SourceReading, *, usual: int
) -> list[Finding]:
    """Subjects whose pictures or landmarks are numbered in another way than everybody's."""
    findings = []
    for item in found:
        way = item.offset - usual
        told = (
            f"subject {item.subject}: the landmarks that fit a picture stand {way:+d} frame(s) "
            f"from where those of the others do ({item.sureness:.1f} standard errors, "
            f"{item.pictures} pictures)"
        )
        findings.append(
            Finding(
                severity="warning",
                code="frame_offset_of_subject",
                message=f"{told}: {_renumbering(item.subject, reading, way=way)}, or take the "
                "subject away; --frame-offset is for all",
                count=item.pictures,
            )
            if item.is_sure
            else Finding(
                severity="note",
                code="frame_offset_in_doubt",
                message=f"{told}: this may be chance; look at some of its frames",
                count=item.pictures,
            )
        )
    return findings


def _renumbering(subject: str, reading: SourceReading, *, way: int) -> str:
    """What to move by how much; the frames of a video cannot be renamed."""
    landmarks = f"the landmark files of this subject by {-way:+d}"
    own = [part.pictures for part in reading.recordings if part.subject == subject]
    if any(isinstance(pictures, ImageFiles) for pictures in own):
        return (
            "either its landmark files or its pictures are numbered otherwise: if the labels fit "
            f"the pictures, renumber {landmarks}, else the pictures by {way:+d}"
        )
    if reading.kind == "grade":
        return f"renumber {landmarks}"
    return f"renumber {landmarks}, and its labels too if they do not fit the video"


def offset_findings(
    answer: OffsetAnswer, reading: SourceReading, *, frame_offset: int
) -> list[Finding]:
    """Whether the numbers of pictures and landmarks have one origin."""
    if answer.offset is None:
        return [
            Finding(
                severity="note",
                code="offset_unknown",
                message="whether pictures and landmarks are numbered alike cannot be told: "
                + answer.why,
                count=answer.pictures,
            )
        ]
    if answer.offset == 0:
        return []
    right = frame_offset - answer.offset
    later = "after" if answer.offset > 0 else "before"
    advice = f"prepare with --frame-offset {right}, which moves the labels along with the landmarks"
    if reading.layout == "clinic":
        advice = f"add {-answer.offset} to the frame numbers of the landmark files"
    elif names_pictures(reading):
        advice = "name the pictures that belong to the landmarks in the lines of manifest.csv"
    return [
        Finding(
            severity="warning",
            code="frame_offset",
            message=f"the landmarks that fit a picture stand {abs(answer.offset)} frame"
            f"{'' if abs(answer.offset) == 1 else 's'} {later} its own "
            f"({answer.sureness:.0f} standard errors, {answer.pictures} pictures): {advice}",
            count=answer.pictures,
        )
    ]


def fitting_base(calibration: Calibration, *, used: int) -> int | None:
    """The pixel that the landmark files seem to count from; None: cannot tell."""
    answer = calibration.base
    if answer.shift_px is None or not answer.error_px <= _BASE_MAX_ERROR_PX:
        return None
    for base in (0, 1):
        if abs(answer.shift_px - (base - used)) <= _BASE_TOLERANCE_PX:
            return base
    return None


def base_findings(calibration: Calibration, *, used: int, layout: Layout) -> list[Finding]:
    """Whether the landmarks count pixels from 0 or from 1."""
    base = fitting_base(calibration, used=used)
    answer = calibration.base
    if base == used:
        return []
    if base is None:
        measured = (
            answer.why
            if answer.shift_px is None
            else f"the faces lie {answer.shift_px:+.1f} ± {answer.error_px:.1f} pixels beside "
            "the landmarks' middle"
        )
        return [
            Finding(
                severity="note",
                code="base_unknown",
                message=f"whether landmarks count from pixel 0 or 1 cannot be told ({measured}); "
                f"{used} is taken, as the layout says",
                count=answer.pictures,
            )
        ]
    advice = (
        f"prepare with --landmark-base {base}"
        if layout != "clinic"
        else "take 1 from all coordinates of the landmark files"
    )
    return [
        Finding(
            severity="warning",
            code="landmark_base",
            message=f"the landmarks seem to count from pixel {base}, not {used}: the faces lie "
            f"{answer.shift_px:+.2f} ± {answer.error_px:.2f} pixels beside the middle of "
            f"{answer.pictures} faces; {advice}",
            count=answer.pictures,
        )
    ]
