"""A source beside the published data set: subjects, parts, numbers of frames."""

from collections.abc import Collection, Mapping, Sequence

from algr.data.adapters.base import PublishedCounts, SourceReading
from algr.data.findings import Finding
from algr.data.words import counted

DISFA_PLUS_SUBJECTS = (
    "SN001",
    "SN003",
    "SN004",
    "SN007",
    "SN009",
    "SN010",
    "SN013",
    "SN025",
    "SN027",
)
"""All nine are in DISFA too."""
_SHOWN = 5


def published_findings(
    reading: SourceReading, *, parts: Mapping[str, Collection[str]]
) -> list[Finding]:
    """What differs from the published subjects, parts and counts.

    Args:
        reading: The source.
        parts: Published part to its subjects; empty where the layout has none.
    """
    subjects = {recording.subject for recording in reading.recordings}
    findings = []
    if parts:
        findings += _part_findings(subjects, parts)
    if reading.published is not None and reading.num_frames:
        findings += _count_findings(reading, reading.published, subjects=len(subjects))
    if reading.layout == "disfa" and subjects and subjects <= set(DISFA_PLUS_SUBJECTS):
        findings.append(
            Finding(
                severity="warning" if len(subjects) > 3 else "note",
                code="disfa_plus_subjects",
                message="all subjects are among the nine of DISFA+, who are in DISFA too; do not "
                "mix the two sets, or the same faces are trained and tested on",
                count=len(subjects),
            )
        )
    return findings


def _part_findings(
    subjects: Collection[str], parts: Mapping[str, Collection[str]]
) -> list[Finding]:
    known = {subject for members in parts.values() for subject in members}
    unknown = sorted(set(subjects) - known)
    findings = []
    if unknown:
        findings.append(
            Finding(
                severity="warning",
                code="unknown_subjects",
                message=f"{counted(len(unknown), 'subject')} in none of the published parts: "
                f"{_listed(unknown)}; with them the published folds cannot be used",
                count=len(unknown),
            )
        )
    for name, members in parts.items():
        there = set(members) & set(subjects)
        if not there:
            findings.append(
                Finding(
                    severity="warning",
                    code="empty_part",
                    message=f"no subject of {name} is here: the published folds cannot be used, "
                    "and others are drawn",
                    count=len(members),
                )
            )
    return findings


def _count_findings(
    reading: SourceReading, published: PublishedCounts, *, subjects: int
) -> list[Finding]:
    frames = reading.num_frames
    if (frames, subjects) == (published.frames, published.subjects):
        return []
    is_full = subjects >= published.subjects
    return [
        Finding(
            severity="note" if is_full and frames >= published.frames else "warning",
            code="published_counts" if is_full else "partial_copy",
            message=f"{frames} frames of {subjects} subjects; published are {published.frames} of "
            f"{published.subjects} ({published.source})" + ("" if is_full else ": a partial copy"),
            count=abs(frames - published.frames),
        )
    ]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
