"""From files and what they show to findings: unreadable, shared, repeated, of different sizes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from algr.data.adapters import ImageFiles, SourceReading
from algr.data.doctor.duplicates import SharedFootage
from algr.data.doctor.pictures import Seen
from algr.data.findings import Finding, Severity, up_to_the_limit
from algr.data.identity import composed
from algr.data.words import MOST_PROBLEMS, counted


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
        first, second = (shown(name, source) for name in item.examples)
        is_apart = _are_apart(item, reading)
        how = "the same file" if item.is_exact else "the same picture"
        is_video = item.is_exact and not isinstance(one.pictures, ImageFiles)
        what = "picture" if item.is_exact else "sampled picture"
        common = "a whole video" if is_video else counted(item.pictures, what)
        if is_apart:
            severity: Severity = "refused" if item.is_exact else "warning"
            who = f"subjects {one.subject} and {other.subject}"
            if reading.layout == "clinic":
                who = "two patients"  # whose ids belong in no message that may be kept
            message = (
                f"{who} have the same pictures, in {one.name} and {other.name}: {common} ({how}, "
                f"for instance {second}); one person under two names would be trained and tested "
                "on: take one of the copies out of the source"
            )
        else:
            severity = "note"
            message = f"{common} stands in {other.name} too ({how}, for instance {second})"
        findings.append(
            Finding(
                severity=severity,
                code="subject_twice" if is_apart else "picture_twice",
                message=message,
                file=first,
                count=item.pictures,
            )
        )
    return up_to_the_limit(findings)


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
