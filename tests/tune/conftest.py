"""A study without training: the value of an epoch is a formula."""

from collections.abc import Callable
from pathlib import Path

import pytest

from algr.config import Config, SearchSpace, with_values
from algr.tune import StudyIdentity, StudyStore, TrialRecord, open_study

EPOCHS = 9


def curve(params, epoch: int) -> float:
    """Rises to a level that is highest at learning rate 0.02 and scale 0.16."""
    rate, scale = params["train.learning_rate"], params["model.region_scale"]
    level = 0.9 - 20 * abs(rate - 0.02) - 3 * abs(scale - 0.16)
    return round(level * (1 - 0.5 ** (epoch + 1)) - 0.01 * (epoch == EPOCHS - 1), 6)


def drive(store: StudyStore) -> None:
    """Run the study to its end, one trial at a time, each from its first epoch."""
    while (trial := store.take()) is not None:
        for epoch in range(EPOCHS):
            is_last = epoch == EPOCHS - 1
            prune = store.report(trial.number, epoch=epoch, value=curve(trial.params, epoch))
            if is_last:
                store.complete(trial.number, seconds=1.0)
            elif prune:
                store.prune(trial.number, seconds=0.5)
                break


@pytest.fixture
def space() -> SearchSpace:
    return SearchSpace.model_validate(
        {
            "parameters": {
                "train.learning_rate": {"type": "float", "low": 1e-3, "high": 1e-1, "log": True},
                "model.region_scale": {"type": "float", "low": 0.08, "high": 0.25},
            },
            "enqueue": [{"train.learning_rate": 0.01, "model.region_scale": 0.14}],
        }
    )


@pytest.fixture
def identity(space: SearchSpace) -> StudyIdentity:
    config = with_values(Config(), {"train.num_epochs": EPOCHS, "tune.startup_trials": 3})
    return StudyIdentity(config=config, space=space, folds_hash="f" * 64, fingerprint="d" * 64)


@pytest.fixture
def run_study(identity: StudyIdentity) -> Callable[..., tuple[TrialRecord, ...]]:
    def run(directory: Path, *, trials: int = 8, resume: bool = False):
        with open_study(
            directory, identity=identity, dataset="toy", trials=trials, resume=resume
        ) as store:
            drive(store)
            return store.records()

    return run
