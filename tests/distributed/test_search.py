"""Searches on a Ray of two CPUs, with trials that train nothing."""

import dataclasses
import errno
import json
import os
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
import ray
from processes import wait_until
from search_fakes import (
    EPOCHS,
    Diary,
    FakeFactory,
    curve,
    read_log,
    search_job,
    search_without_ray,
)

from algr.config import with_values
from algr.distributed import conductor, run_search
from algr.errors import DataError, Interrupted, StudyError
from algr.tune import Limits, ask, read_progress, read_records

pytestmark = [pytest.mark.ray, pytest.mark.usefixtures("cluster")]


def _files(study: Path) -> list[str]:
    return sorted(str(path.relative_to(study)) for path in study.rglob("*") if path.is_file())


def test_a_search_finds_what_the_study_alone_finds_and_leaves_nothing_else(tmp_path):
    diary = Diary.empty()

    outcome = run_search(
        search_job(tmp_path / "s", trials=8), listener=diary, factory=FakeFactory()
    )

    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=8)
    assert {record.state for record in outcome.trials} == {"COMPLETE", "PRUNED"}
    best = max(outcome.trials, key=lambda record: record.value)
    assert outcome.best == best
    assert _files(tmp_path / "s") == [
        "environment.json",
        "lock",
        "numerics.json",
        "study.journal",
        "study.json",
        f"trials/{best.number}/checkpoint.pt",
    ]
    assert diary.ends == list(outcome.trials)
    assert diary.starts == [(record.number, record.params) for record in outcome.trials]
    assert [entry[:2] for entry in diary.epochs] == [
        (record.number, epoch) for record in outcome.trials for epoch in range(record.epochs)
    ]


def test_a_trial_whose_process_is_killed_goes_on_from_its_checkpoint(tmp_path):
    log = tmp_path / "log"
    diary = Diary.empty()

    outcome = run_search(
        search_job(tmp_path / "s", trials=3),
        listener=diary,
        factory=FakeFactory(log=log, faults={(1, 2): "killed"}),
    )

    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=3)
    begun = Counter(entry[:2] for entry in read_log(log))
    assert {key: count for key, count in begun.items() if count > 1} == {(1, 2): 2}
    assert max(Counter(entry[:2] for entry in diary.epochs).values()) == 1
    assert [start[0] for start in diary.starts] == [0, 1, 2]


def test_a_trial_that_cannot_be_trained_fails_with_its_reason_and_the_search_goes_on(tmp_path):
    faults = {(1, 0): "diverged", (2, 1): "nan", (3, 0): "defect"}

    outcome = run_search(
        search_job(tmp_path / "s", trials=5, tune__pruner="none"),
        listener=Diary.empty(),
        factory=FakeFactory(faults=faults),
    )

    assert [(record.state, record.reason) for record in outcome.trials[1:4]] == [
        ("FAIL", "fold 1, epoch 0, step 3: the training loss is not finite"),
        ("FAIL", "epoch 1: the validation score is undefined"),
        ("FAIL", "ZeroDivisionError: a defect (errors/3.txt in the study's folder)"),
    ]
    assert [outcome.trials[number].state for number in (0, 4)] == ["COMPLETE", "COMPLETE"]
    assert "raise ZeroDivisionError" in (tmp_path / "s" / "errors" / "3.txt").read_text()
    assert [path.name for path in (tmp_path / "s" / "trials").iterdir()] == [
        str(outcome.best.number)
    ]


def test_a_trial_that_runs_out_of_memory_fails_with_its_batch_size_and_the_search_goes_on(tmp_path):
    log = tmp_path / "log"
    faults = {(1, 0): "memory", (2, 1): "allocator", (3, 0): "cuda-memory"}

    outcome = run_search(
        search_job(tmp_path / "s", trials=5, tune__pruner="none"),
        listener=Diary.empty(),
        factory=FakeFactory(faults=faults, log=log),
    )

    assert {(record.state, record.reason) for record in outcome.trials[1:4]} == {
        ("FAIL", "out of memory with train.batch_size 8")
    }
    assert [outcome.trials[number].state for number in (0, 4)] == ["COMPLETE", "COMPLETE"]
    assert len({pid for _, _, pid in read_log(log)}) == 1
    assert not (tmp_path / "s" / "errors").exists()


