"""When a search must end: hours, GPU-hours, a point in time.

Time comes in as a function, so that nothing here waits for a clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from algr.errors import UsageError

Clock = Callable[[], float]
"""Seconds since 1970."""

_HOUR_S = 3600.0


@dataclass(frozen=True)
class Limits:
    """What a command may use, from its start on."""

    ends_at: float | None = None
    """Seconds since 1970."""
    ends_because: str = ""
    """The option that says so, for people."""
    gpu_hours: float | None = None
    """Devices times the time for which trials hold them."""
    gpu_hours_before: float = 0.0
    """Used by earlier searches of the same command."""

    def over(self, now: float) -> str | None:
        """The option by which the time is over; None if it is not."""
        return self.ends_because if self.ends_at is not None and now >= self.ends_at else None


def settle_limits(
    *,
    max_hours: float | None,
    max_gpu_hours: float | None,
    deadline: str | None,
    now: float,
) -> Limits:
    """The limits of a command that starts now; the earlier end holds.

    Args:
        max_hours: From now on.
        max_gpu_hours: Spent by this command.
        deadline: ISO 8601; without a zone in local time.
        now: Seconds since 1970.

    Raises:
        UsageError: A limit is no number above 0, or the deadline cannot be read or has passed.
    """
    problems = [
        f"{option} {value:g}: is not above 0"
        for option, value in (("--max-hours", max_hours), ("--max-gpu-hours", max_gpu_hours))
        if value is not None and not value > 0
    ]
    ends: list[tuple[float, str]] = []
    if max_hours is not None:
        ends.append((now + max_hours * _HOUR_S, f"--max-hours {max_hours:g}"))
    if deadline is not None:
        try:
            at = datetime.fromisoformat(deadline).timestamp()
        except ValueError:
            problems.append(f"--deadline {deadline}: is no ISO date, as 2026-05-01T08:00")
        else:
            ends.append((at, f"--deadline {deadline}"))
            if at <= now:
                problems.append(f"--deadline {deadline}: has passed")
    if problems:
        raise UsageError("limits that cannot hold", problems=problems)
    ends_at, because = min(ends, default=(None, ""))
    return Limits(ends_at, because, max_gpu_hours)


class Budget:
    """What is left of the limits while trials run.

    Args:
        limits: Of the command.
        gpus_per_trial: What a running trial holds.
        clock: The time.
    """

    def __init__(self, limits: Limits, *, gpus_per_trial: float, clock: Clock) -> None:
        self.clock = clock
        self._limits, self._gpus = limits, gpus_per_trial
        self._seen_at = clock()
        self._gpu_s = 0.0

    @property
    def gpu_hours(self) -> float:
        """Used by the trials of this search, as far as it was observed."""
        return self._gpu_s / _HOUR_S

    def observe(self, running: int) -> None:
        """Count the time since the last call for the trials that ran in it."""
        now = self.clock()
        self._gpu_s += max(now - self._seen_at, 0.0) * running * self._gpus
        self._seen_at = now

    def refusal(self, epoch_s: float, *, others_s: float = 0.0) -> str | None:
        """Which limit an epoch that begins now would reach; None if it fits.

        Args:
            epoch_s: Of the epoch; 0 for what is reached already.
            others_s: What the epochs under way in other trials still take, added up.
        """
        limits = self._limits
        if (because := limits.over(self.clock() + epoch_s)) is not None:
            return because
        before_s = limits.gpu_hours_before * _HOUR_S
        spent_s = before_s + self._gpu_s + (epoch_s + others_s) * self._gpus
        if limits.gpu_hours is not None and spent_s >= limits.gpu_hours * _HOUR_S:
            return f"--max-gpu-hours {limits.gpu_hours:g}"
        return None


def iso(seconds: float) -> str:
    """A point in time as it is stored."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
