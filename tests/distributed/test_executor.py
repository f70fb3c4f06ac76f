"""Cross-validation by Ray Train: the contract of executors, with real workers."""

import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from algr.config import Config, with_values
from algr.cv import FoldsJob, LocalExecutor, Numerics, exported_model
from algr.data import refit_fold
from algr.distributed import RayTrainExecutor, executor, numerics
from algr.distributed.executor import EpochRelay
from algr.distributed.results import result_file, take_results, write_result
from algr.distributed.session import Devices
from algr.engine import FoldEpoch, FoldFailedError, FoldResult
from algr.errors import IntegrityError, Interrupted, StudyError


def _entry(fold: int, epoch: int) -> FoldEpoch:
    return FoldEpoch(fold, epoch, {}, {}, 1.0)


def _same(one: FoldResult, other: FoldResult) -> bool:
    return (
        (one.fold, one.chosen_epoch, one.test, one.test_subjects, one.counts)
        == (other.fold, other.chosen_epoch, other.test, other.test_subjects, other.counts)
        and np.array_equal(one.predictions.rows_N, other.predictions.rows_N)
        and np.array_equal(one.predictions.probability_NK, other.predictions.probability_NK)
    )


def _figures(epochs: list[tuple[FoldEpoch, ...]]) -> list:
    return [[(e.fold, e.epoch, e.train, e.validation) for e in row] for row in epochs]


def _train_workers() -> list[int]:
    """Processes of Ray Train that descend from this one."""

    def parent(pid: int) -> int:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])

    def is_ours(pid: int) -> bool:
        while pid > 1 and pid != os.getpid():
            pid = parent(pid)
        return pid == os.getpid()

    named = [
        int(path.parent.name)
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if b"RayTrainWorker" in path.read_bytes()
    ]
    return [pid for pid in named if is_ours(pid)]


@pytest.mark.parametrize(
    ("workers", "folds", "replicas"),
    [(None, 3, 1), (1, 3, 1), (3, 3, 1), (6, 3, 2), (2, 1, 2)],
)
def test_replicas_are_counted_by_workers_and_folds(
    config: Config, monkeypatch: pytest.MonkeyPatch, workers: int | None, folds: int, replicas: int
):
    monkeypatch.setattr(executor, "cluster_devices", lambda: Devices(cpus=8, gpus=0))

    found = RayTrainExecutor(workers=workers).numerics(config, range(folds))

    assert found == Numerics(replicas=replicas, precision="fp32", device="cpu")


def test_a_worker_says_which_device_and_precision_it_computes_in(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: True)

    assert numerics._resolve("auto") == ("cuda", "bf16")
    assert numerics._resolve("fp32") == ("cuda", "fp32")


def test_epochs_are_told_whole_and_in_order_whoever_is_first():
    told = []
    relay = EpochRelay((2, 0, 1), told.append)
    for entries in (
        [_entry(0, 0), _entry(2, 0)],
        [_entry(0, 1), _entry(2, 1)],
        [_entry(1, 0)],
        [_entry(1, 1)],
    ):
        relay.add(tuple(entries))

    assert [[(e.fold, e.epoch) for e in row] for row in told] == [
        [(2, 0), (0, 0), (1, 0)],
        [(2, 1), (0, 1), (1, 1)],
    ]


def test_an_epoch_that_comes_again_after_a_restart_is_told_once():
    told = []
    relay = EpochRelay((0,), told.append)
    for epoch in (0, 1, 0, 1, 2):
        relay.add((_entry(0, epoch),))

    assert [row[0].epoch for row in told] == [0, 1, 2]


def test_results_come_back_from_their_files_as_they_were(make_job):
    job = make_job(folds=(1,))
    (result,) = LocalExecutor(device=torch.device("cpu")).execute(job, on_epoch=lambda _: None)

    write_result(job, result)
    (read,) = take_results(job)

    assert _same(read, result)
    assert not result_file(job, 1).parent.exists()


def test_a_result_that_is_missing_is_named(make_job):
    with pytest.raises(IntegrityError, match="the worker of fold 0 left no"):
        take_results(make_job())


def test_a_result_of_another_run_is_refused(make_job, config):
    job = make_job(folds=(1,))
    (result,) = LocalExecutor(device=torch.device("cpu")).execute(job, on_epoch=lambda _: None)
    write_result(job, result)
    other = make_job(folds=(1,), config=with_values(config, {"seed": 1}))

    with pytest.raises(IntegrityError, match="belongs to another run"):
        take_results(other)