def test_what_the_user_has_to_mend_stops_the_search_which_then_goes_on_undisturbed(tmp_path):
    log = tmp_path / "log"

    with pytest.raises(DataError, match="a shard is missing"):
        run_search(
            search_job(tmp_path / "s", trials=3),
            listener=Diary.empty(),
            factory=FakeFactory(log=log, faults={(1, 2): "data"}),
        )
    left = [record.state for record in read_records(tmp_path / "s")]
    outcome = run_search(
        search_job(tmp_path / "s", trials=3, resume=True),
        listener=Diary.empty(),
        factory=FakeFactory(log=log),
    )

    assert left == ["COMPLETE", "RUNNING"]
    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=3)
    begun = Counter(entry[:2] for entry in read_log(log))
    assert {key: count for key, count in begun.items() if count > 1} == {(1, 2): 2}


def test_a_study_goes_on_in_the_precision_that_it_was_begun_in(tmp_path):
    study, listener = tmp_path / "s", Diary.empty()
    run_search(search_job(study, trials=1), listener=listener, factory=FakeFactory())
    file = study / "numerics.json"
    left = file.read_text()
    file.write_text(left.replace("fp32", "bf16"))

    with pytest.raises(StudyError, match="started with other numerics") as caught:
        run_search(
            search_job(study, trials=2, resume=True), listener=listener, factory=FakeFactory()
        )
    file.unlink()  # as a version of algr left it that noted nothing
    outcome = run_search(
        search_job(study, trials=2, resume=True), listener=listener, factory=FakeFactory()
    )

    assert "precision: bf16 there, fp32 now" in str(caught.value.problems)
    assert json.loads(left) == {"replicas": 1, "precision": "fp32"}
    assert (len(outcome.trials), json.loads(file.read_text())) == (2, {"replicas": 1})


class _OnFullDisk(Diary):
    """As if the study's journal found no room after the first epoch."""

    def on_epoch(self, number, epoch, value, fold_epochs) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_for_the_study_is_told_as_such_and_the_study_goes_on(tmp_path):
    with pytest.raises(StudyError, match=r"'s' cannot be written: No space left on device"):
        run_search(
            search_job(tmp_path / "s", trials=2),
            listener=_OnFullDisk.empty(),
            factory=FakeFactory(),
        )
    outcome = run_search(
        search_job(tmp_path / "s", trials=2, resume=True),
        listener=Diary.empty(),
        factory=FakeFactory(),
    )

    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=2)


@dataclass
class _Ticking(Diary):
    """Every epoch takes a second, by its own clock; something may be asked for in one of them."""

    ask_in: int = -1
    directory: Path = Path()

    def on_epoch(self, number, epoch, value, fold_epochs) -> None:
        super().on_epoch(number, epoch, value, fold_epochs)
        if len(self.epochs) == self.ask_in:
            ask(self.directory, "stop")

    def now(self) -> float:
        return float(len(self.epochs))


def test_a_search_ends_at_its_limit_with_its_best_so_far_and_goes_on_undisturbed(tmp_path):
    ticking = _Ticking.empty()
    job = search_job(tmp_path / "s", trials=3, tune__pruner="none")
    limits = Limits(ends_at=10.0, ends_because="--max-hours 1")

    ended = run_search(
        dataclasses.replace(job, limits=limits),
        listener=ticking,
        factory=FakeFactory(),
        clock=ticking.now,
    )
    progress = read_progress(tmp_path / "s")
    log = tmp_path / "log"
    outcome = run_search(
        dataclasses.replace(job, resume=True), listener=Diary.empty(), factory=FakeFactory(log=log)
    )

    # an epoch of the fakes says it took 1.5 s, so the one that would end at 10.5 is not begun
    assert ticking.now() == 9.0
    assert ended.stopped.reason == "--max-hours 1"
    assert [record.state for record in ended.trials] == ["COMPLETE", "RUNNING"]
    assert progress.halt["kind"] == "limit"
    assert read_log(log)[0][:2] == (1, 3)
    assert outcome.stopped is None
    assert outcome.trials == search_without_ray(tmp_path / "alone", trials=3, tune__pruner="none")


