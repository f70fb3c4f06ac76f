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
    TrialDiedError,
    TrialEpoch,
    TrialRunner,
    TrialSpec,
    free_memory,
)
from algr.engine import FoldFailedError, is_out_of_memory
from algr.errors import AlgrError, ConfigError
from algr.tune import contradiction, is_finite

REPORT = "report"
SPEC = "spec"


@dataclass(frozen=True)
class StepReport:
    """What one step found: an epoch, why the trial failed, or why the search has to stop."""

    is_last: bool
    """Whether the trial ends by itself; Tune's own `done` is also set when it is stopped."""
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
        self._let_go()
        free_memory()
        self._spec = new_config[SPEC]
        return True

    def step(self) -> dict[str, Any]:
        """The next epoch; `done` after the last one or a failure."""
        try:
            report = self._next_epoch()
        except FoldFailedError as error:
            report = StepReport(is_last=True, failure=error.found)
        except ConfigError as error:
            report = StepReport(is_last=True, failure=contradiction(error))
        except AlgrError as error:
            report = StepReport(is_last=True, error=error)
        except TrialDiedError as error:
            report = StepReport(is_last=True, failure=str(error))
        except Exception as error:
            judged = self._judge(error)
            if judged is None:
                raise
            report = judged
        return {REPORT: report, "done": report.is_last}

    def cleanup(self) -> None:
        """Let go of the trial."""
        self._let_go()

    def _let_go(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()

    def _next_epoch(self) -> StepReport:
        if self._runner is None:
            self._runner = self._factory(self._spec)
        epoch = self._runner.step()
        undefined = [name for name, value in epoch.figures.items() if not is_finite(value)]
        if not is_finite(epoch.value) or undefined:
            which = "the validation score" if not undefined else ", ".join(undefined)
            failure = f"epoch {epoch.epoch}: {which} is undefined"
            return StepReport(is_last=True, failure=failure)
        return StepReport(is_last=self._runner.is_finished, epoch=epoch)

    def _judge(self, error: Exception) -> StepReport | None:
        """What the trial failed by; None if the process is of no further use."""
        if is_out_of_memory(error):  # for instance while the network is made
            size = self._spec.config.train.batch_size
            return StepReport(is_last=True, failure=f"out of memory with train.batch_size {size}")
        if is_device_lost(error):
            return None
        failure = f"{type(error).__name__}: {error}"
        return StepReport(is_last=True, failure=failure, trace=traceback.format_exc())


def is_device_lost(error: Exception) -> bool:
    """Whether the accelerator's context is broken, so that only a new process can go on."""
    return isinstance(error, RuntimeError) and "CUDA error" in str(error)
