"""What a user can put right, each kind with its exit code.

A message says what was found, what was expected and what to do next. Defects of algr itself are
ordinary exceptions and `assert`s; they never come from this module.
"""

from collections.abc import Sequence
from typing import ClassVar


class AlgrError(Exception):
    """A problem that the user can mend.

    Args:
        found: What was found, naming the key, file or option that the user typed.
        expected: What would have been right.
        advice: What to do next.
        problems: Single findings, when one input has several; shown one per line.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        found: str,
        *,
        expected: str = "",
        advice: str = "",
        problems: Sequence[str] = (),
    ) -> None:
        self.found = found
        self.expected = expected
        self.advice = advice
        self.problems = tuple(problems)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The whole text, one finding per line."""
        lines = [self.found]
        lines += [f"  - {problem}" for problem in self.problems]
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.advice:
            lines.append(f"  to do: {self.advice}")
        return "\n".join(lines)

    @property
    def reason(self) -> str:
        """What was found, with all problems; not what to do."""
        return "; ".join([self.found, *self.problems])

    @property
    def in_one_line(self) -> str:
        """The whole text for a table or a list, its parts told apart by signs."""
        told = "; ".join(self.problems)
        parts = [f"{self.found}: {told}" if told else self.found]
        parts += [f"expected {self.expected}"] if self.expected else []
        parts += [f"to do: {self.advice}"] if self.advice else []
        return " ".join("; ".join(parts).split())

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by keyword, so that an error crosses process borders whole."""
        return (_rebuild, (type(self), self.found, self.expected, self.advice, self.problems))


def _rebuild(
    kind: type[AlgrError], found: str, expected: str, advice: str, problems: tuple[str, ...]
) -> AlgrError:
    return kind(found, expected=expected, advice=advice, problems=problems)


class UsageError(AlgrError):
    """A wrong option or argument."""

    exit_code = 2


class ConfigError(AlgrError):
    """A wrong configuration or search space."""

    exit_code = 3


class DataError(AlgrError):
    """A missing or wrong source, dataset, landmark file or video."""

    exit_code = 4


class StudyError(AlgrError):
    """A study or run that cannot be resumed as asked."""

    exit_code = 5


class TrackingError(AlgrError):
    """A tracking server or model registry that refuses or does not answer."""

    exit_code = 6


class ClusterError(AlgrError):
    """A Ray cluster that cannot be reached or used."""

    exit_code = 7


class IntegrityError(AlgrError):
    """A file whose size or checksum is not the recorded one."""

    exit_code = 8


class Interrupted(AlgrError):  # noqa: N818 - not a defect: the user stopped it
    """Stopped by the user; what was finished is kept and can be resumed."""

    exit_code = 130