@pytest.mark.ray
@pytest.mark.usefixtures("cluster")
@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")  # of Ray, to itself
class TestOnRay:
    def test_two_workers_give_the_numbers_of_one_process_and_leave_one_checkpoint(
        self, make_job: Callable[..., FoldsJob], started: tuple[Config, Path]
    ):
        config, file = started
        scratch, alone, told = [], [], []
        local = LocalExecutor(device=torch.device("cpu"))
        local.execute(make_job("scratch"), on_epoch=scratch.append)
        expected = local.execute(
            make_job("local", config=config, start_file=file), on_epoch=alone.append
        )

        found = RayTrainExecutor(workers=2).execute(
            make_job(config=config, start_file=file), on_epoch=told.append
        )

        assert _figures(told) == _figures(alone)
        assert _figures(alone) != _figures(scratch)  # all start from the weights of the file
        assert [_same(*pair) for pair in zip(found, expected, strict=True)] == [True] * 3
        directory = make_job().run_directory
        assert [path.name for path in directory.iterdir()] == ["checkpoint.pt"]

    def test_a_fold_that_fails_arrives_as_what_it_is(self, make_job, config, capfd):
        wild = with_values(config, {"train.learning_rate": 1e30, "train.clip_norm": None})

        with pytest.raises(FoldFailedError) as caught:
            RayTrainExecutor(workers=2).execute(make_job(config=wild), on_epoch=lambda _: None)

        assert caught.value.failure.kind == "diverged"
        assert capfd.readouterr() == ("", "")

    @pytest.mark.slow
    def test_two_replicas_of_each_fold_give_its_numbers_but_for_rounding(self, make_job, config):
        # 12 training frames in batches of 7 and 5: a last one of 3 would join the one before
        shared = with_values(config, {"train.sync_batch_norm": True, "train.batch_size": 7})
        alone, told = [], []
        expected = LocalExecutor(device=torch.device("cpu")).execute(
            make_job("local", config=shared, folds=(0, 1)), on_epoch=alone.append
        )

        found = RayTrainExecutor(workers=4).execute(
            make_job(config=shared, folds=(0, 1)), on_epoch=told.append
        )

        assert [[(e.fold, e.epoch) for e in row] for row in told] == [
            [(0, 0), (1, 0)],
            [(0, 1), (1, 1)],
        ]
        for row, of_alone in zip(told, alone, strict=True):
            for entry, other in zip(row, of_alone, strict=True):
                assert entry.train == pytest.approx(other.train, rel=1e-4)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(
                one.predictions.probability_NK, other.predictions.probability_NK, atol=1e-4
            )
            assert one.test["landmark_error"] == pytest.approx(other.test["landmark_error"], 1e-4)

    @pytest.mark.slow
    def test_a_run_that_one_worker_began_and_three_finish_after_an_interruption_has_the_same_bits(
        self, make_job, config
    ):
        def interrupt(epochs: tuple[FoldEpoch, ...]) -> None:
            raise KeyboardInterrupt

        longer = with_values(config, {"train.num_epochs": 4})
        alone, told = [], []
        expected = LocalExecutor(device=torch.device("cpu")).execute(
            make_job("local", config=longer), on_epoch=alone.append
        )

        with pytest.raises(Interrupted, match="--resume --name run"):
            RayTrainExecutor(workers=1).execute(make_job(config=longer), on_epoch=interrupt)
        found = RayTrainExecutor(workers=3).execute(make_job(config=longer), on_epoch=told.append)

        assert _figures(told) == _figures(alone)
        assert [_same(*pair) for pair in zip(found, expected, strict=True)] == [True] * 3

    @pytest.mark.slow
    def test_a_killed_worker_costs_nothing_but_time(self, make_job, config):
        longer = with_values(config, {"train.num_epochs": 4})
        told = []

        def kill_once(epochs: tuple[FoldEpoch, ...]) -> None:
            told.append(epochs)
            if len(told) == 1:
                os.kill(_train_workers()[0], signal.SIGKILL)

        found = RayTrainExecutor(workers=2).execute(make_job(config=longer), on_epoch=kill_once)
        expected = LocalExecutor(device=torch.device("cpu")).execute(
            make_job("local", config=longer), on_epoch=lambda _: None
        )

        assert [row[0].epoch for row in told] == [0, 1, 2, 3]
        assert [_same(*pair) for pair in zip(found, expected, strict=True)] == [True] * 3

    @pytest.mark.slow
    def test_a_refit_leaves_a_model_that_can_be_read(self, make_job, grades, plan):
        everybody = dataclasses.replace(plan, folds=(refit_fold(grades),))
        job = make_job(plan=everybody, folds=(0,), export_model=True)

        (result,) = RayTrainExecutor().execute(job, on_epoch=lambda _: None)

        assert (result.chosen_epoch, result.test, result.predictions) == (1, {}, None)
        assert not exported_model(job).training

    @pytest.mark.slow
    def test_a_run_folder_of_another_configuration_is_refused(self, make_job, config):
        job = make_job(folds=(1,))
        LocalExecutor(device=torch.device("cpu")).execute(job, on_epoch=lambda _: None)
        other = make_job(folds=(1,), config=with_values(config, {"seed": 1}))

        with pytest.raises(StudyError):
            RayTrainExecutor().execute(other, on_epoch=lambda _: None)
