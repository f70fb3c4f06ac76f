"""What workers of Ray Train do, with each step written down. Imports ray: see `session`."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from steps import StepLog

from algr.cv import FoldsJob
from algr.distributed import worker
from algr.distributed.mesh import Seat
from algr.engine import FoldProgress, FoldsRun

_work, _News = worker.work, worker._News


@dataclass(frozen=True)
class SteppingWork:
    """`work` of cross-validation, which tells each step to the log."""

    log: StepLog

    def __call__(self, config: dict[str, Any]) -> None:
        worker._News = partial(_TellAll, self.log.listener())
        _work(config)


@dataclass(frozen=True)
class SteppingSeats:
    """What the workers of a trial of several have: the engine, which tells each step to the log."""

    log: StepLog

    def __call__(self, job: FoldsJob, seat: Seat, **others: Any) -> FoldsRun:
        listener = self.log.listener(trial=int(job.run_directory.name))
        return worker.open_seat_run(job, seat, **{**others, "on_progress": listener})


class _TellAll(_News):
    def __init__(self, write_down: Callable[[FoldProgress], None], send: Callable) -> None:
        super().__init__(send)
        self._write_down = write_down

    def __call__(self, progress: FoldProgress) -> None:
        self._write_down(progress)
        super().__call__(progress)
