"""House-Brackmann grades as clinics write them."""

import re
from collections.abc import Sequence

_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6}
_RANGE = re.compile(r"(\w+)\s*[-–—‐‑]\s*(\w+)")
_OUT_OF_SIX = re.compile(r"(\w+)\s*/\s*(?:6|VI)")
_DECIMAL = re.compile(r"([1-6])[.,](0|5)0*")
EXPECTED_GRADE = '1-6, I-VI, a neighbouring pair such as "II–III" (the upper counts), or "3/6"'


def parse_grade(text: str) -> int | None:
    """The House-Brackmann grade 1-6 of a cell, or None if it is none.

    "II–III" and "2.5" are the upper grade, "3/6" is 3, and "3.0" (a spreadsheet's doing) is 3.
    """
    cell = text.strip().upper()
    if match := _OUT_OF_SIX.fullmatch(cell):
        return _single(match[1])
    if match := _DECIMAL.fullmatch(cell):
        return _in_range(int(match[1]) + (match[2] == "5"))
    if match := _RANGE.fullmatch(cell):
        low, high = _single(match[1]), _single(match[2])
        return high if low and high and high == low + 1 else None
    return _single(cell)


def _single(cell: str) -> int | None:
    if cell in _ROMAN:
        return _ROMAN[cell]
    return _in_range(int(cell)) if cell.isascii() and cell.isdecimal() and len(cell) < 4 else None


def _in_range(grade: int) -> int | None:
    return grade if 1 <= grade <= 6 else None


def consensus(grades: Sequence[int]) -> int:
    """Median of the raters, halves upward."""
    ordered = sorted(grades)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle] + 1) // 2
