"""`manifest.csv` of a clinic, line by line: columns, cells, and all that is wrong with them."""

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from algr.data.grades import EXPECTED_GRADE, parse_grade
from algr.data.inside import ADVICE, EXPECTED, goes_outside
from algr.data.text_files import TableForm, encoding_problem, table_form
from algr.data.words import counted, limited
from algr.errors import DataError

T = TypeVar("T")

MANIFEST_FILE = "manifest.csv"
REQUIRED_COLUMNS = ("video", "patient_id", "grade_hb")
COLUMNS = (
    "video",
    "patient_id",
    "visit",
    "grade_hb",
    "rater",
    "affected_side",
    "exercise",
    "start_s",
    "end_s",
    "fps_override",
    "exclude_reason",
)
EXERCISES = (
    "rest",
    "raise_brow",
    "gentle_close",
    "tight_close",
    "scrunch",
    "smile_closed",
    "smile_open",
    "pucker",
    "lower_lip",
)
SIDES = ("left", "right", "both", "none")
_MAX_SLIPS = 2
_MAX_SHARE_OF_SLIPS = 0.4
EXPECTED_COLUMNS = f"the columns {', '.join(REQUIRED_COLUMNS)}, and if you like " + ", ".join(
    name for name in COLUMNS if name not in REQUIRED_COLUMNS
)


@dataclass(frozen=True, kw_only=True)
class ManifestRow:
    """One line of the manifest; an empty cell is None or the empty text."""

    line: int
    video: str
    """Path below the manifest's folder, with slashes."""
    patient_id: str
    visit: str
    grade_hb: int | None
    rater: str
    affected_side: str
    exercise: str
    start_s: float | None
    end_s: float | None
    fps_override: float | None
    exclude_reason: str
    unread: frozenset[str] = frozenset()
    """Columns whose cells are wrong, so that nothing follows from their being empty."""


@dataclass(frozen=True, kw_only=True)
class ManifestRows:
    """The lines of a manifest that can be read, and what is wrong with the others."""

    rows: tuple[ManifestRow, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]
    are_columns_wrong: bool


def read_rows(path: Path) -> ManifestRows:
    """Read a manifest; whatever is wrong with columns and lines is collected, not raised.

    Raises:
        DataError: The file cannot be read as text.
    """
    text = _text_of(path)
    form = table_form(text)
    problems: list[str] = []
    lines = _lines(text, form=form, problems=problems)
    first, titles = next(lines)
    header, warnings = _columns(path, titles, line=first, problems=problems)
    are_columns_wrong = bool(problems)
    rows: list[ManifestRow] = []
    for line, cells in lines:
        if any(cell.strip() for cell in cells):
            row, wrong = _parse(cells, header=header, line=line)
            problems += wrong
            rows += [row] if row else []
    return ManifestRows(
        rows=tuple(rows),
        problems=tuple(problems),
        warnings=tuple(warnings),
        are_columns_wrong=are_columns_wrong,
    )


def _text_of(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(
            f"{path.parent}: no {path.name}",
            expected=f"a table with the columns {', '.join(REQUIRED_COLUMNS)} and one line per "
            "recording",
            advice="write one, or name the folder that holds it with --source",
        ) from error
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror or error})") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DataError(f"{path.name}: {encoding_problem(data)}")
    if not text.strip():
        raise DataError(f"{path.name}: is empty; expected {EXPECTED_COLUMNS}")
    return text


