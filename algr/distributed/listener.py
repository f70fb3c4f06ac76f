"""Who is told what a search does."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from algr.engine import FoldEpoch
from algr.tune import TrialRecord


class SearchListener(Protocol):
    """Told, in the driver's process, what the search does."""

    def on_begin(self) -> None:
        """The study is open, and nobody else works on it."""

    def on_trial_start(self, number: int, params: Mapping[str, Any]) -> None:
        """A trial begins, or one that an earlier process left goes on from its checkpoint."""

    def on_epoch(
        self, number: int, epoch: int, value: float | None, fold_epochs: Sequence[FoldEpoch]
    ) -> None:
        """An epoch of every fold is done.

        Each epoch is told once by each process: after a restart of the driver those before the
        checkpoint are told again, after the death of a worker they are not.
        """

    def on_trial_end(self, record: TrialRecord) -> None:
        """A trial is complete, pruned or failed."""