def test_a_limit_before_any_result_is_an_interruption(tmp_path):
    ticking = _Ticking.empty()
    limits = Limits(ends_at=3.0, ends_because="--deadline x")

    with pytest.raises(Interrupted, match="by --deadline x with 0 of 2 trials done, 1 half done"):
        run_search(
            dataclasses.replace(search_job(tmp_path / "s", trials=2), limits=limits),
            listener=ticking,
            factory=FakeFactory(),
            clock=ticking.now,
        )


def test_a_search_that_is_asked_to_stop_says_who_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(conductor, "_SECONDS_BETWEEN_POLLS", 0.0)
    asking = _Ticking([], [], [], ask_in=7, directory=tmp_path / "s")

    outcome = run_search(
        search_job(tmp_path / "s", trials=3), listener=asking, factory=FakeFactory(seconds=0.1)
    )

    assert outcome.stopped.kind == "stop"
    assert outcome.stopped.reason.startswith("`algr stop` on ")
    assert [record.state for record in outcome.trials] == ["COMPLETE", "RUNNING"]
    assert not (tmp_path / "s" / "request.json").exists()


@dataclass
class _EndingInFirstEpoch:
    """A clock that jumps to an hour, or sends a Ctrl-C, when a worker has begun an epoch."""

    log: Path
    by_ctrl_c: bool
    has_ended: bool = False

    def now(self) -> float:
        if self.log.exists() and not self.has_ended:
            self.has_ended = True
            if self.by_ctrl_c:
                os.kill(os.getpid(), signal.SIGINT)
        return 3600.0 if self.has_ended and not self.by_ctrl_c else 0.0


@pytest.mark.parametrize("by_ctrl_c", [False, True], ids=["limit", "ctrl-c"])
def test_a_search_that_is_cut_off_gives_back_what_its_trials_hold(tmp_path, by_ctrl_c):
    ending = _EndingInFirstEpoch(tmp_path / "log", by_ctrl_c)
    job = search_job(tmp_path / "s", trials=2, max_concurrent=2)
    limits = Limits(ends_at=3000.0, ends_because="--max-hours 1")
    wait_until(_is_session_free, seconds=30)

    with pytest.raises(Interrupted) as caught:
        run_search(
            dataclasses.replace(job, limits=limits),
            listener=Diary.empty(),
            factory=FakeFactory(seconds=60, log=ending.log),
            clock=ending.now,
        )

    assert caught.value.__traceback__ is not None, "what it refers to is still there"
    wait_until(_is_session_free, seconds=10)


def _is_session_free() -> bool:
    held = [one for one in ray.util.placement_group_table().values() if one["state"] != "REMOVED"]
    return not held and ray.available_resources().get("CPU") == ray.cluster_resources()["CPU"]


@pytest.mark.slow
def test_two_trials_at_a_time_are_each_what_they_would_be_alone(tmp_path):
    log = tmp_path / "log"
    job = search_job(tmp_path / "s", trials=6, max_concurrent=None, tune__pruner="none")

    outcome = run_search(job, listener=Diary.empty(), factory=FakeFactory(seconds=0.4, log=log))

    assert [record.number for record in outcome.trials] == list(range(6))
    expected = [
        max(curve(with_values(job.config, record.params), epoch) for epoch in range(EPOCHS))
        for record in outcome.trials
    ]
    assert [record.value for record in outcome.trials] == expected
    assert len({pid for _, _, pid in read_log(log)}) == 2
    assert set(Counter(entry[:2] for entry in read_log(log)).values()) == {1}


@pytest.mark.slow
def test_a_trial_whose_process_always_dies_fails_and_the_search_goes_on(tmp_path):
    outcome = run_search(
        search_job(tmp_path / "s", trials=3),
        listener=Diary.empty(),
        factory=FakeFactory(log=tmp_path / "log", faults={(1, 1): "killed"}, deaths=9),
    )

    assert outcome.trials[1].state == "FAIL"
    assert outcome.trials[1].reason.startswith("its process died 4 times; with train.batch_size 8")
    assert outcome.trials[2].state in ("COMPLETE", "PRUNED")
