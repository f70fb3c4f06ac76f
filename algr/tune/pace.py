"""How long epochs take, and so which of them still fits into what a command may use.

Time comes in as a function, so that nothing here waits for a clock.
"""

from statistics import median

from algr.tune.limits import Budget


class Pace:
    """The epochs of a search's trials, as far as they are known.

    A trial's next epoch is expected to take as long as its last one. A trial that has none yet is
    judged by the median over all trials, so that a single slow one decides about nobody else.

    Args:
        budget: What the command may use.
    """

    def __init__(self, budget: Budget) -> None:
        self.clock = budget.clock
        self._budget = budget
        self._last_s: dict[int, float] = {}
        """By trial."""
        self._due: dict[int, float] = {}
        """When the epoch that a running trial is in should be over."""

    def observe(self) -> None:
        """Count the time that has gone by for the trials that run."""
        self._budget.observe(len(self._due))

    def begin(self, number: int) -> None:
        """A trial begins its first epoch here."""
        self.observe()
        self._due[number] = self.clock() + self._last_s.get(number, self._typical_s)

    def note(self, number: int, epoch_s: float) -> None:
        """A trial has finished an epoch, and is in its next one from now on."""
        self._last_s[number] = epoch_s
        self._due[number] = self.clock() + epoch_s

    def end(self, number: int) -> None:
        """A trial runs no more."""
        self.observe()
        self._due.pop(number, None)

    def refusal(self, number: int | None = None) -> str | None:
        """Which limit forbids the next epoch of a trial, or a new trial's first one.

        GPU-hours are kept back for the epochs that other trials are in.

        Args:
            number: Of a running trial; None for a new one.
        """
        self.observe()
        now = self.clock()
        others_s = sum(max(due - now, 0.0) for one, due in self._due.items() if one != number)
        epoch_s = self._typical_s if number is None else self._last_s.get(number, self._typical_s)
        return self._budget.refusal(epoch_s, others_s=others_s)

    def reached(self) -> str | None:
        """Which limit is reached now."""
        self.observe()
        return self._budget.refusal(0.0)

    @property
    def _typical_s(self) -> float:
        return median(self._last_s.values()) if self._last_s else 0.0
