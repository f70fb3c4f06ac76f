"""What a trial costs besides its training: a search whose training step does nothing.

    python benchmarks/search_overhead.py --trials 50
    python benchmarks/search_overhead.py --trials 6 --workers-per-trial 2

Prints one JSON object. `seconds_per_trial` is the wall time from the first epoch of the first trial
to the end of the last one, without the start of Ray and of the first worker, over the trials. A
trial of several workers starts processes of its own: there it is the time from the end of the first
trial to the end of the last one, over the trials after the first.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from algr.config import Config, SearchSpace, with_values
from algr.cv import FoldsJob
from algr.data import Fold, FoldPlan
from algr.distributed import SearchJob, TrialEpoch, TrialSpec, ray_session, run_search
from algr.distributed.mesh import Seat
from algr.engine import Checkpoint, FoldEpoch

SPACE = SearchSpace.model_validate(
    {
        "parameters": {
            "loss.align_weight": {"type": "float", "low": 0.05, "high": 5.0, "log": True},
            "train.learning_rate": {"type": "float", "low": 1e-3, "high": 1e-1, "log": True},
            "model.region_scale": {"type": "float", "low": 0.08, "high": 0.25},
        }
    }
)


@dataclass
class NoTraining:
    """The value of an epoch is a formula."""

    spec: TrialSpec
    epoch: int = 0

    @property
    def is_finished(self) -> bool:
        return self.epoch == self.spec.config.train.num_epochs

    def step(self) -> TrialEpoch:
        self.epoch += 1
        distance = abs(self.spec.config.model.region_scale - 0.14)
        return TrialEpoch(self.epoch - 1, (1 - distance) * (1 - 0.5**self.epoch), 0.0, ())

    def close(self) -> None:
        """Nothing is held."""


class NoSeatTraining:
    """The same for one worker of a trial of several, each of which has one fold."""

    def __init__(self, job: FoldsJob, seat: Seat, **_: object) -> None:
        self._job, self._fold = job, seat.folds[0]
        self._rows: list[tuple[FoldEpoch, ...]] = []

    @property
    def is_finished(self) -> bool:
        return len(self._rows) == self._job.config.train.num_epochs

    def step(self) -> tuple[FoldEpoch, ...]:
        epoch = len(self._rows)
        distance = abs(self._job.config.model.region_scale - 0.14)
        value = (1 - distance) * (1 - 0.5 ** (epoch + 1))
        self._rows.append((FoldEpoch(self._fold, epoch, {}, {"f1_macro": value}, 0.0),))
        return self._rows[-1]

    def snapshot(self) -> Checkpoint:
        return Checkpoint(self._job.identity, tuple(self._rows), {self._fold: {}})

    def resume(self, checkpoint: Checkpoint) -> None:
        raise AssertionError(f"nothing dies here, yet there are {checkpoint.epoch} epochs")


@dataclass
class Clock:
    """Notes when trials begin and end."""

    begun: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    ended: list[float] = field(default_factory=list)

    def on_begin(self) -> None:
        """Nothing yet."""

    def on_trial_start(self, *_: object) -> None:
        self.begun.append(time.perf_counter())

    def on_epoch(self, *_: object) -> None:
        self.epochs.append(time.perf_counter())

    def on_trial_end(self, *_: object) -> None:
        self.ended.append(time.perf_counter())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=50)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--pruner", choices=("asha", "median", "none"), default="none")
    parser.add_argument("--max-concurrent", type=int, default=1)
    parser.add_argument("--workers-per-trial", type=int, default=1)
    options = parser.parse_args()
    config = with_values(
        Config(), {"train.num_epochs": options.epochs, "tune.pruner": options.pruner}
    )
    plan = FoldPlan(
        dataset="none",
        kind="grade",
        fingerprint="0" * 64,
        protocol="honest",
        seed=0,
        folds=tuple(
            Fold(index=index, train=("a",), validation=("b",), test=(f"c{index}",))
            for index in range(options.workers_per_trial)
        ),
    )
    clock = Clock()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ray_session(address="local", num_cpus=2):
        session_s = time.perf_counter() - started
        job = SearchJob(
            config=config,
            space=SPACE,
            plan=plan,
            dataset_directory=Path(folder),
            study_directory=Path(folder) / "study",
            trials=options.trials,
            max_concurrent=options.max_concurrent,
            workers_per_trial=options.workers_per_trial,
        )
        search_started = time.perf_counter()
        outcome = run_search(job, listener=clock, factory=NoTraining, open_run=NoSeatTraining)
        search_s = time.perf_counter() - search_started
    is_single = options.workers_per_trial == 1
    steady_s = clock.ended[-1] - (clock.epochs[0] if is_single else clock.ended[0])
    counted = len(outcome.trials) - (not is_single)
    json.dump(
        {
            "workers_per_trial": options.workers_per_trial,
            "trials": len(outcome.trials),
            "epochs": sum(record.epochs for record in outcome.trials),
            "session_start_s": round(session_s, 2),
            "first_epoch_after_s": round(clock.epochs[0] - search_started, 2),
            "search_s": round(search_s, 2),
            "seconds_per_trial": round(steady_s / counted, 3),
            "seconds_per_trial_with_start": round(search_s / len(outcome.trials), 3),
            "load": round(os.getloadavg()[0], 1),
        },
        sys.stdout,
        indent=1,
    )
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