def _lines(text: str, *, form: TableForm, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The cells of each line of the table, and the line of the file on which they begin.

    After a quote that is not closed, or a cell that is too long, reading goes on with the next
    line of the file. A first line of that kind is given without its quotes: it is the header.
    """
    all_lines = list(io.StringIO(text, newline=""))
    begin, delimiter = form.header_line, form.delimiter
    while begin <= len(all_lines):
        rest = io.StringIO("".join(all_lines[begin - 1 :]), newline="")
        reader = csv.reader(rest, delimiter=delimiter, strict=True)
        line = begin
        try:
            for cells in reader:
                yield line, cells
                line = begin + reader.line_num
        except csv.Error as error:
            last = begin + reader.line_num - 1
            quote = _open_quote(all_lines, first=line, last=last, delimiter=delimiter)
            found = f"the quote that opens here is not closed ({error})" if quote else str(error)
            problems.append(f"line {quote or line}: {found}")
            if line == form.header_line:
                yield line, all_lines[line - 1].replace('"', "").split(delimiter)
            begin = (quote or last) + 1
        else:
            return


def _open_quote(lines: Sequence[str], *, first: int, last: int, delimiter: str) -> int:
    """The line of the last quote that opens a cell in these lines; 0 if there is none."""
    opened, inside, before = 0, False, delimiter
    for number in range(first, last + 1):
        for letter in lines[number - 1]:
            if letter == '"' and inside:
                inside = False
            elif letter == '"' and before in (delimiter, "\n", "\r"):
                opened, inside = number, True
            elif letter == '"' and before == '"' and opened:
                inside = True
            before = letter
    return opened


def problems_error(path: Path, problems: Sequence[str], *, of_columns: bool) -> DataError:
    """The one error that tells all problems of a manifest."""
    return DataError(
        f"{path}: {counted(len(problems), 'problem')}",
        problems=limited(problems),
        expected=EXPECTED_COLUMNS if of_columns else "",
        advice="correct these lines; nothing was written",
    )


def _columns(
    path: Path, cells: Sequence[str], *, line: int, problems: list[str]
) -> tuple[tuple[str, ...], list[str]]:
    """The names of the columns, slips corrected so that the lines can be read, and warnings."""
    header = [name.strip().lower() for name in cells]
    problems += [
        f"line {line}: column {name!r} stands there {count} times"
        for name, count in Counter(header).items()
        if count > 1 and name
    ]
    absent = [name for name in COLUMNS if name not in header]
    warnings = []
    for place, name in enumerate(header):
        if not name or name in COLUMNS:
            continue
        meant = meant_name(name, absent)
        if meant:
            problems.append(f"line {line}: unknown column {name!r}; did you mean {meant!r}?")
            absent.remove(meant)
            header[place] = meant
        else:
            warnings.append(f"{path.name}: column {name!r} is not known and was ignored")
    problems += [
        f"line {line}: column {name!r} is missing" for name in REQUIRED_COLUMNS if name in absent
    ]
    return tuple(header), warnings


def meant_name(name: str, candidates: Sequence[str]) -> str:
    """The candidate that is one or two slips away; "date" is no slip of "rater"."""
    near = [
        (slips, known)
        for known in candidates
        if (slips := _slips(name, known)) <= _MAX_SLIPS
        and slips <= _MAX_SHARE_OF_SLIPS * min(len(name), len(known))
    ]
    return min(near)[1] if near else ""


def _slips(a: str, b: str) -> int:
    """Letters to change, add, drop or swap with their neighbour to make `a` into `b`."""
    before: list[int] = []
    current = list(range(len(b) + 1))
    for i, letter in enumerate(a, start=1):
        older, before = before, current
        current = [i]
        for j, other in enumerate(b, start=1):
            cost = min(before[j] + 1, current[-1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            current.append(cost)
    return current[-1]


@dataclass
class _Line:
    """The cells of a line by column, and what was found wrong while reading them."""

    line: int
    cells: dict[str, str]
    problems: list[str] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)

    def text(self, column: str) -> str:
        return self.cells.get(column, "")

    def required(self, column: str) -> str:
        if column in self.cells and not self.cells[column]:
            self.complain(f"{column}: empty")
        return self.text(column)

    def parsed(self, column: str, parse: Callable[[str], T | None], expected: str) -> T | None:
        cell = self.text(column)
        if not cell:
            return None
        value = parse(cell)
        if value is None:
            self.complain(f"{column}: {cell!r}; expected {expected}")
            self.unread.add(column)
        return value

    def complain(self, problem: str) -> None:
        self.problems.append(f"line {self.line}: {problem}")


def _parse(
    cells: Sequence[str], *, header: Sequence[str], line: int
) -> tuple[ManifestRow | None, list[str]]:
    if any(cell.strip() for cell in cells[len(header) :]) or len(cells) < len(header):
        found = f"line {line}: {counted(len(cells), 'cell')} under {counted(len(header), 'column')}"
        return None, [f"{found}; a text with a comma stands in quotes"]
    split = [
        f"line {line}: {name}: a line break in the cell; is the quote before it closed?"
        for name, cell in zip(header, cells, strict=False)
        if name in COLUMNS and "\n" in cell.strip().replace("\r", "\n")
    ]
    if split:
        return None, split
    source = _Line(
        line, {name: cell.strip() for name, cell in zip(header, cells, strict=False) if name}
    )
    row = ManifestRow(
        line=line,
        video=_below(source, _slashed(source.required("video"))),
        patient_id=source.required("patient_id"),
        visit=source.text("visit"),
        grade_hb=source.parsed("grade_hb", parse_grade, EXPECTED_GRADE),
        rater=source.text("rater"),
        affected_side=source.parsed("affected_side", _side, f"one of {', '.join(SIDES)}") or "",
        exercise=source.parsed("exercise", _exercise, f"one of {', '.join(EXERCISES)}") or "",
        start_s=source.parsed("start_s", _seconds, "seconds, 0 or more"),
        end_s=source.parsed("end_s", _seconds, "seconds, 0 or more"),
        fps_override=source.parsed("fps_override", _rate, "frames per second, more than 0"),
        exclude_reason=source.text("exclude_reason"),
    )
    is_start_read = "start_s" not in source.unread
    if is_start_read and row.end_s is not None and row.end_s <= (row.start_s or 0.0):
        source.complain(f"end_s: {row.end_s:g} is not after start_s, {row.start_s or 0:g}")
        source.unread.add("end_s")
    return replace(row, unread=frozenset(source.unread)), source.problems


def _below(source: _Line, video: str) -> str:
    """The path, or nothing where it goes out of the folder."""
    if not goes_outside(video):
        return video
    source.complain(f"video: {video!r}; expected {EXPECTED}: {ADVICE}")
    return ""


def _slashed(cell: str) -> str:
    return str(PurePosixPath(cell.replace("\\", "/"))) if cell else ""


def _side(cell: str) -> str | None:
    lowered = cell.lower()
    return next((side for side in SIDES if lowered in (side, side[0])), None)


def _exercise(cell: str) -> str | None:
    lowered = cell.lower().replace(" ", "_").replace("-", "_")
    return lowered if lowered in EXERCISES else None


def _number(cell: str) -> float | None:
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _seconds(cell: str) -> float | None:
    value = _number(cell)
    return value if value is not None and value >= 0 else None


def _rate(cell: str) -> float | None:
    value = _number(cell)
    return value if value is not None and 0 < value <= 1000 else None
