"""A trial of several workers: its course without a cluster, and a search of such trials on Ray."""

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from search_fakes import (
    Diary,
    FakeFactory,
    FakeSeats,
    fake_plan,
    read_log,
    search_job,
    search_without_ray,
)

from algr.config import Config, with_values
from algr.cv import LocalExecutor
from algr.distributed import run_search
from algr.distributed.mailbox import CostsMessage, EpochMessage
from algr.distributed.mesh import Seat, seats
from algr.distributed.mesh_trial import MeshRunner, wall_seconds
from algr.distributed.runner import FoldsRunnerFactory, TrialDiedError, TrialSpec
from algr.engine import FoldEpoch, epoch_value
from algr.engine.checkpoint import load_checkpoint
from algr.errors import DataError, UsageError
from algr.tune import Objective, open_study

SPEC = TrialSpec(7, with_values(Config(), {"train.num_epochs": 2}), Path("none"), "identity")


def _entry(fold: int, epoch: int, *, score: float = 0.5, seconds: float = 2.0) -> FoldEpoch:
    return FoldEpoch(fold, epoch, {"loss": 1.0}, {"f1_macro": score}, seconds)


def _told(epoch: int, *, score: float = 0.5) -> list[EpochMessage]:
    """By the workers of folds 0 and 2, and of fold 1."""
    return [
        EpochMessage((_entry(0, epoch, score=score), _entry(2, epoch, score=score))),
        EpochMessage((_entry(1, epoch, score=score),)),
    ]


@dataclass
class FakeRun:
    """A run whose messages and end are known beforehand."""

    messages: list
    end: str | Exception | None = None
    allowed: list[int] = field(default_factory=list)
    is_closed: bool = False

    def __enter__(self) -> "FakeRun":
        return self

    def __exit__(self, *_: object) -> None:
        self.is_closed = True

    def allow(self, epochs: int) -> None:
        self.allowed.append(epochs)

    def news(self) -> Iterator:
        yield from self.messages

    def verdict(self) -> str | None:
        if isinstance(self.end, Exception):
            raise self.end
        return self.end


@dataclass
class FakeRuns:
    """Hands out runs, one after the other."""

    runs: list[FakeRun]
    objectives: tuple[Objective, ...] = (Objective("val/f1_macro"),)
    seats: tuple[Seat, ...] = seats((0, 1, 2), workers=2)
    ended: list[int] = field(default_factory=list)

    @property
    def plan(self):
        return fake_plan()

    def run(self, spec: TrialSpec) -> FakeRun:
        return self.runs[len(self.ended) - 1]

    def end(self, number: int) -> None:
        self.ended.append(number)


def test_a_trial_tells_one_epoch_per_step_and_ends_its_run_with_the_last_one():
    run = FakeRun([*_told(0, score=0.25), *_told(1, score=0.75)])
    runner = MeshRunner(FakeRuns([run]), SPEC)

    first = runner.step()
    was_open, allowed = not run.is_closed, set(run.allowed)
    last = runner.step()

    assert [(one.epoch, one.value, one.seconds) for one in (first, last)] == [
        (0, 0.25, 6.0),
        (1, 0.75, 6.0),
    ]
    assert was_open
    assert allowed == {1}  # the second epoch is begun when it is asked for
    assert (runner.is_finished, run.is_closed) == (True, True)


def test_workers_that_die_are_started_again_and_no_epoch_is_told_twice():
    dead = FakeRun([*_told(0), _told(1)[0]], end="a worker died")
    again = FakeRun([*_told(0), *_told(1)])
    factory = FakeRuns([dead, again])
    runner = MeshRunner(factory, SPEC)

    epochs = [runner.step().epoch, runner.step().epoch]

    assert epochs == [0, 1]
    assert (dead.is_closed, again.is_closed) == (True, True)
    assert factory.ended == [7, 7]  # what an earlier process of the trial may have left


def test_workers_that_always_die_are_a_result_of_the_search():
    dead = [FakeRun([], end="the node ran out of memory") for _ in range(4)]
    runner = MeshRunner(FakeRuns(dead), SPEC)

    with pytest.raises(TrialDiedError) as caught:
        runner.step()

    assert str(caught.value) == (
        "its workers died 4 times (the node ran out of memory); with train.batch_size 8 memory may "
        "be short"
    )
    assert all(run.is_closed for run in dead)


def test_what_a_worker_raises_is_raised_in_the_trial_when_its_run_has_ended():
    run = FakeRun([], end=DataError("a shard is missing"))

    with pytest.raises(DataError, match="a shard is missing"):
        MeshRunner(FakeRuns([run]), SPEC).step()

    assert run.is_closed


