"""Training by the engine that writes down each of its steps, and can die in one of them."""

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from processes import wait_until

from algr.config import Config, DataHome, with_values
from algr.cv import CHECKPOINT_FILE, FoldsJob, LocalExecutor, job_identity
from algr.data import DatasetWriter, FoldPlan, PreparedDataset, plan_folds
from algr.distributed import SearchJob, TrialSpec
from algr.distributed.runner import FoldsRunner
from algr.engine import FoldProgress, FoldsRun
from algr.engine.checkpoint import load_tensors
from algr.tune import Objective, TrialRecord, open_study

NAME = "noise"
FRAMES_OF_FOLD = 12
BATCH = 4
STEPS_OF_EPOCH = FRAMES_OF_FOLD // BATCH


@dataclass(frozen=True)
class Step:
    """One training step that was done."""

    trial: int
    fold: int
    epoch: int
    images: int
    """Of the epoch, so far."""
    pid: int
    node: str

    @property
    def place(self) -> tuple[int, int, int, int]:
        """Which step it is."""
        return (self.trial, self.fold, self.epoch, self.images)


@dataclass(frozen=True)
class StepLog:
    """Where steps are written down, and what happens in them.

    Args:
        file: A line for each step, whoever does it.
        seconds: That a step takes besides.
        cuts: Trial, fold, epoch and images after which its process kills itself, each once.
    """

    file: Path
    seconds: float = 0.0
    cuts: tuple[tuple[int, int, int, int], ...] = ()

    def listener(self, trial: int = 0) -> Callable[[FoldProgress], None]:
        """What the engine tells its steps."""

        def on_progress(progress: FoldProgress) -> None:
            place = (trial, progress.fold, progress.epoch, progress.images)
            with self.file.open("a") as file:
                file.write(f"{' '.join(map(str, place))} {os.getpid()} {_node()}\n")
            time.sleep(self.seconds)
            if place in self.cuts and self._is_first(place):
                os.kill(os.getpid(), signal.SIGKILL)

        return on_progress

    def _is_first(self, place: tuple[int, ...]) -> bool:
        with contextlib.suppress(FileExistsError):
            self.file.with_suffix(f".cut-{'-'.join(map(str, place))}").touch(exist_ok=False)
            return True
        return False


def read_steps(file: Path) -> list[Step]:
    """All whole lines of a log."""
    if not file.exists():
        return []
    lines = [line.split() for line in file.read_text().split("\n")[:-1]]
    return [Step(*(int(word) for word in words[:5]), words[5]) for words in lines]


def repeated(file: Path) -> set[tuple[int, int]]:
    """Trial and epoch of each step that was done twice; none may be done more often."""
    times = Counter(step.place for step in read_steps(file))
    assert max(times.values()) <= 2
    return {(place[0], place[2]) for place, count in times.items() if count > 1}


def wait_for_middle(file: Path, *, nodes: int, epoch: int) -> list[Step]:
    """Wait until so many nodes are in the middle of this epoch; the last step of each."""

    def last() -> dict[str, Step]:
        return {step.node: step for step in read_steps(file)}

    def is_within() -> bool:
        steps = last().values()
        return len(steps) == nodes and all(
            step.epoch == epoch and step.images < FRAMES_OF_FOLD for step in steps
        )

    wait_until(is_within)
    return list(last().values())


def _node() -> str:
    import ray

    return ray.get_runtime_context().get_node_id() if ray.is_initialized() else "none"


@dataclass(frozen=True)
class SteppingFactory:
    """Trials that the engine trains on the CPU, step by step.

    Args:
        dataset: Its folder.
        plan: Its folds.
        log: Of the steps.
        short_of_memory: Trials that want more memory in their first step than any machine has.
        greedy: Trials that take more memory than they need.
        objectives: Of the search.
    """

    dataset: Path
    plan: FoldPlan
    log: StepLog
    short_of_memory: tuple[int, ...] = ()
    greedy: tuple[int, ...] = ()
    objectives: tuple[Objective, ...] = (Objective("val/f1_macro"),)

    def __call__(self, spec: TrialSpec) -> FoldsRunner:
        listener = self.log.listener(spec.number)
        run = FoldsRun(
            config=spec.config,
            dataset=PreparedDataset.open(self.dataset),
            plan=self.plan,
            folds=[fold.index for fold in self.plan.folds],
            device=torch.device("cpu"),
            checkpoint=spec.checkpoint,
            identity=spec.identity,
            on_progress=self._too_much if spec.number in self.short_of_memory else listener,
        )
        if spec.number in self.greedy:
            _waste.append(torch.ones(GREED_BYTES, dtype=torch.uint8))
        return FoldsRunner(run, config=spec.config, objectives=self.objectives)

    @staticmethod
    def _too_much(progress: FoldProgress) -> None:
        torch.empty(1 << 60, dtype=torch.uint8)


