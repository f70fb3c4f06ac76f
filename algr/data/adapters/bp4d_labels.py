"""Occurrence tables of BP4D: a header of action unit numbers, the frame first in each line."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from algr.data.adapters.collect import Collector, one_line
from algr.data.adapters.pictures import ranges_in_words
from algr.data.adapters.tables import (
    LabelParser,
    LabelTable,
    Line,
    au_name,
    read_lines,
    tell_cut,
    whole_number,
)
from algr.data.words import counted

_HIGHEST_CODED = 39
"""Columns of higher numbers are never coded in BP4D."""
_FLAG = ("0", "1")
_CELLS = {"0", "1", "9"}
"""Of a line of labels; a table without a header begins with one."""


@dataclass(frozen=True, kw_only=True)
class Bp4dLabels:
    """The table of one recording."""

    name: str
    path: Path
    table: LabelTable
    occluded: frozenset[int]
    """Frames that its flag has left out."""


def read_occurrence(
    path: Path,
    *,
    names: Sequence[str],
    has_occlusion_flag: bool,
    parser: LabelParser,
    findings: Collector,
) -> Bp4dLabels | None:
    """Read one table; None, with a finding, where it cannot be used.

    Args:
        path: Such as F001_T1.csv.
        names: Action units to take.
        has_occlusion_flag: The FERA 2015 variant: a last column that is no action unit says 1
            where the face is occluded.
        parser: Counts missing codes over all files.
        findings: Takes what is wrong.
    """
    lines = read_lines(path, findings=findings)
    if lines is None:
        return None
    header = lines[0]
    columns = header_columns(header, names=names, at=path, findings=findings)
    if columns is None:
        return None
    body = lines[1:]
    occluded: frozenset[int] = frozenset()
    if has_occlusion_flag and _is_flag(header, body):
        flagged = [line for line in body if _is_flagged(line, header)]
        occluded = frozenset(
            number for line in flagged if (number := whole_number(line.cells[0])) is not None
        )
        body = [line for line in body if not _is_flagged(line, header)]
    table = parser.table(body, at=path, columns=columns, width=len(header.cells))
    if not len(table.number_N):
        tell_cut(table, at=path, findings=findings)
        findings.warn("no_frames", "holds no frame that can be used", at=path)
        return None
    return Bp4dLabels(name=path.stem.upper(), path=path, table=table, occluded=occluded)


def report_gone(labels: Bp4dLabels, *, pictured: Collection[int] = (), findings: Collector) -> None:
    """Tell of frames without a row: those after the end of a cut table, and those within it.

    How far the coded segment went does not show in a table that is cut.

    Args:
        labels: Of the recording.
        pictured: Frames, as the labels number them, that have a picture; these are looked for.
        findings: Takes what is wrong.
    """
    table = labels.table
    first, last = int(table.number_N[0]), int(table.number_N[-1])
    known = labels.occluded | table.left_out | frozenset(table.number_N.tolist())
    lacking = sorted(set(pictured) - known)
    if table.cut:
        begin = last + 1 if table.cut.frame is None else table.cut.frame
        after = [number for number in lacking if number >= begin]
        these = f", at most {counted(len(after), 'frame')}: {ranges_in_words(after)} have a picture"
        findings.warn(
            "label_line",
            f"{table.cut.problem}: the table breaks off here; the rows from frame {begin} on are "
            "gone" + (these if after else ""),
            at=labels.path,
            line=table.cut.number,
            count=max(1, len(after)),
        )
    within = [number for number in lacking if first < number < last]
    is_meant = len(within) >= len(table.number_N) - 1  # every second frame, for instance
    if len(within) > table.unnumbered and not is_meant:
        findings.note(  # no warning, as three recordings of a full BP4D have gaps
            "label_rows",
            f"no row for {counted(len(within), 'frame')} with a picture, between frames that have "
            f"one: {ranges_in_words(within)}; not used",
            at=labels.path,
            count=len(within),
        )


def header_columns(
    header: Line, *, names: Sequence[str], at: Path, findings: Collector
) -> dict[str, int] | None:
    """The column of each action unit; None, with a finding, where the header does not tell."""
    titles = [au_name(cell) for cell in header.cells[1:]]
    if not any(titles) or set(header.cells[1:]) <= _CELLS:
        findings.warn(
            "label_header",
            f"begins with {one_line(','.join(header.cells[:4]))}; expected a line with the numbers "
            "of the action units, such as 0,1,2,4",
            at=at,
            line=header.number,
        )
        return None
    counts = Counter(title for title in titles if title in names)
    twice = [title for title in names if counts[title] > 1]
    absent = [title for title in names if not counts[title]]
    if twice:
        findings.refuse(
            "label_column_twice",
            f"has more than one column of {', '.join(twice)}; expected one each",
            at=at,
            line=header.number,
        )
    if absent:
        findings.refuse(
            "label_column",
            f"has no column of {', '.join(absent)}; choose with --labels among those that it has: "
            f"{', '.join(title for title in titles if title)}",
            at=at,
            line=header.number,
        )
    if twice or absent:
        return None
    return {name: titles.index(name) + 1 for name in names}


def _is_flag(header: Line, body: Sequence[Line]) -> bool:
    title = au_name(header.cells[-1])
    is_unit = bool(title) and int(title[2:]) <= _HIGHEST_CODED
    values = {line.cells[-1] for line in body if _is_whole(line, header)}
    return not is_unit and values <= set(_FLAG) and "1" in values


def _is_flagged(line: Line, header: Line) -> bool:
    return _is_whole(line, header) and line.cells[-1] == _FLAG[1]


def _is_whole(line: Line, header: Line) -> bool:
    return len(line.cells) >= len(header.cells)
