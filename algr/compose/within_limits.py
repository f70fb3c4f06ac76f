"""How far a search would come within its limits, from what it would cost."""

import math
from dataclasses import dataclass
from typing import Any

from algr.tune import Limits


@dataclass(frozen=True)
class LimitForecast:
    """Where the limits of a command would end its search."""

    by: str
    """The option that would come first; empty where the search would be over before."""
    trials: int
    """About how many would have ended by then, those of earlier commands among them."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {"by": self.by or None, "trials": self.trials}


def forecast_limits(
    limits: Limits, *, now: float, hours: float, gpu_hours: float, start_hours: float, trials: int
) -> LimitForecast | None:
    """What the limits mean for a search; None where there are none.

    Args:
        limits: Of the command.
        now: When it starts, in seconds since 1970.
        hours: That what is missing takes by the clock, the start among them.
        gpu_hours: The same, for which trials hold GPUs.
        start_hours: Until the first trial begins.
        trials: Missing.
    """
    shares = []
    if limits.ends_at is not None:
        has, needs = (limits.ends_at - now) / 3600 - start_hours, hours - start_hours
        shares.append((_share(has, needs), limits.ends_because))
    if limits.gpu_hours is not None:
        option = f"--max-gpu-hours {limits.gpu_hours:g}"
        shares.append((_share(limits.gpu_hours, gpu_hours), option))
    if not shares:
        return None
    share, by = min(shares)
    return LimitForecast("" if share >= 1 else by, math.floor(trials * share))


def _share(has: float, needs: float) -> float:
    return 1.0 if needs <= 0 else min(max(has / needs, 0.0), 1.0)
