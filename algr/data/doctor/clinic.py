"""What a clinic's manifest says: visits, raters, grades and exercises."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from algr.data.clinic import ClinicManifest, ClinicVideo
from algr.data.findings import Finding, up_to_the_limit
from algr.data.manifest import EXERCISES, MANIFEST_FILE
from algr.data.video import probe_video
from algr.data.videos import exercises_beyond
from algr.data.words import counted
from algr.errors import DataError
from algr.faces import GRADES, HOUSE_BRACKMANN_CLASS

_FOLDS = 3
_REASONS = 5
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class ClinicReport:
    """A manifest in figures."""

    patients: int
    videos: int
    """That are used; the other figures are of these."""
    excluded: int
    left_out: dict[str, int]
    """Why other videos are left out, to their number."""
    patients_with_visits: int
    """With more than one visit."""
    videos_per_patient: tuple[int, int]
    """Least and most."""
    raters: int
    rated_twice: int
    """Videos with more than one rating."""
    disagreements: int
    """Of these, videos whose ratings differ."""
    across_classes: int
    """Of these, videos whose ratings fall into different classes."""
    exercises: dict[str, int]
    """Name to number of videos; empty where the manifest names none."""

    @property
    def num_left_out(self) -> int:
        """Videos that are left out, and not because the manifest says so."""
        return sum(self.left_out.values())


def examine_manifest(
    manifest: ClinicManifest, *, left_out: Mapping[str, str] = _NOTHING
) -> tuple[ClinicReport, list[Finding]]:
    """Figures, and what is worth knowing before folds are planned.

    Args:
        manifest: All that it names.
        left_out: Name of a video that cannot be used to the reason; it is in no other figure.
    """
    included = [video for video in manifest.videos if not video.exclude_reason]
    videos = [video for video in included if video.video not in left_out]
    by_patient: dict[str, list[ClinicVideo]] = defaultdict(list)
    for video in videos:
        by_patient[video.patient_id].append(video)
    several = {
        patient: owned
        for patient, owned in by_patient.items()
        if len({video.visit for video in owned}) > 1
    }
    rated = [video for video in videos if len(video.ratings) > 1]
    differing = [video for video in rated if len({r.grade_hb for r in video.ratings}) > 1]
    crossing = [video for video in differing if len(_classes(video)) > 1]
    exercises = Counter(
        name for video in videos for name in {exercise.name for exercise in video.exercises}
    )
    report = ClinicReport(
        patients=len(by_patient),
        videos=len(videos),
        excluded=len(manifest.videos) - len(included),
        left_out=_reasons(
            {video.video: left_out[video.video] for video in included if video.video in left_out}
        ),
        patients_with_visits=len(several),
        videos_per_patient=(
            min((len(owned) for owned in by_patient.values()), default=0),
            max((len(owned) for owned in by_patient.values()), default=0),
        ),
        raters=len({rating.name for video in videos for rating in video.ratings if rating.name}),
        rated_twice=len(rated),
        disagreements=len(differing),
        across_classes=len(crossing),
        exercises={name: exercises[name] for name in EXERCISES if exercises[name]},
    )
    return report, [
        *_visit_findings(several),
        *_rater_findings(crossing, rated=len(rated)),
        *_grade_findings(by_patient),
        *_exercise_findings(videos, folder=manifest.path.parent),
    ]


def _reasons(left_out: Mapping[str, str]) -> dict[str, int]:
    """The commonest reasons without their particulars, and the number of the others."""
    kinds = (_kind_of(video, reason) for video, reason in left_out.items())
    counts = Counter(kinds).most_common()
    told = dict(counts[:_REASONS])
    rest = sum(count for _, count in counts[_REASONS:])
    return told | ({"for other reasons": rest} if rest else {})


def _kind_of(video: str, reason: str) -> str:
    """Reasons that begin with the name of a file beside the video speak of its landmarks."""
    is_of_landmarks = reason.startswith(PurePosixPath(video).stem)
    return "landmark file of no use" if is_of_landmarks else reason.partition(" (")[0]


def _classes(video: ClinicVideo) -> set[int]:
    return {HOUSE_BRACKMANN_CLASS[rating.grade_hb] for rating in video.ratings}


def _visit_findings(several: dict[str, list[ClinicVideo]]) -> list[Finding]:
    if not several:
        return []
    first = min(several.values(), key=lambda owned: owned[0].line)[0]
    return [
        Finding(
            severity="note",
            code="several_visits",
            message=f"{counted(len(several), 'patient')} with more than one visit; all visits "
            "of a patient stay on one side of each fold",
            file=MANIFEST_FILE,
            line=first.line,
            count=len(several),
        )
    ]


def _rater_findings(crossing: Sequence[ClinicVideo], *, rated: int) -> list[Finding]:
    if not crossing:
        return []
    worst = max(crossing, key=lambda video: (_gap(video), -video.line))
    grades = ", ".join(f"{rating.grade_hb}" for rating in worst.ratings)
    return [
        Finding(
            severity="warning" if len(crossing) > 0.2 * rated else "note",
            code="raters_disagree",
            message=f"raters put {len(crossing)} of {rated} videos with several ratings into "
            f"different classes (here {grades}); the median counts, halves upward",
            file=MANIFEST_FILE,
            line=worst.line,
            count=len(crossing),
        )
    ]


def _gap(video: ClinicVideo) -> int:
    grades = [rating.grade_hb for rating in video.ratings]
    return max(grades) - min(grades)


def _grade_findings(by_patient: dict[str, list[ClinicVideo]]) -> list[Finding]:
    classes = Counter(
        max(HOUSE_BRACKMANN_CLASS.get(video.grade_hb, -1) for video in owned)
        for owned in by_patient.values()
    )
    return [
        Finding(
            severity="warning",
            code="rare_grade",
            message=f"grade {name!r} has {classes[grade]} patient"
            f"{'' if classes[grade] == 1 else 's'}; with {_FOLDS} folds some do not test it",
            file=MANIFEST_FILE,
            count=classes[grade],
        )
        for grade, name in enumerate(GRADES)
        if by_patient and classes[grade] < _FOLDS
    ]


def _exercise_findings(videos: Sequence[ClinicVideo], *, folder: Path) -> list[Finding]:
    findings = [
        Finding(severity="warning", code="exercise_beyond", message=told, file=video.video)
        for video in videos
        if video.exercises
        for told in exercises_beyond(video.exercises, duration_s=_duration_s(folder / video.video))
    ]
    return up_to_the_limit(findings)


def _duration_s(path: Path) -> float:
    """As the head of the video says; 0 where it cannot be read, of which others tell."""
    try:
        return probe_video(path).duration_s
    except DataError:
        return 0.0
