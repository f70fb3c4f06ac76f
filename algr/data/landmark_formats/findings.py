"""What is wrong with a landmark file, all of it in one error."""

from pathlib import Path

import numpy as np

from algr.errors import DataError

_SHOWN = 10
_MAX_COORDINATE = float(np.finfo(np.float32).max)


class Findings:
    """Collects what is wrong with a file.

    Args:
        path: Of the file or folder.
        expected: What would have been right.
        advice: What to do.
    """

    def __init__(self, path: Path, *, expected: str, advice: str) -> None:
        self._path = path
        self._expected = expected
        self._advice = advice
        self._problems: list[str] = []

    def add(self, place: str, problem: str) -> None:
        """One more: where, and what."""
        self._problems.append(f"{place}: {problem}")

    def refuse(self, found: str) -> DataError:
        """The error of a file that is wrong as a whole."""
        return DataError(
            f"{self._path.name}: {found}", expected=self._expected, advice=self._advice
        )

    def check(self) -> None:
        """Raise a `DataError` if anything was found."""
        if not self._problems:
            return
        count, hidden = len(self._problems), len(self._problems) - _SHOWN
        more = [f"… and {hidden} more"] if hidden > 0 else []
        raise DataError(
            f"{self._path.name}: {count} wrong line{'' if count == 1 else 's'}",
            problems=self._problems[:_SHOWN] + more,
            expected=self._expected,
            advice=self._advice,
        )


def number_problem(name: str, text: str) -> str:
    """Why a cell is no coordinate, or the empty text. An empty cell or `nan` is one: unknown."""
    try:
        value = float(text or "nan")
    except ValueError:
        return f"{name}: {text!r} is not a number"
    return f"{name}: {text!r} is not a place" if abs(value) > _MAX_COORDINATE else ""


def coordinate(text: str) -> float:
    """The number of a cell without a problem."""
    return float(text or "nan")
