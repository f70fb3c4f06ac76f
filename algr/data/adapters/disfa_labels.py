"""Intensities of DISFA, one file per action unit, and the frames that its tracker lost."""

# Shape suffixes: N = frames of a subject, A = action units that were asked for.

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.collect import Collector
from algr.data.adapters.folders import Folder, report_no_files
from algr.data.adapters.pictures import ranges_in_words
from algr.data.adapters.tables import LabelParser, LabelTable, read_lines, tell_cut
from algr.data.rows import UNKNOWN

FRAMES_PER_SUBJECT = 4845
SHORTER_SUBJECT = "SN010"
"""It has 4,844 frames."""

_TRACKER_ERRORS = """
SN001 398-420 3190-3243
SN002 800-826
SN004 4541-4555
SN006 1349-1405
SN009 1736-1808 1851-1885
SN011 4529-4533 4830-4845
SN021 574-616 985-1164 1190-1205 1305-1338 1665-1710 1862-2477 2554-4657 4710-4722
SN023 1021-1049 3378-3557 3584-3668 4547-4621 4741-4772 4825-4845
SN025 4596-4662 4816-4835
SN027 3461-3494 4738-4785
SN028 1875-1885 4571-4690
SN029 4090-4543
SN030 939-962 1406-1422 2100-2132 2893-2955
"""


def _intervals() -> dict[str, tuple[tuple[int, int], ...]]:
    intervals = {}
    for line in _TRACKER_ERRORS.strip().split("\n"):
        subject, *stretches = line.split()
        ends = [stretch.split("-") for stretch in stretches]
        intervals[subject] = tuple((int(first), int(last)) for first, last in ends)
    return intervals


TRACKER_ERRORS = _intervals()
"""Subject to 1-based frames, first and last, of the data set's own tracker error log."""


def frames_of(subject: str) -> int:
    """How many frames of a subject are labelled in a full copy."""
    return FRAMES_PER_SUBJECT - (subject == SHORTER_SUBJECT)


def is_tracker_error(subject: str, number_N: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(N,) whether the log names the frame."""
    errors_N = np.zeros(len(number_N), bool)
    for first, last in TRACKER_ERRORS.get(subject, ()):
        errors_N |= (number_N >= first) & (number_N <= last)
    return errors_N


@dataclass(frozen=True, kw_only=True)
class Intensities:
    """All label files of a subject."""

    table: LabelTable
    """By frame, as the files count."""
    from_0: tuple[str, ...]
    """Files that hold a frame 0."""
    from_1: tuple[str, ...]
    """Files that hold none."""


@dataclass(frozen=True, kw_only=True)
class _UnitFile:
    """The labels of one action unit."""

    name: str
    """Of the file."""
    table: LabelTable


def read_intensities(
    folder: Folder,
    *,
    subject: str,
    names: Sequence[str],
    parser: LabelParser,
    findings: Collector,
) -> Intensities | None:
    """The intensities of a subject, action unit by action unit; None where there are none.

    Frames that only some of the files have are not coded in the others.
    """
    files: dict[str, _UnitFile] = {}
    for name in names:
        file = _read_one(folder, subject=subject, name=name, parser=parser, findings=findings)
        if file:
            files[name] = file
    if not files:
        return None
    number_N = np.unique(np.concatenate([file.table.number_N for file in files.values()]))
    values_NA = np.full((len(number_N), len(names)), UNKNOWN, np.int8)
    for column, name in enumerate(names):
        if name not in files:
            continue
        table = files[name].table
        values_NA[np.searchsorted(number_N, table.number_N), column] = table.values_NA[:, 0]
        if len(table.number_N) < len(number_N):
            lacking = np.setdiff1d(number_N, table.number_N).tolist()
            findings.warn(
                "label_rows",
                f"{name}: {len(lacking)} of {len(number_N)} frames have no line, such as "
                f"{ranges_in_words(lacking)}; there it is not coded",
                at=folder.path,
                count=len(lacking),
            )
    begins_with_0 = {file.name: file.table.number_N[0] == 0 for file in files.values()}
    return Intensities(
        table=LabelTable(number_N=number_N, values_NA=values_NA),
        from_0=tuple(name for name, is_0 in begins_with_0.items() if is_0),
        from_1=tuple(name for name, is_0 in begins_with_0.items() if not is_0),
    )


def _read_one(
    folder: Folder, *, subject: str, name: str, parser: LabelParser, findings: Collector
) -> _UnitFile | None:
    pattern = re.compile(rf"{subject}_au0*{name[2:]}\.(?:txt|csv)", re.IGNORECASE)
    files = folder.matching_files(pattern)
    report_no_files(folder, are_meant=pattern.fullmatch, findings=findings)
    if not files:
        findings.warn(
            "label_file_missing",
            f"no {subject}_au{name[2:]}.txt: {name} is not coded for this subject",
            at=folder.path,
        )
        return None
    if len(files) > 1:
        findings.refuse(
            "label_file_twice",
            f"{' and '.join(files)} are both of {name}; expected one: remove the copy",
            at=folder.path,
        )
    path = folder.path / files[0]
    lines = read_lines(path, findings=findings)
    if lines is None:
        return None
    table = parser.table(lines, at=path, columns={name: 1}, width=2)
    tell_cut(table, at=path, findings=findings)
    if not len(table.number_N):
        findings.warn("no_frames", "holds no frame that can be used", at=path)
        return None
    return _UnitFile(name=files[0], table=table)
