"""What a search optimises: recorded validation scores, and what a configuration costs."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from algr.errors import UsageError

Direction = Literal["maximize", "minimize"]

VALIDATION = "val/"
COSTS = ("parameters", "latency_ms", "train_seconds")
"""Weights of the network; milliseconds for one image on the trial's device; seconds of training and
scoring over all folds. All are to be small."""
_TO_BE_SMALL = ("loss", "landmark_error", "landmark_failure")


@dataclass(frozen=True)
class Objective:
    """One figure of a trial."""

    name: str
    """`val/METRIC`, or one of `COSTS`."""

    @property
    def direction(self) -> Direction:
        """Whether larger or smaller is better."""
        is_cost = self.name in COSTS or self.name.removeprefix(VALIDATION) in _TO_BE_SMALL
        return "minimize" if is_cost else "maximize"

    @property
    def is_score(self) -> bool:
        """Whether it is a validation score, which every epoch has."""
        return self.name.startswith(VALIDATION)

    @property
    def metric(self) -> str:
        """Name of the score within a fold's validation scores."""
        assert self.is_score, self.name
        return self.name.removeprefix(VALIDATION)

    def better(self, value: float, other: float) -> bool:
        """Whether the first value is strictly better."""
        return value > other if self.direction == "maximize" else value < other

    def key(self, value: float) -> float:
        """A number that is larger for better values."""
        return value if self.direction == "maximize" else -value


HEADLINE = Objective(f"{VALIDATION}headline")
"""Stands for the headline where its name does not matter: larger is better."""


def recorded_objectives(identity: Mapping[str, Any]) -> tuple[Objective, ...]:
    """The objectives of a study, from what its `study.json` holds."""
    return tuple(Objective(name) for name in identity.get("objectives", ())) or (HEADLINE,)


def parse_objectives(
    texts: Sequence[str], *, headline: str, metrics: Sequence[str]
) -> tuple[Objective, ...]:
    """The objectives as they were typed; the headline where none was.

    Args:
        texts: `val/METRIC`, `METRIC`, or a cost.
        headline: The score that is optimised by default.
        metrics: The scores that an epoch of this dataset has.

    Raises:
        UsageError: Unknown names, one name twice, or a cost in the first place; all together.
    """
    names = [
        text if text in COSTS or text.startswith(VALIDATION) else VALIDATION + text
        for text in texts
    ] or [VALIDATION + headline]
    known = [*(VALIDATION + metric for metric in metrics), *COSTS]
    problems = []
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            problems.append(f"{name}: unknown" + (f"; did you mean {near[0]!r}?" if near else ""))
    problems += [f"{name}: given twice" for name in dict.fromkeys(names) if names.count(name) > 1]
    if names[0] in COSTS:
        problems.append(f"{names[0]}: a cost cannot come first, since the first one names the best")
    if problems:
        raise UsageError(
            "--objective: " + ("1 problem" if len(problems) == 1 else f"{len(problems)} problems"),
            problems=problems,
            expected=f"of: {', '.join(known)}",
        )
    return tuple(Objective(name) for name in names)


def pareto_front(
    values: Mapping[int, Sequence[float]], objectives: Sequence[Objective]
) -> tuple[int, ...]:
    """Numbers of the trials that no other one beats in one objective and equals in the rest."""
    keys = {
        number: [one.key(value) for one, value in zip(objectives, row, strict=True)]
        for number, row in values.items()
    }

    def is_beaten(mine: list[float]) -> bool:
        return any(
            other != mine and all(theirs >= own for theirs, own in zip(other, mine, strict=True))
            for other in keys.values()
        )

    return tuple(sorted(number for number, mine in keys.items() if not is_beaten(mine)))
