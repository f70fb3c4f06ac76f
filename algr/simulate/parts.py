"""Who is in a simulated copy of a published data set, and numbers that make one."""

from typing import Literal

from algr.data.published import NUM_PARTS, PUBLISHED_PARTS
from algr.errors import UsageError

DataSet = Literal["bp4d", "disfa"]


def subject_names(dataset: DataSet, count: int) -> tuple[str, ...]:
    """The first subjects, taken in turn from the published parts: six have two of each.

    Within a part of BP4D women and men alternate for as long as there are both.
    """
    parts: list[list[str]] = [[] for _ in range(NUM_PARTS)]
    for subject, part in sorted(PUBLISHED_PARTS[dataset].items(), key=_turn_of):
        parts[part - 1].append(subject)
    rounds = range(max(map(len, parts)))
    in_turn = [part[turn] for turn in rounds for part in parts if turn < len(part)]
    return tuple(in_turn[:count])


def _turn_of(item: tuple[str, int]) -> tuple[int, str]:
    """Place among those of the same part and letter, then the name."""
    subject, part = item
    fellows = sorted(
        other
        for dataset in PUBLISHED_PARTS.values()
        for other, of in dataset.items()
        if of == part and other[0] == subject[0]
    )
    return fellows.index(subject), subject


def largest(dataset: DataSet) -> int:
    """Number of all subjects."""
    return len(PUBLISHED_PARTS[dataset])


def check_numbers(**limits: tuple[float, float, float]) -> None:
    """Refuse what makes no data set, all at once.

    Args:
        **limits: Name to the number that was asked for, the least and the largest one.

    Raises:
        UsageError: A number is outside.
    """
    problems = [
        f"{name}: {asked} is outside {least} to {most}"
        for name, (asked, least, most) in limits.items()
        if not least <= asked <= most
    ]
    if problems:
        raise UsageError("The simulation cannot be made as asked", problems=problems)
