"""Small words of messages: numbers with their nouns, and lists that end."""

from collections.abc import Sequence

MOST_PROBLEMS = 40
"""As many of a kind are told one by one, wherever problems are listed; then their number."""


def limited(problems: Sequence[str]) -> list[str]:
    """The first problems, and how many more there are."""
    hidden = len(problems) - MOST_PROBLEMS
    return [*problems[:MOST_PROBLEMS], *([f"and {hidden} more"] if hidden > 0 else [])]


def counted(count: int, noun: str, plural: str = "") -> str:
    """`1 patient`, `2 patients`; `plural` where an s does not do.

    Args:
        count: How many.
        noun: In the singular.
        plural: In the plural.
    """
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
