"""What stands in the place of a `manifest.csv` that can be read: most often a workbook."""

from pathlib import Path

from algr.data.adapters.collect import one_line
from algr.data.adapters.folders import list_folder
from algr.data.manifest import MANIFEST_FILE
from algr.data.presence import ABSENT, why_no_file
from algr.data.text_files import EXPORT, encoding_problem, is_utf16

_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers")
_LOCK = "~$"
"""Begins the names of files that Excel puts beside an open workbook."""


def manifest_problem(source: Path, *, any_workbook: bool = False) -> str:
    """Why the manifest is no text, or which file may be meant; empty where nothing tells.

    Args:
        source: The folder.
        any_workbook: The only workbook of the folder is meant, whatever its name.
    """
    try:
        data = (source / MANIFEST_FILE).read_bytes()
    except OSError:
        return _meant(source, any_workbook=any_workbook)
    if is_utf16(data) or _is_text(data):
        return ""
    return f"{MANIFEST_FILE} {encoding_problem(data)}"


def why_unrecognised(source: Path) -> str:
    """What is wrong with the manifest of a folder that has no layout; empty where nothing is."""
    problem = manifest_problem(source)
    absent = why_no_file(source / MANIFEST_FILE)
    if problem or absent == ABSENT:
        return problem
    found = absent or _why_unread(source / MANIFEST_FILE)
    return f"{MANIFEST_FILE} {found}" if found else ""


def _why_unread(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return "" if data.decode("utf-8-sig", errors="replace").strip() else "is empty"


def _is_text(data: bytes) -> bool:
    try:
        return "\0" not in data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False


def _meant(source: Path, *, any_workbook: bool) -> str:
    try:
        names = list_folder(source).files
    except OSError:
        return ""
    for name in names:
        if name.lower() == MANIFEST_FILE:
            return f"{name} has another spelling; rename it to {MANIFEST_FILE}"
    books = [
        name for name in names if name.lower().endswith(_WORKBOOKS) and not name.startswith(_LOCK)
    ]
    stem = Path(MANIFEST_FILE).stem
    meant = [name for name in books if Path(name).stem.lower() == stem]
    meant = meant or (books if any_workbook else [])
    if len(meant) != 1:
        return ""
    return f"{one_line(meant[0])} is a workbook, which is not read; {EXPORT}, as {MANIFEST_FILE}"
