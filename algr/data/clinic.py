"""The recordings of a clinic, as its manifest describes them: one record per video."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath

from algr.data.grades import consensus
from algr.data.identity import composed, folded_id
from algr.data.manifest import MANIFEST_FILE, ManifestRow, problems_error, read_rows
from algr.data.rows import UNKNOWN
from algr.data.videos import Exercise
from algr.errors import DataError

SIMULATION_MARKER = "simulated.json"
_MAX_DIGITS = 18
"""Of the number of a visit; what is longer is sorted as text."""
_OVERLAP_S = 0.05
"""Times are rounded when they are written down."""
_TIMES = frozenset(("start_s", "end_s"))
_OF_THE_VIDEO = ("patient_id", "visit", "affected_side", "fps_override")
"""Columns that are the same in all lines of a video, or empty."""


@dataclass(frozen=True, kw_only=True)
class Rater:
    """A rater's grade, with the rater's name as the manifest gives it."""

    name: str
    grade_hb: int


@dataclass(frozen=True, kw_only=True)
class ClinicVideo:
    """A video of the manifest, its lines brought together. Holds ids: never store it."""

    line: int
    """The first line that names it."""
    video: str
    patient_id: str
    visit: int
    """Order among the patient's visits, 0-based, by name (2 before 10)."""
    grade_hb: int
    """Consensus 1-6; -1 where no rater has given a grade."""
    ratings: tuple[Rater, ...]
    affected_side: str
    exercises: tuple[Exercise, ...]
    excluded: tuple[Exercise, ...]
    """Stretches to leave out."""
    fps: float | None
    """Frames per second to take from this video, instead of the general rate."""
    exclude_reason: str
    """Not empty: the whole video is left out."""


