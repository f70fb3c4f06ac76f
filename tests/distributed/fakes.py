"""Trials without training: the value of an epoch is a formula, and faults happen on order."""

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from algr.config import Config, SearchSpace, with_values
from algr.data import Fold, FoldPlan
from algr.distributed import SearchJob, TrialEpoch, TrialSpec
from algr.engine import FoldEpoch, FoldFailedError, FoldFailure
from algr.errors import DataError

EPOCHS = 6


def curve(config: Config, epoch: int) -> float:
    """Rises to a level that is highest at learning rate 0.02 and scale 0.16."""
    level = (
        0.9 - 8 * abs(config.train.learning_rate - 0.02) - 3 * abs(config.model.region_scale - 0.16)
    )
    return round(level * (1 - 0.5 ** (epoch + 1)), 9)


@dataclass
class FakeRunner:
    """Keeps its epochs in the checkpoint, as the engine does, and returns recorded ones again."""

    spec: TrialSpec
    faults: "FakeFactory"
    epoch: int = 0

    @property
    def is_finished(self) -> bool:
        return self.epoch == self.spec.config.train.num_epochs

    def step(self) -> TrialEpoch:
        recorded = self._recorded()
        if self.epoch < len(recorded):
            value = recorded[self.epoch]
        else:
            time.sleep(self.faults.seconds)
            self.faults.happen(self.spec, self.epoch)
            value = curve(self.spec.config, self.epoch)
            self._record([*recorded, value])
        self.epoch += 1
        folds = tuple(
            FoldEpoch(fold, self.epoch - 1, {"loss": 1.0}, {"f1_macro": value}, 0.5)
            for fold in range(3)
        )
        return TrialEpoch(self.epoch - 1, value, 1.5, folds)

    def _recorded(self) -> list[float]:
        if not self.spec.checkpoint.exists():
            return []
        tree = json.loads(self.spec.checkpoint.read_text())
        assert tree["identity"] == self.spec.identity
        return tree["values"]

    def _record(self, values: list[float]) -> None:
        file = self.spec.checkpoint
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".part")
        temporary.write_text(json.dumps({"identity": self.spec.identity, "values": values}))
        temporary.replace(file)


@dataclass(frozen=True)
class FakeFactory:
    """Makes fake runners.

    Args:
        seconds: Of an epoch.
        log: A line `NUMBER EPOCH PID` is added for each epoch that is trained.
        fault: What happens in epoch `at[1]` of trial `at[0]`.
        times: How often it happens.
    """

    seconds: float = 0.0
    log: Path | None = None
    fault: str = ""
    at: tuple[int, int] = (-1, -1)
    times: int = 1

    def __call__(self, spec: TrialSpec) -> FakeRunner:
        return FakeRunner(spec, self)

    def happen(self, spec: TrialSpec, epoch: int) -> None:
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{spec.number} {epoch} {os.getpid()}\n")
        is_here = (spec.number, epoch) == self.at or (self.at[0] < 0 and epoch == self.at[1])
        if not self.fault or not is_here:
            return
        match self.fault:
            case "killed":
                assert self.log is not None
                so_far = self.log.read_text().splitlines()
                tries = sum(line.startswith(f"{spec.number} {epoch} ") for line in so_far)
                if tries <= self.times:
                    os.kill(os.getpid(), signal.SIGKILL)
            case "diverged":
                failure = FoldFailure(1, epoch, 3, "diverged", "the training loss is not finite")
                raise FoldFailedError(failure)
            case "memory":
                raise MemoryError
            case "data":
                raise DataError("a shard is missing", advice="prepare the dataset again")
            case "defect":
                raise ZeroDivisionError("a defect")


@dataclass
class Diary:
    """A listener that remembers."""

    starts: list
    epochs: list
    ends: list

    @classmethod
    def empty(cls) -> "Diary":
        return cls([], [], [])

    def on_trial_start(self, number, params) -> None:
        self.starts.append((number, dict(params)))

    def on_epoch(self, number, epoch, value, fold_epochs) -> None:
        assert [entry.fold for entry in fold_epochs] == [0, 1, 2]
        self.epochs.append((number, epoch, value))

    def on_trial_end(self, record) -> None:
        self.ends.append(record)


def fake_plan() -> FoldPlan:
    names = tuple("abcdef")
    folds = tuple(
        Fold(index=index, train=names[3:], validation=(), test=(names[index],))
        for index in range(3)
    )
    return FoldPlan(
        dataset="toy",
        kind="grade",
        fingerprint="d" * 64,
        protocol="honest",
        seed=0,
        folds=folds,
    )


def search_job(directory: Path, *, trials: int | None, resume: bool = False, **values) -> SearchJob:
    space = SearchSpace.model_validate(
        {
            "parameters": {
                "train.learning_rate": {"type": "float", "low": 1e-3, "high": 1e-1, "log": True},
                "model.region_scale": {"type": "float", "low": 0.08, "high": 0.25},
            },
            "enqueue": [{"train.learning_rate": 0.01, "model.region_scale": 0.14}],
        }
    )
    config = with_values(
        Config(),
        {"train.num_epochs": EPOCHS, "tune.startup_trials": 3}
        | {key.replace("__", "."): value for key, value in values.items()},
    )
    return SearchJob(
        config=config,
        space=space,
        plan=fake_plan(),
        dataset_directory=directory.parent / "none",
        study_directory=directory,
        trials=trials,
        max_concurrent=1,
        resume=resume,
    )
