"""Findings as they are collected while a source is read: each kind up to a limit, then a count."""

import math
from collections import Counter, defaultdict
from pathlib import Path

from algr.data.findings import Finding, Severity
from algr.data.words import MOST_PROBLEMS


class Collector:
    """Takes findings one by one.

    Args:
        source: Folder that the places of findings are relative to.
        limit: How many findings of one code are kept one by one.
    """

    def __init__(self, source: Path, *, limit: int = MOST_PROBLEMS) -> None:
        self._source = source
        self._limit = limit
        self._kept: dict[tuple[str, Severity], list[Finding]] = defaultdict(list)
        self._hidden = Counter[tuple[str, Severity]]()
        self._hidden_count = Counter[tuple[str, Severity]]()

    def refuse(
        self, code: str, message: str, *, at: Path | None = None, line: int | None = None
    ) -> None:
        """Nothing can be prepared until this is mended."""
        self._add("refused", code, message, at=at, line=line, count=1)

    def warn(
        self,
        code: str,
        message: str,
        *,
        at: Path | None = None,
        line: int | None = None,
        count: int = 1,
    ) -> None:
        """Something is left out or in doubt."""
        self._add("warning", code, message, at=at, line=line, count=count)

    def note(self, code: str, message: str, *, at: Path | None = None, count: int = 1) -> None:
        """Worth knowing."""
        self._add("note", code, message, at=at, line=None, count=count)

    def place(self, path: Path) -> str:
        """A path as messages name it: below the source, in one line."""
        try:
            relative = path.relative_to(self._source)
        except ValueError:
            relative = Path(path.name)
        text = relative.as_posix()
        return "" if text == "." else one_line(text)

    @property
    def is_refused(self) -> bool:
        """Whether anything was refused yet."""
        return any(severity == "refused" for _, severity in self._kept)

    def all(self) -> tuple[Finding, ...]:
        """The gravest first; what is beyond the limit of a code is one finding with the total."""
        order: dict[Severity, int] = {"refused": 0, "warning": 1, "note": 2}
        findings: list[Finding] = []
        for (code, severity), kept in sorted(
            self._kept.items(), key=lambda item: order[item[0][1]]
        ):
            findings += kept
            hidden = self._hidden[code, severity]
            if hidden:
                total = hidden + len(kept)
                findings.append(
                    Finding(
                        severity=severity,
                        code=code,
                        message=f"and {hidden} more like the one above, {total} in all",
                        count=self._hidden_count[code, severity],
                    )
                )
        return tuple(findings)

    def _add(
        self,
        severity: Severity,
        code: str,
        message: str,
        *,
        at: Path | None,
        line: int | None,
        count: int,
    ) -> None:
        key = (code, severity)
        if len(self._kept[key]) >= self._limit:
            self._hidden[key] += 1
            self._hidden_count[key] += count
            return
        self._kept[key].append(
            Finding(
                severity=severity,
                code=code,
                message=message,
                file=self.place(at) if at else "",
                line=line,
                count=count,
            )
        )


def without_name(text: str, path: Path) -> str:
    """A message without the file's name before it, for a place that names the file already."""
    return text.removeprefix(f"{path.name}: ")


def one_line(text: str) -> str:
    """The text with line breaks and other control characters spelt out."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def share(part: int, whole: int) -> str:
    """A share in words that never says 100 % of what is not all of it."""
    if not whole:
        return "0 %"
    percent = 100 * part / whole
    if part < whole:
        percent = min(percent, 99.9)
    return f"{percent:.1f} %" if not math.isclose(percent, round(percent)) else f"{percent:.0f} %"