@dataclass(frozen=True, kw_only=True)
class ClinicManifest:
    """All videos of a clinic's folder."""

    path: Path
    videos: tuple[ClinicVideo, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ManifestReading:
    """What can be read of a manifest, right or wrong."""

    manifest: ClinicManifest
    problems: tuple[str, ...]
    """In the order of the lines that they begin with."""
    are_columns_wrong: bool


def read_manifest(path: Path) -> ClinicManifest:
    """Read and check `manifest.csv` (or the folder that holds it).

    Lines of one video may differ in rater and grade, and in exercise and times; everything else
    is the same in all of them or empty. A line with an `exclude_reason` leaves out its stretch
    where it has times, and the whole video otherwise.

    Raises:
        DataError: Something is wrong; all problems are told at once, with their lines.
    """
    reading = read_what_can_be(path)
    if reading.problems:
        raise problems_error(
            reading.manifest.path, reading.problems, of_columns=reading.are_columns_wrong
        )
    return reading.manifest


def read_what_can_be(path: Path) -> ManifestReading:
    """The same, with its problems as values, so that all else can be checked too.

    Raises:
        DataError: The file cannot be read as text.
    """
    file = path / MANIFEST_FILE if path.is_dir() else path
    read = read_rows(file)
    problems = list(read.problems)
    by_video: dict[str, list[ManifestRow]] = defaultdict(list)
    for row in read.rows:
        if row.video:
            by_video[row.video].append(row)
    visits = _visit_numbers(read.rows)
    videos = []
    for rows in by_video.values():
        video, wrong = _merge(rows, visits=visits)
        videos.append(video)
        problems += wrong
    problems += _shared_landmark_files(videos)
    if not problems:
        problems += _subjects_without_grade(videos)
    if not problems and not videos:
        problems.append("line 2: no video is named")
    return ManifestReading(
        manifest=ClinicManifest(
            path=file, videos=tuple(videos), warnings=(*read.warnings, *_similar_patients(videos))
        ),
        problems=tuple(sorted(problems, key=_line_of)),
        are_columns_wrong=read.are_columns_wrong,
    )


def _line_of(problem: str) -> int:
    return int(problem.removeprefix("line ").split(":")[0])


def _merge(
    rows: Sequence[ManifestRow], *, visits: dict[tuple[str, str], int]
) -> tuple[ClinicVideo, list[str]]:
    problems: list[str] = []
    first = rows[0]
    for column in _OF_THE_VIDEO:
        problems += _differing(rows, column)
    problems += _repeated(rows)
    ratings, wrong = _ratings(rows)
    problems += wrong
    exercises, wrong = _exercises([row for row in rows if not row.exclude_reason])
    problems += wrong
    reasons = [row for row in rows if row.exclude_reason]
    whole = [row for row in reasons if row.start_s is None and row.end_s is None]
    if len(reasons) == len(rows):
        whole = reasons
    video = ClinicVideo(
        line=first.line,
        video=first.video,
        patient_id=_first(rows, "patient_id"),
        visit=visits.get((_first(rows, "patient_id"), _first(rows, "visit")), 0),
        grade_hb=consensus([rating.grade_hb for rating in ratings]) if ratings else UNKNOWN,
        ratings=ratings,
        affected_side=_first(rows, "affected_side"),
        exercises=exercises,
        excluded=tuple(_stretch(row) for row in reasons),
        fps=next((row.fps_override for row in rows if row.fps_override is not None), None),
        exclude_reason=whole[0].exclude_reason if whole else "",
    )
    return video, problems


def _first(rows: Sequence[ManifestRow], column: str) -> str:
    return next((str(getattr(row, column)) for row in rows if getattr(row, column)), "")


def _differing(rows: Sequence[ManifestRow], column: str) -> list[str]:
    known: ManifestRow | None = None
    problems = []
    for row in rows:
        value = getattr(row, column)
        if value in ("", None):
            continue
        if known is None:
            known = row
        elif value != getattr(known, column):
            problems.append(
                f"line {row.line}: {column}: not the same as in line {known.line}, "
                "which names the same video"
            )
    return problems


def _repeated(rows: Sequence[ManifestRow]) -> list[str]:
    """Lines of one rater and one stretch of the video that add nothing to each other."""
    first: dict[tuple[object, ...], ManifestRow] = {}
    problems = []
    for row in rows:
        if row.unread:
            continue
        is_excluded = bool(row.exclude_reason)
        key = (row.rater, row.exercise, row.start_s, row.end_s, is_excluded)
        known = first.setdefault(key, row)
        if known is not row and all(
            _agree(known, row, column) for column in (*_OF_THE_VIDEO, "grade_hb")
        ):
            problems.append(
                f"line {row.line}: stands in line {known.line} already: the same video, rater, "
                "exercise and times; expected one line of each: remove one, or name the raters"
            )
    return problems


def _agree(one: ManifestRow, other: ManifestRow, column: str) -> bool:
    values = {getattr(one, column), getattr(other, column)} - {"", None}
    return len(values) <= 1


def _ratings(rows: Sequence[ManifestRow]) -> tuple[tuple[Rater, ...], list[str]]:
    given: dict[str, ManifestRow] = {}
    problems = []
    for row in rows:
        if row.grade_hb is None:
            continue
        known = given.setdefault(row.rater, row)
        if known.grade_hb != row.grade_hb:
            who = f"rater {row.rater!r} gives" if row.rater else "without a rater,"
            problems.append(
                f"line {row.line}: grade_hb: {who} the video {row.grade_hb} here and "
                f"{known.grade_hb} in line {known.line}; expected one grade per rater and video"
            )
    ratings = tuple(
        Rater(name=name, grade_hb=row.grade_hb)
        for name, row in sorted(given.items())
        if row.grade_hb is not None
    )
    return ratings, problems


def _stretch(row: ManifestRow) -> Exercise:
    return Exercise(name=row.exercise, start_s=row.start_s or 0.0, end_s=row.end_s)


def _exercises(rows: Sequence[ManifestRow]) -> tuple[tuple[Exercise, ...], list[str]]:
    """The exercises in their order; lines of several raters repeat them."""
    line_of: dict[Exercise, int] = {}
    for row in rows:
        if row.exercise and not row.unread & _TIMES:
            line_of.setdefault(_stretch(row), row.line)
    ordered = sorted(line_of, key=lambda exercise: (exercise.start_s, line_of[exercise]))
    problems = [
        f"line {line_of[after]}: exercise: {after.name!r} begins at {after.start_s:g} s, before "
        f"{before.name!r} of line {line_of[before]} ends"
        for before, after in pairwise(ordered)
        if before.end_s is None or after.start_s < before.end_s - _OVERLAP_S
    ]
    return tuple(ordered), problems


def _visit_numbers(rows: Sequence[ManifestRow]) -> dict[tuple[str, str], int]:
    names: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        names[row.patient_id].add(row.visit)
    return {
        (patient, visit): number
        for patient, visits in names.items()
        for number, visit in enumerate(sorted(visits - {""}, key=_natural))
    }


def _natural(text: str) -> tuple[int, int, str]:
    return (0, int(text), text) if text.isdecimal() and len(text) <= _MAX_DIGITS else (1, 0, text)


def _shared_landmark_files(videos: Sequence[ClinicVideo]) -> list[str]:
    first: dict[str, ClinicVideo] = {}
    problems = []
    for video in videos:
        known = first.setdefault(str(PurePosixPath(video.video).with_suffix("")), video)
        if known is not video:
            problems.append(
                f"line {video.line}: video: has the same name but for its ending as that of line "
                f"{known.line}, so that both would take one landmark file"
            )
    return problems


def _subjects_without_grade(videos: Sequence[ClinicVideo]) -> list[str]:
    by_patient: dict[str, list[ClinicVideo]] = defaultdict(list)
    for video in videos:
        if not video.exclude_reason:
            by_patient[video.patient_id].append(video)
    return [
        f"line {owned[0].line}: grade_hb: no video of this patient has a grade; give one, or an "
        "exclude_reason"
        for owned in by_patient.values()
        if all(video.grade_hb == UNKNOWN for video in owned)
    ]


def _similar_patients(videos: Sequence[ClinicVideo]) -> list[str]:
    """Two spellings of one id would put one face on both sides of a fold."""
    spelt: dict[str, ClinicVideo] = {}
    warnings: dict[str, str] = {}
    for video in videos:
        known = spelt.setdefault(folded_id(video.patient_id), video)
        if composed(known.patient_id) != composed(video.patient_id):
            warnings.setdefault(
                video.patient_id,
                f"lines {known.line} and {video.line}: the patient_id differs in capitals, "
                "spaces or the zeros of a number only and is taken for two patients",
            )
    return list(warnings.values())


def is_simulated(source: Path) -> bool:
    """Whether the folder was written by a simulator, which leaves a marker in it."""
    return (source / SIMULATION_MARKER).is_file()


def check_source(source: Path) -> Path:
    """The folder itself.

    Raises:
        DataError: There is none.
    """
    if not source.is_dir():
        raise DataError(
            f"--source {source}: no such folder",
            expected=f"a folder with {MANIFEST_FILE}, videos and landmark files",
            advice="name the folder, or make one: algr data simulate fpara DIR",
        )
    return source
