"""What was noticed about a source: values that are collected, counted and shown together."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from algr.data.words import MOST_PROBLEMS

Severity = Literal["refused", "warning", "note"]
Verdict = Literal["ready", "warnings", "refused"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was noticed.

    Attributes:
        severity: "refused": nothing can be prepared until it is mended; "warning": something is
            left out or in doubt; "note": worth knowing.
        code: Of the kind of finding, for programs: lower case with underscores, never changed.
        message: What was found, and where it matters what was expected and what to do.
        file: Relative to the source; empty for the source as a whole.
        line: 1-based, where there is one.
        count: How many frames, files or subjects it is about.
    """

    severity: Severity
    code: str
    message: str
    file: str = ""
    line: int | None = None
    count: int = 1

    def text(self) -> str:
        """One line for people: place, then message."""
        place = self.file if self.line is None else f"{self.file}: line {self.line}"
        return f"{place}: {self.message}" if place else self.message

    def to_dict(self) -> dict[str, Any]:
        """Plain values; what does not apply is left out."""
        values = asdict(self)
        return {name: value for name, value in values.items() if value not in ("", None)}


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """The gravest of the findings as a verdict on the source."""
    severities = {finding.severity for finding in findings}
    if "refused" in severities:
        return "refused"
    return "warnings" if "warning" in severities else "ready"


def up_to_the_limit(findings: Sequence[Finding]) -> list[Finding]:
    """The first of each kind in their order; of the others their number, as one more finding."""
    told: list[Finding] = []
    seen: Counter[tuple[Severity, str]] = Counter()
    hidden: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in findings:
        kind = finding.severity, finding.code
        seen[kind] += 1
        if seen[kind] <= MOST_PROBLEMS:
            told.append(finding)
        else:
            hidden.setdefault(kind, []).append(finding)
    for (severity, code), rest in hidden.items():
        told.append(
            Finding(
                severity=severity,
                code=code,
                message=f"and {len(rest)} more like those above, {seen[severity, code]} in all",
                count=sum(finding.count for finding in rest),
            )
        )
    return told
