"""Label files: text, cells, and the codes that mean "not coded"."""

# Shape suffixes: N = frames of a file, A = action units that were asked for.

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.collect import Collector, one_line
from algr.data.rows import UNKNOWN
from algr.data.text_files import encoding_problem, table_form
from algr.data.words import counted

MISSING_CODES = {"9": "9", "-1": "-1", "999": "999", "": "empty", "nan": "empty"}
"""Spelling of "not coded" to the name under which it is counted."""
_AU_NAME = re.compile(r"(?:au)?[ _]?0*(\d{1,2})", re.IGNORECASE)
_MAX_FRAME = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a table."""

    number: int
    """1-based, in the file."""
    cells: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CutLine:
    """The last line of a table, where it has too few cells."""

    number: int
    """1-based, in the file."""
    frame: int | None
    """None where the number may be cut itself."""
    problem: str


@dataclass(frozen=True, kw_only=True)
class LabelTable:
    """Labels of one recording, by frame."""

    number_N: NDArray[np.int64]
    """Ascending."""
    values_NA: NDArray[np.int8]
    """As the file gives them, -1 where they are not coded."""
    cut: CutLine | None = None
    """Not told of yet."""
    left_out: frozenset[int] = frozenset()
    """Frames of lines that are left out, other than that."""
    unnumbered: int = 0
    """Lines that are left out as they name no frame."""


@dataclass(frozen=True, kw_only=True)
class ValueRule:
    """What a label cell may hold."""

    highest: int
    """0 to this."""
    advice: str = ""

    @property
    def expected(self) -> str:
        """For messages."""
        return f"0 to {self.highest}, or 9, -1, 999 or nothing where it is not coded"


def au_name(text: str) -> str:
    """`AU1` for 1, AU01, au_1; the empty text for what names no action unit."""
    matched = _AU_NAME.fullmatch(text.strip())
    return f"AU{int(matched[1])}" if matched and int(matched[1]) else ""


def read_text(path: Path, *, findings: Collector, is_needed: bool = False) -> str | None:
    """A text file; None, with a finding, if it cannot be read as one.

    Args:
        path: The file.
        findings: Takes what is wrong.
        is_needed: Without it nothing can be read.
    """
    tell = findings.refuse if is_needed else findings.warn
    try:
        data = path.read_bytes()
    except OSError as error:
        tell("file_unreadable", f"cannot be read ({error.strerror or error})", at=path)
        return None
    if not data.strip():
        found = "holds nothing but blanks" if data else "is empty"
        tell("file_empty", f"{found}; expected one line per frame", at=path)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        tell("file_encoding", encoding_problem(data), at=path)
        return None
    return text


def read_lines(path: Path, *, findings: Collector, is_needed: bool = False) -> list[Line] | None:
    """The lines of a table with commas, semicolons or tabs between its cells; see `read_text`."""
    tell = findings.refuse if is_needed else findings.warn
    text = read_text(path, findings=findings, is_needed=is_needed)
    if text is None:
        return None
    form = table_form(text)
    stream = io.StringIO(text, newline="")
    before = len([stream.readline() for _ in range(form.header_line - 1)])
    reader = csv.reader(stream, delimiter=form.delimiter)
    lines = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                stripped = tuple(cell.strip() for cell in cells)
                lines.append(Line(number=reader.line_num + before, cells=stripped))
    except csv.Error as error:
        tell("file_unreadable", f"{error}", at=path, line=reader.line_num + before)
        return None
    if not lines:
        tell("file_empty", "holds no cell; expected one line per frame", at=path)
        return None
    return lines


class LabelParser:
    """Turns the lines of label files into tables, counting the codes for "not coded".

    Args:
        rule: What a cell may hold.
        findings: Takes what is wrong.
    """

    def __init__(self, *, rule: ValueRule, findings: Collector) -> None:
        self.missing = Counter[str]()
        self._rule = rule
        self._findings = findings
        self._known: dict[str, int] = {}

    def table(
        self, lines: Sequence[Line], *, at: Path, columns: Mapping[str, int], width: int
    ) -> LabelTable:
        """The frames of a file.

        Args:
            lines: Without the header; the first cell is the frame's number.
            at: Path of the file.
            columns: Label to its column.
            width: Least number of cells per line.
        """
        numbers: list[int] = []
        rows: list[list[int]] = []
        place_of: dict[int, tuple[int, int]] = {}
        left_out: set[int] = set()
        unnumbered = 0
        cut: CutLine | None = None
        for line in lines:
            frame = whole_number(line.cells[0])
            problem = ""
            if frame is None or not 0 <= frame <= _MAX_FRAME:
                frame = None
                problem = f"{one_line(line.cells[0])!r} is no frame number"
            elif len(line.cells) < width:
                problem = f"{counted(len(line.cells), 'cell')}; expected {width}"
            if line is lines[-1] and frame is not None and problem:
                is_whole = len(line.cells) > 1
                cut = CutLine(
                    number=line.number, frame=frame if is_whole else None, problem=problem
                )
                continue
            if problem or frame is None:
                unnumbered += frame is None
                left_out |= set() if frame is None else {frame}
                self._findings.warn(
                    "label_line", f"{problem}; the line is left out", at=at, line=line.number
                )
                continue
            values = [
                self.value(line.cells[column], at=at, line=line.number, what=name)
                for name, column in columns.items()
            ]
            if frame in place_of:
                self._twice(frame, values, rows, place_of, at=at, line=line)
                continue
            place_of[frame] = (len(rows), line.number)
            numbers.append(frame)
            rows.append(values)
        number_N = np.asarray(numbers, np.int64)
        order = np.argsort(number_N, kind="stable")
        if (np.diff(number_N) < 0).any():
            self._findings.note("label_order", "the frames do not ascend; they were sorted", at=at)
        values_NA = np.asarray(rows, np.int8).reshape(-1, len(columns))
        return LabelTable(
            number_N=number_N[order],
            values_NA=values_NA[order],
            cut=cut,
            left_out=frozenset(left_out),
            unnumbered=unnumbered,
        )

    def value(self, cell: str, *, at: Path, line: int, what: str) -> int:
        """One label; -1, with a finding, for what is none."""
        known = self._known.get(cell)
        if known is None:
            known = self._known[cell] = self._judge(cell)
        if known >= 0:
            return known
        if known == _WRONG:
            self._findings.refuse(
                "label_value",
                f"{what}: {one_line(cell)!r} is no label; expected {self._rule.expected}"
                + (f". {self._rule.advice}" if self._rule.advice else ""),
                at=at,
                line=line,
            )
        else:
            self.missing[_name_of_missing(cell)] += 1
        return UNKNOWN

    def _judge(self, cell: str) -> int:
        if _name_of_missing(cell):
            return UNKNOWN
        number = whole_number(cell)
        return number if number is not None and 0 <= number <= self._rule.highest else _WRONG

    def _twice(
        self,
        frame: int,
        values: list[int],
        rows: Sequence[list[int]],
        place_of: Mapping[int, tuple[int, int]],
        *,
        at: Path,
        line: Line,
    ) -> None:
        place, first = place_of[frame]
        if rows[place] == values:
            self._findings.refuse(
                "frame_twice",
                f"frame {frame} stands in line {first} already, with the same labels; expected one "
                "line per frame: remove one of them",
                at=at,
                line=line.number,
            )
            return
        self._findings.refuse(
            "frame_contradicted",
            f"frame {frame} stands in line {first} already, with other labels; expected one line "
            "per frame: remove the wrong one",
            at=at,
            line=line.number,
        )


def tell_cut(table: LabelTable, *, at: Path, findings: Collector) -> None:
    """Warn of a last line that is left out."""
    if table.cut:
        findings.warn(
            "label_line",
            f"{table.cut.problem}; the line is left out",
            at=at,
            line=table.cut.number,
        )


_WRONG = -2


def _name_of_missing(cell: str) -> str:
    name = MISSING_CODES.get(cell.lower())
    if name is not None:
        return name
    number = whole_number(cell)
    return "" if number is None else MISSING_CODES.get(str(number), "")


def whole_number(cell: str) -> int | None:
    """The whole number that a cell holds, also where it is written 3.0."""
    if not cell.isascii() or "_" in cell or len(cell) > 20:
        return None
    try:
        value = float(cell)
    except ValueError:
        return None
    return int(value) if value.is_integer() and abs(value) < 1e15 else None
