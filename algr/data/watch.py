"""What a preparation reports while it runs."""

import time
from collections.abc import Callable

from algr.data.summary import PrepareProgress, Stage

ProgressCallback = Callable[[PrepareProgress], None]
_SHOW_EVERY_S = 0.5


class Watch:
    """Turns counts into reports with an estimate of the time that is left.

    Args:
        report: Called with each report; None for none.
        videos_total: Recordings of the preparation.
    """

    def __init__(self, report: ProgressCallback | None, *, videos_total: int) -> None:
        self._report = report
        self._videos_total = videos_total
        self._started = time.monotonic()
        self._shown = -_SHOW_EVERY_S

    @property
    def elapsed_s(self) -> float:
        """Seconds since it was made."""
        return time.monotonic() - self._started

    def show(
        self,
        stage: Stage,
        *,
        videos: int,
        frames: int = 0,
        expected: int = 0,
        seconds_left: float | None = None,
        always: bool = False,
    ) -> None:
        """Report, but not more often than people can read."""
        now = self.elapsed_s
        if self._report is None or (not always and now - self._shown < _SHOW_EVERY_S):
            return
        self._shown = now
        self._report(
            PrepareProgress(
                stage=stage,
                videos_done=videos,
                videos_total=self._videos_total,
                frames_done=frames,
                frames_expected=max(expected, frames),
                elapsed_s=now,
                seconds_left=seconds_left,
            )
        )
