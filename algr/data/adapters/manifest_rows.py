"""`manifest.csv` of pictures and videos, line by line."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from algr.data.adapters.collect import Collector, one_line
from algr.data.adapters.tables import LabelParser, Line, au_name, read_lines, whole_number
from algr.data.grades import EXPECTED_GRADE, parse_grade
from algr.data.inside import ADVICE, EXPECTED, goes_outside
from algr.data.manifest import meant_name
from algr.data.rows import UNKNOWN
from algr.data.words import counted

COLUMNS = ("file", "subject", "group", "frame", "time_s", "landmarks", "grade_hb")
REQUIRED = ("file", "subject")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One frame of the manifest."""

    line: int
    file: str
    subject: str
    group: str
    frame: int | None
    time_s: float
    """NaN where it is not given."""
    landmarks: str
    labels: tuple[int, ...]
    grade_hb: int
    is_whole: bool = True
    """Whether file, subject and frame can be used; only then is the line a frame."""
    is_frame_read: bool = True
    """The cell of the frame is right, or empty."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """The manifest."""

    label_names: tuple[str, ...]
    """Empty where it holds grades."""
    has_frames: bool
    rows: tuple[Row, ...]


def read_table(
    path: Path, *, wanted: Sequence[str] | None, parser: LabelParser, findings: Collector
) -> Table | None:
    """Read the manifest; None where its first line is wrong.

    Args:
        path: The file.
        wanted: Action units to take; None: all columns that name one.
        parser: Counts missing codes.
        findings: Takes what is wrong.
    """
    lines = read_lines(path, findings=findings, is_needed=True)
    if lines is None:
        return None
    header = [name.lower() for name in lines[0].cells]
    titles = [au_name(name) if name.startswith("au") else name for name in header]
    first = lines[0].number
    labels = _labels(titles, wanted=wanted, at=path, line=first, findings=findings)
    if not _is_right(titles, header, labels=labels, at=path, line=first, findings=findings):
        return None
    place = {title: titles.index(title) for title in (*COLUMNS, *labels) if title in titles}
    reader = _Reader(place, labels=labels, parser=parser, at=path, findings=findings)
    rows = [row for line in lines[1:] if (row := reader.row(line, width=len(titles)))]
    return Table(label_names=labels, has_frames="frame" in place, rows=tuple(rows))


def _labels(
    titles: Sequence[str],
    *,
    wanted: Sequence[str] | None,
    at: Path,
    line: int,
    findings: Collector,
) -> tuple[str, ...]:
    known = {title for title in titles if title.startswith("AU")}
    if wanted is None:
        return tuple(sorted(known, key=lambda title: int(title[2:])))
    absent = [name for name in wanted if name not in known]
    if absent:
        findings.refuse(
            "label_column",
            f"has no column {', '.join(absent)}; choose with --labels among those that it has: "
            f"{', '.join(sorted(known, key=lambda title: int(title[2:]))) or 'none'}",
            at=at,
            line=line,
        )
    return tuple(wanted)


def _is_right(
    titles: Sequence[str],
    header: Sequence[str],
    *,
    labels: Sequence[str],
    at: Path,
    line: int,
    findings: Collector,
) -> bool:
    wrong = [
        f"column {title!r} stands there {count} times"
        for title, count in Counter(titles).items()
        if count > 1 and title
    ]
    absent = [name for name in COLUMNS if name not in titles]
    for title, name in zip(titles, header, strict=True):
        if not title or title in COLUMNS or title.startswith("AU"):
            if not title and name:
                wrong.append(f"column {one_line(name)!r} names no action unit")
            continue
        meant = meant_name(title, absent)
        if meant:
            wrong.append(f"unknown column {one_line(name)!r}; did you mean {meant!r}?")
            absent.remove(meant)
        else:
            findings.warn(
                "unknown_column", f"column {one_line(name)!r} is not known and not used", at=at
            )
    wrong += [f"column {name!r} is missing" for name in REQUIRED if name in absent]
    has_grades = "grade_hb" in titles
    if labels and has_grades:
        wrong.append("has action units and grade_hb; expected one of them")
    if not labels and not has_grades:
        wrong.append("has neither columns AU1, AU2, … nor grade_hb")
    for problem in wrong:
        findings.refuse("manifest_header", problem, at=at, line=line)
    missing = [name for name in labels if name not in titles]
    return not wrong and not missing


class _Reader:
    def __init__(
        self,
        place: dict[str, int],
        *,
        labels: Sequence[str],
        parser: LabelParser,
        at: Path,
        findings: Collector,
    ) -> None:
        self._place = place
        self._labels = labels
        self._parser = parser
        self._at = at
        self._findings = findings

    def row(self, line: Line, *, width: int) -> Row | None:
        """The frame of a line; None, with a finding, where it cannot be read."""
        if len(line.cells) < width or any(line.cells[width:]):
            self._wrong(
                line,
                f"{counted(len(line.cells), 'cell')} under {counted(width, 'column')}; a text with "
                "a comma stands in quotes",
            )
            return None
        text = {name: line.cells[place] for name, place in self._place.items()}
        file = str(PurePosixPath(text["file"].replace("\\", "/"))) if text["file"] else ""
        empty = [name for name in REQUIRED if not text[name]]
        if empty:
            self._wrong(line, f"{' and '.join(empty)}: empty")
        is_outside = self._goes_outside("file", file, line=line)
        landmarks = text.get("landmarks", "").replace("\\", "/")
        if self._goes_outside("landmarks", landmarks, line=line):
            landmarks = ""
        frame = self._frame(text.get("frame", ""), line=line)
        is_frame_read = frame is not None or not text.get("frame", "")
        return Row(
            line=line.number,
            file="" if is_outside else file,
            is_whole=not empty and not is_outside and is_frame_read,
            is_frame_read=is_frame_read,
            subject=text["subject"],
            group=text.get("group", ""),
            frame=frame,
            time_s=self._seconds(text.get("time_s", ""), line=line),
            landmarks=landmarks,
            labels=tuple(
                self._parser.value(text[name], at=self._at, line=line.number, what=name)
                for name in self._labels
            ),
            grade_hb=self._grade(text.get("grade_hb", ""), line=line),
        )

    def _goes_outside(self, column: str, name: str, *, line: Line) -> bool:
        if not goes_outside(name):
            return False
        self._wrong(line, f"{column}: {one_line(name)!r}; expected {EXPECTED}: {ADVICE}")
        return True

    def _frame(self, cell: str, *, line: Line) -> int | None:
        number = whole_number(cell) if cell else None
        if cell and (number is None or number < 0):
            self._wrong(line, f"frame: {one_line(cell)!r}; expected a whole number from 0")
            return None
        return number

    def _seconds(self, cell: str, *, line: Line) -> float:
        if not cell:
            return math.nan
        try:
            value = float(cell)
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= 0):
            self._wrong(line, f"time_s: {one_line(cell)!r}; expected seconds, 0 or more")
        return value

    def _grade(self, cell: str, *, line: Line) -> int:
        if not cell:
            return UNKNOWN
        grade = parse_grade(cell)
        if grade is None:
            self._wrong(line, f"grade_hb: {one_line(cell)!r}; expected {EXPECTED_GRADE}")
        return UNKNOWN if grade is None else grade

    def _wrong(self, line: Line, problem: str) -> None:
        self._findings.refuse("manifest_line", problem, at=self._at, line=line.number)