def test_a_lost_accelerator_is_a_death_and_not_a_defect():
    lost = FakeRun([], end=RuntimeError("CUDA error: an illegal memory access was encountered"))
    again = FakeRun(_told(0))

    assert MeshRunner(FakeRuns([lost, again]), SPEC).step().epoch == 0


def test_a_trial_that_is_stopped_early_ends_its_run():
    run = FakeRun([*_told(0), *_told(1)])
    runner = MeshRunner(FakeRuns([run]), SPEC)
    runner.step()

    runner.close()
    runner.close()

    assert run.is_closed


def test_costs_are_those_that_the_workers_measured():
    names = ("val/f1_macro", "parameters", "train_seconds")
    run = FakeRun([*_told(0), CostsMessage({"parameters": 12.0}), *_told(1)])
    runner = MeshRunner(FakeRuns([run], objectives=tuple(map(Objective, names))), SPEC)

    first, last = runner.step(), runner.step()

    assert first.figures == {"train_seconds": 6.0}
    assert last.figures == {"parameters": 12.0, "train_seconds": 12.0}


def test_an_epoch_lasts_as_long_as_the_worker_with_the_most_to_do():
    folds = (_entry(0, 0, seconds=2.0), _entry(1, 0, seconds=7.0), _entry(2, 0, seconds=3.0))

    assert wall_seconds(folds, seats((0, 1, 2), workers=2)) == 7.0
    assert wall_seconds(folds, seats((0, 1, 2), workers=1)) == 12.0
    assert wall_seconds(folds, seats((0, 1, 2), workers=3)) == 7.0


def test_replicas_are_part_of_what_a_study_is_about_and_other_workers_are_not(tmp_path):
    alone, three, six = (search_job(tmp_path, trials=1, workers=count) for count in (1, 3, 6))

    assert three.identity == alone.identity
    assert six.identity.differences(alone.identity.to_dict()) == [
        "replicas: not set in the study, 2 now"
    ]
    assert six.identity.trial_digest(six.config) != alone.identity.trial_digest(alone.config)


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # of Ray, to itself
class TestOnRay:
    def test_trials_of_two_workers_are_those_of_one_though_one_is_killed_and_one_is_stopped(
        self, tmp_path
    ):
        from ray.util import placement_group_table

        values = {"tune__reduction_factor": 2, "seed": 1}  # the second one is stopped
        log = tmp_path / "log"
        faults = FakeFactory(log=log, faults={(0, 2): "killed"})

        outcome = run_search(
            search_job(tmp_path / "s", trials=2, workers=2, **values),
            listener=Diary.empty(),
            open_run=FakeSeats(faults),
        )

        assert outcome.trials == search_without_ray(tmp_path / "alone", trials=2, **values)
        assert [record.state for record in outcome.trials] == ["COMPLETE", "PRUNED"]
        begun = Counter(entry[:2] for entry in read_log(log))
        assert {key: count for key, count in begun.items() if count > 1} == {(0, 2): 2}
        assert {group["state"] for group in placement_group_table().values()} == {"REMOVED"}
        files = [path for path in (tmp_path / "s").rglob("*") if path.is_file()]
        assert sorted(str(path.relative_to(tmp_path / "s")) for path in files) == [
            "environment.json",
            "lock",
            "numerics.json",
            "study.journal",
            "study.json",
            "trials/0/checkpoint.pt",
        ]

    def test_a_trial_that_one_worker_began_goes_on_with_two_and_has_the_bits_of_one(
        self, tmp_path, make_job, config, plan, grades
    ):
        job = dataclasses.replace(
            search_job(tmp_path / "s", trials=1, workers=2, resume=True),
            config=with_values(config, {"tune.pruner": "none"}),
            plan=plan,
            dataset_directory=grades.directory,
        )
        with open_study(
            tmp_path / "s", identity=job.identity, dataset="grades", trials=1, resume=False
        ) as store:
            own = with_values(job.config, store.take().params)
            file, identity = store.checkpoint(0), job.identity.trial_digest(own)
        begun = FoldsRunnerFactory(grades.directory, plan)(TrialSpec(0, own, file, identity)).step()
        written = load_checkpoint(file, identity=identity).epoch
        diary, alone = Diary.empty(), []

        run_search(job, listener=diary)

        LocalExecutor(device=torch.device("cpu")).execute(
            make_job(config=own), on_epoch=alone.append
        )
        assert (begun.epoch, written) == (0, 1)
        assert diary.epochs == [
            (0, epoch, epoch_value(row, "grade")) for epoch, row in enumerate(alone)
        ]

    def test_a_trial_that_does_not_fit_is_refused_before_the_study_is_begun(self, tmp_path):
        with pytest.raises(UsageError, match="--workers-per-trial 300: a trial needs 300 CPUs"):
            run_search(search_job(tmp_path / "s", trials=1, workers=300), listener=Diary.empty())

        assert not (tmp_path / "s").exists()
