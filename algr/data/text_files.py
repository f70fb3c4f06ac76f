"""Text as people save it: how a table is separated, and what is said of a file not in UTF-8."""

import codecs
import io
import re
from dataclasses import dataclass

_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP_MARK = b"PK\x03\x04"
_OLD_OFFICE_MARK = bytes.fromhex("d0cf11e0a1b11ae1")
_SPREADSHEET = b"application/vnd.oasis.opendocument.spreadsheet"
EXPORT = (
    'export it as "CSV UTF-8" (Excel: Save As; LibreOffice: Save As, Text CSV, character set UTF-8)'
)
"""What to do with a workbook."""
_WITHOUT_MARK = ("UTF-32LE", "UTF-32BE", "UTF-16LE", "UTF-16BE")
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w\s"]|\t)"?[,;\t]*', re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class TableForm:
    """How a table is written."""

    delimiter: str
    header_line: int
    """1-based: the first line with text, after the `sep=;` that Excel writes and reads."""


def table_form(text: str) -> TableForm:
    """Of a table whose cells stand between commas, semicolons, tabs or what `sep=` names."""
    delimiter = ""
    for number, line in enumerate(io.StringIO(text, newline=""), start=1):
        named = None if delimiter else _SEPARATOR_LINE.fullmatch(line.rstrip("\r\n"))
        if named:
            delimiter = named[1]
        elif line.strip():
            return TableForm(delimiter=delimiter or max(",;\t", key=line.count), header_line=number)
    return TableForm(delimiter=delimiter or ",", header_line=1)


def is_utf16(data: bytes) -> bool:
    """Whether the bytes are UTF-16 with its mark, as spreadsheets write it ("Unicode text")."""
    if not data.startswith(_UTF16_MARKS):
        return False
    try:
        return "\0" not in data.decode("utf-16")
    except UnicodeDecodeError:
        return False


def wide_encoding(data: bytes) -> str:
    """The name, as iconv knows it, of an encoding of two or four bytes a letter; or empty."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)) and _is_plain(data, "UTF-32"):
        return "UTF-32"
    if is_utf16(data):
        return "UTF-16"
    return next((name for name in _WITHOUT_MARK if _is_plain(data, name)), "")


def _is_plain(data: bytes, encoding: str) -> bool:
    """Whether the bytes are text that is ASCII for the most part, as tables are."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return "\0" not in text and sum(map(str.isascii, text)) > len(text) / 2


def workbook_kind(data: bytes) -> str:
    """Which program's workbook the bytes are, in words; empty where they are none."""
    if data.startswith(_OLD_OFFICE_MARK):
        return "a workbook of an old Excel (.xls)"
    if not data.startswith(_ZIP_MARK):
        return ""
    if _SPREADSHEET in data:
        return "a workbook of LibreOffice (.ods)"
    return "a workbook of Excel (.xlsx)" if b"xl/workbook" in data else ""


def encoding_problem(data: bytes) -> str:
    """What is wrong with bytes that are no UTF-8 text, and how they become some."""
    wide = wide_encoding(data)
    if wide:
        return (
            f'is {wide[:6]} text; expected UTF-8: save it as "CSV UTF-8", or convert it with '
            f"iconv -f {wide} -t UTF-8"
        )
    kind = workbook_kind(data)
    if kind:
        return f"is {kind}, whatever its name ends in; {EXPORT}"
    if data.startswith(_ZIP_MARK):
        return 'is a ZIP archive or an Excel workbook; save it again as plain text or "CSV UTF-8"'
    return (
        f"is not UTF-8 text (in line {_line_of_trouble(data)}); save it again as plain text or "
        '"CSV UTF-8"'
    )


def _line_of_trouble(data: bytes) -> int:
    """The line, from 1 on, in which the bytes stop to be text."""
    try:
        data.decode("utf-8-sig")
        at = data.find(b"\0")
    except UnicodeDecodeError as error:
        at = error.start
    return data.count(b"\n", 0, at) + 1
