"""Between Tune and the study: what runs next, what stops, what is told to whom.

Everything here is called by Tune in the driver's process, in one thread. Tune swallows what its
callbacks raise in places, so the conductor keeps the first error and asks for the end instead.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from ray.exceptions import ActorDiedError, RayActorError
from ray.tune import Callback, Stopper
from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import Searcher

from algr.config import Config, with_values
from algr.distributed.listener import SearchListener
from algr.distributed.runner import TrialSpec
from algr.distributed.trainable import REPORT, SPEC, StepReport
from algr.engine import check_buildable
from algr.errors import ClusterError, ConfigError, StudyError
from algr.tune import Halt, Pace, StartedTrial, StudyStore, asked, contradiction

logger = logging.getLogger(__name__)

_P = ParamSpec("_P")
_R = TypeVar("_R")

_SECONDS_BETWEEN_POLLS = 1.0

HOPELESS_AFTER = 3
"""Failures after which a search without any other result stops."""
HOPELESS_AFTER_UNTRAINED = 20
"""The same of trials whose values contradict each other, which cost nothing."""


@dataclass
class _UnderWay:
    """A trial that Tune runs."""

    number: int
    known_epochs: int
    """Noted by an earlier process, and told again."""
    begun_at: float
    told_epochs: int = 0
    seconds: float = 0.0
    """Of its epochs, over all folds."""
    earlier_s: float = 0.0
    """By the clock, of the epochs that an earlier process trained."""

    def wall_s(self, now: float) -> float:
        """From its begin to now, without the time for which nobody ran it."""
        return max(now - self.begun_at, 0.0) + self.earlier_s


class Conductor:
    """The course of one search.

    Args:
        store: The open study.
        config: The configuration that the trials vary.
        identity_of: Hash of what a configuration's numbers depend on.
        max_concurrent: Trials at once.
        listener: Told everything.
        pace: Which epochs fit into what the command may still use, and the time.
    """

    def __init__(
        self,
        store: StudyStore,
        *,
        config: Config,
        identity_of: Callable[[Config], str],
        max_concurrent: int,
        listener: SearchListener,
        pace: Pace,
    ) -> None:
        self.error: Exception | None = None
        """The first error of the driver's side, or what a worker asks the user to mend."""
        self.interrupted = False
        self.halt: Halt | None = None
        """Why no epoch of any trial may begin any more; those under way are finished."""
        self._store, self._config, self._identity_of = store, config, identity_of
        self._max_concurrent, self._listener = max_concurrent, listener
        self._pace = pace
        self._refusal = ""
        """Of the last epoch that did not fit, by the limit that it would have reached."""
        self._polled_at = 0.0
        self._left: set[str] = set()
        self._running: dict[str, _UnderWay] = {}
        self._deaths: dict[str, str] = {}

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        """Tune writes its parts to a file from which nothing is ever restored: leave nothing."""
        return (_nothing, ())

    @property
    def must_stop(self) -> bool:
        """Whether no trial may go on."""
        return self.error is not None

    @property
    def ended_early(self) -> Halt | None:
        """Why the search has ended before its trials did, if it did."""
        if self.halt is None and self._refusal and not self._store.is_complete:
            return Halt("limit", self._refusal)
        return self.halt

    def poll(self) -> None:
        """Look at the clock and for a request; called between any two events.

        What runs on at a limit is cut off: its last checkpoint holds.
        """
        if reason := self._pace.reached():
            self.halt = self.halt or Halt("limit", reason)
            self.interrupted = True
        elif self.halt is None and time.monotonic() - self._polled_at >= _SECONDS_BETWEEN_POLLS:
            self._polled_at = time.monotonic()
            self.halt = asked(self._store.directory)

    def next_trial(self, trial_id: str) -> dict[str, Any] | str | None:
        """Tune's configuration of the next trial; None to wait, FINISHED at the end."""
        if len(self._running) >= self._max_concurrent:
            return None
        if self.halt is not None or not self._store.has_more:
            return str(Searcher.FINISHED)
        if not self._fits():  # GPU-hours that are kept for running trials may be left over
            return None if self._running else str(Searcher.FINISHED)
        while (started := self._store.take()) is not None:
            self._listener.on_trial_start(started.number, started.params)
            try:
                spec = self._spec(started)
            except ConfigError as error:
                reason = contradiction(error)
                record = self._store.fail(started.number, reason=reason, seconds=0.0)
                self._listener.on_trial_end(record)
                self._check_hope()
                continue
            self._pace.begin(started.number)
            self._running[trial_id] = _UnderWay(started.number, started.epochs, self._pace.clock())
            return {SPEC: spec}
        return str(Searcher.FINISHED)

    def on_report(self, trial_id: str, report: StepReport) -> bool:
        """Note what a step found.

        Returns:
            Whether the trial goes no further: the study's pruner stops it, its next epoch would
            not end within the limits, or the search ends.
        """
        trial, found = self._running[trial_id], report.epoch
        number = trial.number
        if found is None or found.epoch < trial.told_epochs:
            return False  # told before its process died
        assert found.value is not None, "the worker reports a missing score as a failure"
        trial.told_epochs = found.epoch + 1
        trial.seconds += found.seconds
        wall_s = found.seconds if found.wall_s is None else found.wall_s
        if found.epoch < trial.known_epochs:
            trial.earlier_s += wall_s
        figures = {name: value for name, value in found.figures.items() if value is not None}
        prune = self._store.report(number, epoch=found.epoch, value=found.value, figures=figures)
        self._pace.note(number, wall_s)
        self._listener.on_epoch(number, found.epoch, found.value, found.folds)
        if prune or report.is_last:
            return prune
        if self.halt is None and self._fits(number):
            return False
        if self.halt is None:
            logger.info(
                "trial %d is left after %d epochs: its next one would not end before %s",
                *(number, trial.told_epochs, self._refusal),
            )
        self._left.add(trial_id)
        return True

    def on_end(self, trial_id: str, *, report: StepReport | None) -> None:
        """End a trial in the study, unless the search stops with it under way.

        Args:
            trial_id: Tune's name of the trial.
            report: Of its last step; None if its process died too often.
        """
        if trial_id not in self._running:
            return
        if report is not None and report.error is not None:
            self.error = self.error or report.error
            return
        if trial_id in self._left:
            self._left.remove(trial_id)
            self._pace.end(self._running.pop(trial_id).number)
            return
        if report is not None and report.is_last:
            self.on_report(trial_id, report)  # Tune does not ask the scheduler about the last one
        trial = self._running.pop(trial_id)
        self._pace.end(trial.number)
        number, seconds, wall_s = trial.number, trial.seconds, trial.wall_s(self._pace.clock())
        if report is None or report.failure:
            reason = report.failure if report else self._deaths.get(trial_id, "its process died")
            if report and report.trace:
                reason += f" (errors/{number}.txt in the study's folder)"
                write_trace(self._store.directory, number, report.trace)
            record = self._store.fail(number, reason=reason, seconds=seconds, wall_s=wall_s)
        elif report.is_last:
            record = self._store.complete(number, seconds=seconds, wall_s=wall_s)
        else:
            record = self._store.prune(number, seconds=seconds, wall_s=wall_s)
        self._listener.on_trial_end(record)
        self._check_hope()

    def on_death(self, trial: Trial) -> None:
        """Remember why a trial's process died, before `on_end` is called for it.

        Raises:
            ClusterError: The process could not even start, which no trial can change.
        """
        cause = trial.get_pickled_error()
        lines = str(cause).strip().splitlines() or ["unknown cause"]
        if isinstance(cause, ActorDiedError) and "creation task" in lines[0]:
            raise ClusterError(
                f"a worker cannot start: {lines[-1]}",
                expected="the same version of algr on every node of the cluster",
                advice="install it there, then repeat with --resume",
            )
        size = self._config.train.batch_size
        self._deaths[trial.trial_id] = (
            f"its process died {trial.num_failures} times; with train.batch_size {size} memory "
            "may be short"
            if cause is None or isinstance(cause, RayActorError)
            else f"its process failed {trial.num_failures} times: {lines[-1]}"
        )

    def guard(self, call: Callable[_P, _R], *, otherwise: _R) -> Callable[_P, _R]:
        """The call, such that its error ends the search instead of getting lost in Tune."""

        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            if self.must_stop:
                return otherwise
            try:
                return call(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - raised again by `run_search`
                self.error = error
                return otherwise

        return guarded

    def _fits(self, number: int | None = None) -> bool:
        """Whether the next epoch of a trial, or a new trial's first, would end within the limits.

        A trial that is left for that keeps its checkpoint; the others go on.
        """
        reason = self._pace.refusal(number)
        self._refusal = reason or self._refusal
        return reason is None

    def _spec(self, started: StartedTrial) -> TrialSpec:
        """What its worker gets.

        Raises:
            ConfigError: The trial's values contradict each other.
        """
        config = with_values(self._config, started.params)
        check_buildable(config, replicas=self._store.identity.replicas)
        return TrialSpec(
            number=started.number,
            config=config,
            checkpoint=self._store.checkpoint(started.number),
            identity=self._identity_of(config),
        )

    def _check_hope(self) -> None:
        ended = [
            record for record in self._store.records() if record.state not in ("RUNNING", "WAITING")
        ]
        if any(record.state != "FAIL" for record in ended):
            return
        trained = sum(not record.is_contradictory for record in ended)
        if trained < HOPELESS_AFTER and len(ended) < HOPELESS_AFTER_UNTRAINED:
            return
        raise StudyError(
            f"the first {len(ended)} trials all failed",
            problems=[f"trial {record.number}: {record.reason}" for record in ended],
            advice="mend the cause and begin another study with a new --name",
        )


def _nothing() -> None:
    """What a pickled conductor becomes."""


class StudySearcher(Searcher):  # type: ignore[misc]
    """Hands Tune the study's trials."""

    def __init__(self, conductor: Conductor) -> None:
        super().__init__()
        self._conductor = conductor

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        """The next trial's configuration."""
        return self._conductor.guard(self._conductor.next_trial, otherwise=None)(trial_id)

    def on_trial_complete(
        self,
        trial_id: str,
        result: dict[str, Any] | None = None,
        error: bool = False,  # noqa: FBT001, FBT002 - Tune's signature
    ) -> None:
        """A trial reached its end, was stopped, or lost its process for good."""
        report = None if error or not result else result.get(REPORT)
        self._conductor.guard(self._conductor.on_end, otherwise=None)(trial_id, report=report)

    def save(self, checkpoint_path: str) -> None:
        """Nothing: the study is the only truth."""

    def restore(self, checkpoint_path: str) -> None:
        """Nothing: see `save`."""


class StudyScheduler(FIFOScheduler):  # type: ignore[misc]
    """Asks the study's pruner after each epoch."""

    def __init__(self, conductor: Conductor) -> None:
        super().__init__()
        self._conductor = conductor

    def on_trial_result(
        self,
        tune_controller: Any,  # noqa: ARG002 - Tune's signature
        trial: Trial,
        result: dict[str, Any],
    ) -> str:
        """Stop or go on."""
        prune = self._conductor.guard(self._conductor.on_report, otherwise=False)(
            trial.trial_id, result[REPORT]
        )
        return str(TrialScheduler.STOP if prune else TrialScheduler.CONTINUE)

    def on_trial_error(
        self,
        tune_controller: Any,  # noqa: ARG002 - Tune's signature
        trial: Trial,
    ) -> None:
        """A trial lost its process for good."""
        self._conductor.guard(self._conductor.on_death, otherwise=None)(trial)


class EndOfSearch(Stopper):  # type: ignore[misc]
    """Ends all trials when the conductor says so."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    def __call__(self, *_: Any) -> bool:
        """Trials end by their own account."""
        return False

    def stop_all(self) -> bool:
        """Whether the search is over."""
        return self._conductor.must_stop


class CutOffError(Exception):
    """The search ends now, whatever runs: the user asked for it, or the time is over.

    Tune gives back its actors and what they hold after an error. After KeyboardInterrupt it would
    not (Ray 2.60): they would stay as long as the session.
    """


class Interruption(Callback):  # type: ignore[misc]
    """Ends the search between two steps, where nothing is half done."""

    def __init__(self, conductor: Conductor) -> None:
        self._conductor = conductor

    def on_step_begin(self, **_: Any) -> None:
        """Raise if the user asked to stop, or the time is over."""
        self._conductor.guard(self._conductor.poll, otherwise=None)()
        if self._conductor.interrupted:
            raise CutOffError


def write_trace(directory: Path, number: int, trace: str) -> None:
    """Keep the traceback of a failure that nobody foresaw."""
    file = directory / "errors" / f"{number}.txt"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(trace, encoding="utf-8")