GREED_BYTES = 3 * 1024**3
_waste: list[torch.Tensor] = []


VALUES = {
    "model.kind": "jaanet",
    "model.input_size": 64,
    "model.width": 0.125,
    "model.geometry": "aligned",
    "model.refine_attention": False,
    "train.num_epochs": 3,
    "train.clip_norm": 5.0,
    "train.batch_size": BATCH,
}


def tiny_config(**values: object) -> Config:
    """A network as small as can be."""
    return with_values(Config(), VALUES | {key.replace("__", "."): v for key, v in values.items()})


def noise_dataset(home: Path) -> PreparedDataset:
    """Six people of six frames; a fold trains on two of them."""
    random = np.random.default_rng(0)
    with DatasetWriter(DataHome(home).datasets / NAME, kind="grade", simulated=True) as writer:
        for subject in range(6):
            writer.add_video(
                subject_id=f"s{subject}",
                images=random.integers(0, 256, (6, 200, 200, 3), dtype=np.uint8),
                landmarks=random.uniform(20, 180, (6, 49, 2)).astype(np.float32),
                grade=subject % 2,
                grade_hb=subject % 2 + 1,
            )
        return writer.finish()


def noise_plan(dataset: PreparedDataset) -> FoldPlan:
    return plan_folds(dataset, cv=Config().cv, seed=0)


def undisturbed_study(job: SearchJob, factory: SteppingFactory) -> tuple[TrialRecord, ...]:
    """The same study without Ray and faults, one trial after the other; without its seconds."""
    with open_study(
        job.study_directory, identity=job.identity, dataset=NAME, trials=job.trials, resume=False
    ) as store:
        store.enqueue(job.points)
        while (trial := store.take()) is not None:
            config = with_values(job.config, trial.params)
            checkpoint = store.checkpoint(trial.number)
            runner = factory(TrialSpec(trial.number, config, checkpoint, "undisturbed"))
            while not runner.is_finished:
                found = runner.step()
                store.report(trial.number, epoch=found.epoch, value=found.value)
            store.complete(trial.number, seconds=0)
        return store.records()


def without_seconds(records: tuple[TrialRecord, ...]) -> tuple[TrialRecord, ...]:
    return tuple(replace(record, seconds=0) for record in records)


def undisturbed_folds(home: Path, scratch: Path) -> dict[str, Any]:
    """What cross-validation of the tiny network finds in one process: its last checkpoint."""
    dataset = PreparedDataset.open(DataHome(home).datasets / NAME)
    plan = noise_plan(dataset)
    folds = tuple(fold.index for fold in plan.folds)
    job = FoldsJob(
        config=tiny_config(),
        dataset_directory=dataset.directory,
        plan=plan,
        folds=folds,
        run_directory=scratch,
        identity=job_identity(tiny_config(), plan, folds),
    )
    LocalExecutor(device=torch.device("cpu")).execute(job, on_epoch=lambda _: None)
    return figures_of(scratch)


def figures_of(run: Path) -> dict[str, Any]:
    """All weights, momenta and figures of a run's checkpoint, as plain values to be compared."""
    tree = load_tensors(run / CHECKPOINT_FILE)
    history = [[{**entry, "seconds": 0} for entry in row] for row in tree["history"]]
    return {"history": history, "folds": _plain(tree["folds"])}


def _plain(tree: Any) -> Any:
    if isinstance(tree, torch.Tensor):
        return tree.tolist()
    if isinstance(tree, dict):
        return {key: _plain(value) for key, value in tree.items()}
    return [_plain(value) for value in tree] if isinstance(tree, list | tuple) else tree
