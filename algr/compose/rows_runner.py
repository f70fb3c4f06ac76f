"""Trains the rows of a comparison, one after the other, and what is not trained again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from algr.compose.requests import EpochDisplay, Material
from algr.compose.rows import (
    ComparedRow,
    PlannedRow,
    RowOutcome,
    read_failure,
    write_failure,
)
from algr.compose.training import run_folds
from algr.config import DataHome
from algr.cv import FoldsExecutor, Numerics, read_finished, write_run_files
from algr.engine import FoldFailedError
from algr.errors import Interrupted
from algr.tracking import RunHandle, Tracker


class ComparisonDisplay(Protocol):
    """Shows a comparison while it runs."""

    def on_row_start(self, row: ComparedRow, *, place: int, of: int) -> None:
        """A row begins, or goes on; `place` counts from 1."""

    def epochs(self, title: str, num_epochs: int, headline: str) -> EpochDisplay:
        """The display of the epochs of the row that has begun."""

    def on_row_end(self, outcome: RowOutcome, *, place: int, of: int, is_new: bool) -> None:
        """A row is over; one that an earlier command finished is not new."""


@dataclass(frozen=True, kw_only=True)
class RowsRunner:
    """Cross-validates rows, one after the other, as children of the study's run."""

    material: Material
    home: DataHome
    tracker: Tracker
    executor: FoldsExecutor
    display: ComparisonDisplay
    study: RunHandle
    has_session: bool
    """Whether workers can be asked how they compute; not where nothing is left to train."""

    def run(self, planned: Sequence[PlannedRow]) -> tuple[RowOutcome, ...]:
        """Train what an earlier command has not finished; a row that fails is an outcome.

        Raises:
            StudyError: The name of a row's run belongs to other settings.
        """
        outcomes = []
        folds = [fold.index for fold in self.material.plan.folds]
        for place, one in enumerate(planned, start=1):
            outcome = earlier_outcome(
                one,
                material=self.material,
                home=self.home,
                numerics=self.executor.numerics(one.config, folds) if self.has_session else None,
            )
            is_new = outcome is None
            if outcome is None:
                self.display.on_row_start(one.row, place=place, of=len(planned))
                outcome = self._run_row(one)
            self.display.on_row_end(outcome, place=place, of=len(planned), is_new=is_new)
            outcomes.append(outcome)
        return tuple(outcomes)

    def _run_row(self, planned: PlannedRow) -> RowOutcome:
        directory = self.home.run(planned.run)
        failure = None
        try:
            run_folds(
                self.material,
                config=planned.config,
                home=self.home,
                name=planned.run,
                tracker=self.tracker,
                executor=self.executor,
                display=self.display.epochs,
                start=planned.start,
                parent=self.study,
            )
        except FoldFailedError as error:
            failure = error.failure
            if failure.kind == "diverged":
                write_failure(directory, failure)
        except Interrupted as error:
            study_name = planned.run.removesuffix(f"-{planned.row.name}")
            raise Interrupted(
                error.found, advice=f"go on with the same command and --resume --name {study_name}"
            ) from None
        finished = read_finished(directory)
        return RowOutcome(row=planned.row, run=planned.run, finished=finished, failure=failure)


def earlier_outcome(
    planned: PlannedRow, *, material: Material, home: DataHome, numerics: Numerics | None = None
) -> RowOutcome | None:
    """What an earlier command made of a row; None if it is not finished.

    A row that diverged would diverge again, so that counts; one that ran out of memory may not.

    Raises:
        StudyError: The run of that name has other settings.
    """
    directory = home.run(planned.run)
    finished, failure = read_finished(directory), read_failure(directory)
    if finished is None and failure is None:
        return None
    write_run_files(directory, config=planned.config, plan=material.plan, numerics=numerics)
    return RowOutcome(row=planned.row, run=planned.run, finished=finished, failure=failure)
