"""How many epochs a search will train, before anything is trained.

Assumption: trials come in random order, and one that is better after an epoch is better after every
epoch. Then only the pruner's rule and the number of trials decide. Real curves cross, and the first
trials of an asynchronous search meet few others: real searches train more.
"""

import random
from dataclasses import dataclass

import optuna

from algr.config import TuneConfig
from algr.tune.strategies import build_pruner

ASSUMPTION = (
    "trials come in random order, and a trial that is better after one epoch is better after all"
)
_COURSES = 5
_MOST_TRIALS = 100


@dataclass(frozen=True)
class EpochForecast:
    """Epochs of one trial."""

    most: int
    """Of a trial that nothing stops."""
    expected: float
    """Mean over the trials of a search, with the pruner."""

    @property
    def share(self) -> float:
        """Of the epochs that are trained although weak trials are stopped."""
        return self.expected / self.most


def forecast_epochs(tune: TuneConfig, *, num_epochs: int, trials: int) -> EpochForecast:
    """Play the search with the pruner's own rule on constant curves in random order."""
    if tune.pruner == "none" or trials < 1:
        return EpochForecast(num_epochs, float(num_epochs))
    played = min(trials, _MOST_TRIALS)
    counts = [
        _play(tune, num_epochs=num_epochs, trials=played, seed=seed) for seed in range(_COURSES)
    ]
    return EpochForecast(num_epochs, sum(counts) / (_COURSES * played))


def _play(tune: TuneConfig, *, num_epochs: int, trials: int, seed: int) -> int:
    draw = random.Random(seed)  # noqa: S311 - not a secret
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        direction="maximize",
        pruner=build_pruner(tune),
        sampler=optuna.samplers.RandomSampler(seed=seed),
    )
    epochs = 0
    for _ in range(trials):
        trial, value = study.ask(), draw.random()
        for step in range(1, num_epochs + 1):
            trial.report(value, step)
            epochs += 1
            if trial.should_prune():
                break
        study.tell(trial, value)
    optuna.logging.set_verbosity(before)
    return epochs
