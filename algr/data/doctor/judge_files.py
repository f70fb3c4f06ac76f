"""From files and what they show to findings: unreadable, shared, repeated, of different sizes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from algr.data.adapters import ImageFiles, Recording, SourceReading
from algr.data.adapters.base import Layout
from algr.data.doctor.duplicates import SharedFootage
from algr.data.doctor.pictures import Seen
from algr.data.findings import Finding, Severity, up_to_the_limit
from algr.data.identity import composed
from algr.data.words import MOST_PROBLEMS, counted

_WAYS_OUT: Mapping[Layout, str] = {
    "clinic": "give both one patient_id in manifest.csv, or one of them an exclude_reason",
    "manifest": "give both one subject or group in manifest.csv, or take one of them out",
}
_WAY_OUT = (
    "take all recordings of one of these subjects out, or, if this one was only put into the wrong "
    "place, this one"
)


def repeated_findings(surplus: Mapping[int, int], reading: SourceReading) -> list[Finding]:
    """Recordings in which a picture stands more than once."""
    ordered = sorted(surplus.items(), key=lambda item: -item[1])
    findings = [
        Finding(
            severity="note",
            code="picture_repeated",
            message=f"{counted(count, 'picture')} byte by byte equal to another one of the "
            "recording",
            file=reading.recordings[position].name,
            count=count,
        )
        for position, count in ordered[:MOST_PROBLEMS]
    ]
    hidden = ordered[MOST_PROBLEMS:]
    if hidden:
        total = sum(count for _, count in hidden)
        findings.append(
            Finding(
                severity="note",
                code="picture_repeated",
                message=f"{total} pictures of {len(hidden)} more recordings",
                count=total,
            )
        )
    return findings


def file_findings(bad: Mapping[Path, str], reading: SourceReading, source: Path) -> list[Finding]:
    """Pictures and videos that cannot be used, by name; but for those of which the reader told."""
    told = {finding.file for finding in reading.findings if finding.code == "unreadable"}
    named = sorted((shown(str(path), source), problem) for path, problem in bad.items())
    problems = [(name, problem) for name, problem in named if name not in told]
    findings = [
        Finding(severity="warning", code=_file_code(problem), message=problem, file=name)
        for name, problem in problems[:MOST_PROBLEMS]
    ]
    if len(problems) > MOST_PROBLEMS:
        findings.append(
            Finding(
                severity="warning",
                code="unreadable_more",
                message=f"{len(problems) - MOST_PROBLEMS} more files cannot be used",
                count=len(problems) - MOST_PROBLEMS,
            )
        )
    return findings


def _file_code(problem: str) -> str:
    if "0 bytes" in problem:
        return "empty_file"
    return (
        "truncated_file" if problem.startswith(("is cut", "breaks off", "ends")) else "unreadable"
    )


def footage_findings(
    shared: Sequence[SharedFootage], reading: SourceReading, source: Path
) -> list[Finding]:
    """Pictures under two names."""
    findings = []
    ordered = sorted(shared, key=lambda item: not _are_apart(item, reading))  # stable
    for item in ordered:
        one, other = reading.recordings[item.first], reading.recordings[item.second]
        is_apart = _are_apart(item, reading)
        severity: Severity = "note"
        if is_apart:
            severity = "refused" if item.is_exact or item.is_sure else "warning"
        common = _common(item, one, other, source)
        findings.append(
            Finding(
                severity=severity,
                code="subject_twice" if is_apart else "picture_twice",
                message=_of_two(item, reading, common=common) if is_apart else common,
                file=shown(item.examples[0] or _place_of(one), source),
                count=item.pictures,
            )
        )
    return up_to_the_limit(findings)


def _common(item: SharedFootage, one: Recording, other: Recording, source: Path) -> str:
    """What two recordings share; of sampled pictures no number, as it depends on the sample."""
    if item.is_sure:
        return f"{other.name} is the same recording, encoded anew or cut"
    if not item.is_exact:
        return f"some sampled pictures stand in {other.name} too, encoded anew"
    is_video = not isinstance(one.pictures, ImageFiles)
    what = "a whole video" if is_video else counted(item.pictures, "picture")
    example = shown(item.examples[1], source)
    stand = "stands" if is_video or item.pictures == 1 else "stand"
    return f"{what} {stand} in {other.name} too (the same file, for instance {example})"


def _of_two(item: SharedFootage, reading: SourceReading, *, common: str) -> str:
    """The same of two people, and what to do."""
    one, other = reading.recordings[item.first], reading.recordings[item.second]
    who = f"subjects {one.subject} and {other.subject}"
    if reading.layout == "clinic":
        who = "two patients"  # whose ids belong in no message that may be kept
    is_doubtful = not (item.is_exact or item.is_sure)
    return (
        f"{who} have the same pictures, in {one.name} and {other.name}: {common}; one person under "
        f"two names would be trained and tested on: {'if they are one, ' if is_doubtful else ''}"
        f"{_WAYS_OUT.get(reading.layout, _WAY_OUT)}"
    )


def _place_of(recording: Recording) -> str:
    """A video, or the folder of the pictures."""
    pictures = recording.pictures
    return str(pictures.paths[0].parent if isinstance(pictures, ImageFiles) else pictures.path)


def _are_apart(item: SharedFootage, reading: SourceReading) -> bool:
    """Whether a fold could train on the one and test on the other."""
    one, other = reading.recordings[item.first], reading.recordings[item.second]
    is_one_subject = composed(one.subject) == composed(other.subject)
    return not is_one_subject and (not one.group or one.group != other.group)


def size_findings(seen: Sequence[Seen], reading: SourceReading, source: Path) -> list[Finding]:
    """Pictures that are not as large as most of their recording."""
    whole = [picture for picture in seen if not picture.problem]
    sizes: dict[int, Counter[tuple[int, int]]] = defaultdict(Counter)
    for picture in whole:
        sizes[picture.recording][picture.width, picture.height] += 1
    usual = {position: counts.most_common(1)[0][0] for position, counts in sizes.items()}
    findings = [
        Finding(
            severity="warning",
            code="mixed_sizes",
            message=f"is {picture.width} x {picture.height}, most of "
            f"{reading.recordings[picture.recording].name} are "
            f"{usual[picture.recording][0]} x {usual[picture.recording][1]}",
            file=shown(picture.file, source),
        )
        for picture in whole
        if (picture.width, picture.height) != usual[picture.recording]
    ]
    return up_to_the_limit(findings)


def shown(file: str, source: Path) -> str:
    """A file as the user knows it: below the source."""
    path = Path(file)
    return path.relative_to(source).as_posix() if path.is_relative_to(source) else file
