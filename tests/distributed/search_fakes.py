"""Trials without training: the value of an epoch is a formula, and faults happen on order."""

import json
import math
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from algr.config import Config, SearchSpace, with_values
from algr.cv import FoldsJob
from algr.data import Fold, FoldPlan
from algr.distributed import SearchJob, TrialEpoch, TrialSpec
from algr.distributed.mesh import Seat
from algr.engine import Checkpoint, FoldEpoch, FoldFailedError, FoldFailure
from algr.errors import DataError
from algr.tune import TrialRecord, open_study

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
            self.faults.happen(self.spec, self.epoch)
            time.sleep(self.faults.seconds)
            value = curve(self.spec.config, self.epoch)
            if self.faults.faults.get((self.spec.number, self.epoch)) == "nan":
                value = math.nan
            self._record([*recorded, value])
        self.epoch += 1
        folds = tuple(
            FoldEpoch(fold, self.epoch - 1, {"loss": 1.0}, {"f1_macro": value}, 0.5)
            for fold in range(3)
        )
        return TrialEpoch(self.epoch - 1, value, 1.5, folds)

    def close(self) -> None:
        pass

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
        log: A line `NUMBER EPOCH PID` is added for each epoch that is begun.
        faults: What happens in which epoch of which trial; in every trial for number -1.
        deaths: How often a trial's process is killed.
    """

    seconds: float = 0.0
    log: Path | None = None
    faults: Mapping[tuple[int, int], str] = field(default_factory=dict)
    deaths: int = 1

    def __call__(self, spec: TrialSpec) -> FakeRunner:
        return FakeRunner(spec, self)

    def happen(self, spec: TrialSpec, epoch: int) -> None:
        if self.log is not None:
            with self.log.open("a") as file:
                file.write(f"{spec.number} {epoch} {os.getpid()}\n")
        fault = self.faults.get((spec.number, epoch)) or self.faults.get((-1, epoch))
        match fault:
            case "killed":
                assert self.log is not None
                if (
                    len([line for line in read_log(self.log) if line[:2] == (spec.number, epoch)])
                    <= self.deaths
                ):
                    os.kill(os.getpid(), signal.SIGKILL)
            case "diverged":
                failure = FoldFailure(1, epoch, 3, "diverged", "the training loss is not finite")
                raise FoldFailedError(failure)
            case "memory":
                raise MemoryError
            case "allocator":
                torch.empty(1 << 60, dtype=torch.uint8)
            case "cuda-memory":
                raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
            case "data":
                raise DataError("a shard is missing", advice="prepare the dataset again")
            case "defect":
                raise ZeroDivisionError("a defect")


class FakeSeatRun:
    """What one worker of a trial of several has: its folds, with the same values and faults.

    The worker of fold 0 has the value of an epoch, so that the mean over folds is that number; it
    writes the log, and the faults happen there.
    """

    def __init__(self, job: FoldsJob, seat: Seat, faults: FakeFactory) -> None:
        self._job, self._seat, self._faults = job, seat, faults
        self._rows: list[tuple[FoldEpoch, ...]] = []
        self._returned = 0

    @property
    def is_finished(self) -> bool:
        return self._returned == self._job.config.train.num_epochs

    def step(self) -> tuple[FoldEpoch, ...]:
        if self._returned == len(self._rows):
            self._rows.append(self._train(self._returned))
        self._returned += 1
        return self._rows[self._returned - 1]

    def snapshot(self) -> Checkpoint:
        state = {fold: {"weights": torch.zeros(8)} for fold in self._seat.folds}
        return Checkpoint(self._job.identity, tuple(self._rows), state)

    def resume(self, checkpoint: Checkpoint) -> None:
        self._rows = [
            tuple(entry for entry in row if entry.fold in self._seat.folds)
            for row in checkpoint.history
        ]

    def _train(self, epoch: int) -> tuple[FoldEpoch, ...]:
        spec = TrialSpec(
            number=int(self._job.run_directory.name),
            config=self._job.config,
            checkpoint=self._job.run_directory,
            identity=self._job.identity,
        )
        if 0 in self._seat.folds:
            self._faults.happen(spec, epoch)
        time.sleep(self._faults.seconds)
        value = curve(self._job.config, epoch)
        if self._faults.faults.get((spec.number, epoch)) == "nan":
            value = math.nan
        return tuple(
            FoldEpoch(fold, epoch, {"loss": 1.0}, {"f1_macro": None if fold else value}, 0.5)
            for fold in self._seat.folds
        )


@dataclass(frozen=True)
class FakeSeats:
    """Makes what the workers of a trial have."""

    faults: FakeFactory = FakeFactory()

    def __call__(self, job: FoldsJob, seat: Seat, **_: object) -> FakeSeatRun:
        return FakeSeatRun(job, seat, self.faults)


def read_log(file: Path) -> list[tuple[int, int, int]]:
    """Number, epoch and process of each epoch that was begun."""
    return [tuple(int(word) for word in line.split()) for line in file.read_text().splitlines()]


@dataclass
class Diary:
    """A listener that remembers."""

    starts: list
    epochs: list
    ends: list

    @classmethod
    def empty(cls) -> "Diary":
        return cls([], [], [])

    def on_begin(self) -> None: ...

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


def search_job(
    directory: Path,
    *,
    trials: int | None,
    resume: bool = False,
    max_concurrent: int | None = 1,
    workers: int = 1,
    **values,
) -> SearchJob:
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
        max_concurrent=max_concurrent,
        resume=resume,
        workers_per_trial=workers,
    )


def search_without_ray(directory: Path, *, trials: int, **values) -> tuple[TrialRecord, ...]:
    """What an undisturbed search finds: the study alone, one trial after the other."""
    job = search_job(directory, trials=trials, **values)
    with open_study(
        directory, identity=job.identity, dataset="toy", trials=trials, resume=False
    ) as store:
        while (trial := store.take()) is not None:
            config = with_values(job.config, trial.params)
            for epoch in range(EPOCHS):
                prune = store.report(trial.number, epoch=epoch, value=curve(config, epoch))
                if epoch == EPOCHS - 1:
                    store.complete(trial.number, seconds=1.5 * EPOCHS)
                elif prune:
                    store.prune(trial.number, seconds=1.5 * (epoch + 1))
                    break
        return store.records()
