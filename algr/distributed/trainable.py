"""The Tune trainable of a search: reused from trial to trial, one epoch of every fold per step.

What a step finds is returned as a value; only a process that can no longer be used raises, and Tune
then runs the trial in a new one, from its checkpoint.
"""

import traceback
from dataclasses import dataclass
from typing import Any, Literal

from ray.tune import Trainable

from algr.distributed.runner import (
    RunnerFactory,
    TrialEpoch,
    TrialRunner,
    TrialSpec,
    free_memory,
)
from algr.engine import FoldFailedError
from algr.errors import AlgrError
from algr.tune import is_finite

REPORT = "report"
SPEC = "spec"


@dataclass(frozen=True)
class StepReport:
    """What one step found: an epoch, why the trial failed, or why the search has to stop."""

    epoch: TrialEpoch | None = None
    failure: str = ""
    """The trial has no result, for this reason."""
    trace: str = ""
    """Of a failure that nobody foresaw."""
    error: AlgrError | None = None
    """What the user has to mend."""


class SearchTrainable(Trainable):  # type: ignore[misc]
    """Runs one trial after the other; nothing of a trial stays for the next."""

    _factory: RunnerFactory
    _spec: TrialSpec
    _runner: TrialRunner | None

    def setup(self, config: dict[str, Any], factory: RunnerFactory) -> None:
        """Take the first trial."""
        self._factory = factory
        self._spec, self._runner = config[SPEC], None

    def reset_config(self, new_config: dict[str, Any]) -> Literal[True]:
        """Take another trial."""
        self._runner = None
        free_memory()
        self._spec = new_config[SPEC]
        return True

    def step(self) -> dict[str, Any]:
        """The next epoch; `done` after the last one or a failure."""
        try:
            report, is_last = self._next_epoch()
        except FoldFailedError as error:
            report, is_last = StepReport(failure=error.found), True
        except AlgrError as error:
            report, is_last = StepReport(error=error), True
        except MemoryError:
            size = self._spec.config.train.batch_size
            report = StepReport(failure=f"out of memory with train.batch_size {size}")
            is_last = True
        except Exception as error:
            if is_device_lost(error):
                raise
            report = StepReport(
                failure=f"{type(error).__name__}: {error}", trace=traceback.format_exc()
            )
            is_last = True
        return {REPORT: report, "done": is_last}

    def cleanup(self) -> None:
        """Let go of the trial."""
        self._runner = None

    def _next_epoch(self) -> tuple[StepReport, bool]:
        if self._runner is None:
            self._runner = self._factory(self._spec)
        epoch = self._runner.step()
        if not is_finite(epoch.value):
            return StepReport(failure=f"epoch {epoch.epoch}: the score is {epoch.value}"), True
        return StepReport(epoch=epoch), self._runner.is_finished


def is_device_lost(error: Exception) -> bool:
    """Whether the accelerator's context is broken, so that only a new process can go on."""
    return isinstance(error, RuntimeError) and "CUDA error" in str(error)
