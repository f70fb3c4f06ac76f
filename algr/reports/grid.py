"""A table of words: as text for a terminal, and as Markdown."""

from collections.abc import Sequence
from dataclasses import dataclass

_GAP = "  "


@dataclass(frozen=True)
class Grid:
    """A table whose first column is aligned left and the others right.

    Attributes:
        title: Above it.
        headings: One per column.
        lines: One cell per column.
    """

    title: str
    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        assert all(len(line) == len(self.headings) for line in self.lines), self.headings

    @property
    def width(self) -> int:
        """Characters of the widest line of the text."""
        return max(len(line) for line in self.to_text().splitlines()[1:])

    def to_text(self) -> str:
        """Aligned columns."""
        rows = (self.headings, *self.lines)
        widths = [max(len(row[place]) for row in rows) for place in range(len(self.headings))]
        return "\n".join([self.title, *(_aligned(row, widths) for row in rows)])

    def to_markdown(self) -> str:
        """A pipe table under its title."""
        rule = ("---", *("---:" for _ in self.headings[1:]))
        body = "\n".join(_piped(row) for row in (self.headings, rule, *self.lines))
        return f"**{self.title}**\n\n{body}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [row[0].ljust(widths[0])]
    cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
    return _GAP.join(cells).rstrip()


def _piped(row: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"
