from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from algr.config import Config
from algr.data import FoldPlan, PreparedDataset, plan_folds
from algr.engine import (
    FoldEpoch,
    FoldsRun,
    FoldTrainer,
    load_checkpoint,
    merge_checkpoints,
    save_checkpoint,
)
from algr.errors import StudyError


@pytest.fixture
def make_run(config: Config, units: PreparedDataset) -> Callable[..., FoldsRun]:
    plan: FoldPlan = plan_folds(units, cv=config.cv, seed=0)

    def make(*folds: int, checkpoint: Path | None = None, **others: Any) -> FoldsRun:
        values = {"config": config, "identity": "identity"} | others
        return FoldsRun(
            dataset=units,
            plan=plan,
            folds=folds,
            device=torch.device("cpu"),
            checkpoint=checkpoint,
            **values,
        )

    return make


def finish(run: FoldsRun) -> FoldsRun:
    while not run.is_finished:
        run.step()
    return run


def numbers(epochs: tuple[FoldEpoch, ...]) -> list[object]:
    return [(entry.fold, entry.epoch, entry.train, entry.validation) for entry in epochs]


def forbid_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(trainer: FoldTrainer) -> None:
        raise AssertionError("an epoch was trained again")

    monkeypatch.setattr(FoldTrainer, "run_epoch", refuse)


def test_interleaved_folds_end_with_the_bits_of_separate_runs(
    make_run: Callable[..., FoldsRun],
) -> None:
    together = finish(make_run(0, 1, 2))

    separate = [finish(make_run(fold)) for fold in range(3)]

    states = {fold: run.state_of_folds()[fold] for fold, run in enumerate(separate)}
    torch.testing.assert_close(together.state_of_folds(), states, rtol=0, atol=0)
    tests = [result.test for run in separate for result in run.results()]
    assert [result.test for result in together.results()] == tests


def test_each_step_is_one_epoch_of_every_fold(make_run: Callable[..., FoldsRun]) -> None:
    run = make_run(2, 0)

    steps = [run.step(), run.step()]

    assert [[(e.fold, e.epoch) for e in step] for step in steps] == [
        [(2, 0), (0, 0)],
        [(2, 1), (0, 1)],
    ]
    assert run.is_finished
    assert run.history == steps


def test_a_stopped_run_returns_its_epochs_again_and_ends_with_the_same_bits(
    make_run: Callable[..., FoldsRun], tmp_path: Path
) -> None:
    undisturbed = finish(make_run(0, 1))
    make_run(0, 1, checkpoint=tmp_path / "c.pt").step()

    resumed = make_run(0, 1, checkpoint=tmp_path / "c.pt")
    assert resumed.history == []
    finish(resumed)

    assert [numbers(step) for step in resumed.history] == [
        numbers(step) for step in undisturbed.history
    ]
    torch.testing.assert_close(
        resumed.state_of_folds(), undisturbed.state_of_folds(), rtol=0, atol=0
    )
    assert [result.test for result in resumed.results()] == [
        result.test for result in undisturbed.results()
    ]


def test_recorded_epochs_are_returned_without_training(
    make_run: Callable[..., FoldsRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = finish(make_run(1, checkpoint=tmp_path / "c.pt"))
    forbid_training(monkeypatch)

    again = finish(make_run(1, checkpoint=tmp_path / "c.pt"))

    assert again.history == first.history
    assert again.results()[0].test == first.results()[0].test


def test_a_checkpoint_is_written_after_each_epoch(
    make_run: Callable[..., FoldsRun], tmp_path: Path
) -> None:
    path = tmp_path / "c.pt"
    run = make_run(0, checkpoint=path)

    run.step()
    after_one = load_checkpoint(path, identity="identity").epoch
    run.step()

    assert (after_one, load_checkpoint(path, identity="identity").epoch) == (1, 2)


def test_the_state_of_a_fold_has_the_documented_entries(
    make_run: Callable[..., FoldsRun], tmp_path: Path
) -> None:
    finish(make_run(0, checkpoint=tmp_path / "c.pt"))

    state = load_checkpoint(tmp_path / "c.pt", identity="identity").folds[0]

    assert {"model", "optimizer", "rng", "best_epoch", "best_model"} <= set(state)


def test_only_replica_0_writes(make_run: Callable[..., FoldsRun], tmp_path: Path) -> None:
    class Second:
        rank, size = 1, 2

        def sum_(self, tensor: torch.Tensor) -> None: ...

        def broadcast_(self, tensor: torch.Tensor, source: int = 0) -> None: ...

    run = make_run(0, checkpoint=tmp_path / "c.pt", collectives_of_fold={0: Second()})
    run.step()

    assert not (tmp_path / "c.pt").exists()


def test_workers_checkpoints_merge_and_each_takes_its_folds_back(
    make_run: Callable[..., FoldsRun], tmp_path: Path
) -> None:
    undisturbed = finish(make_run(0, 1, 2))
    left, right = make_run(0, 2), make_run(1)
    left.step()
    right.step()
    save_checkpoint(tmp_path / "c.pt", merge_checkpoints([left.snapshot(), right.snapshot()]))

    other = make_run(1, 2)
    other.resume(load_checkpoint(tmp_path / "c.pt", identity="identity"))
    finish(other)

    assert [entry.fold for entry in other.history[0]] == [1, 2]
    assert numbers(other.history[1]) == numbers(undisturbed.history[1][1:])


def test_a_checkpoint_of_something_else_is_refused(
    make_run: Callable[..., FoldsRun], tmp_path: Path
) -> None:
    make_run(0, checkpoint=tmp_path / "c.pt").step()

    with pytest.raises(StudyError, match="--name"):
        make_run(0, checkpoint=tmp_path / "c.pt", identity="another")


def test_a_checkpoint_without_a_wanted_fold_is_refused(
    make_run: Callable[..., FoldsRun], tmp_path: Path
) -> None:
    make_run(0, checkpoint=tmp_path / "c.pt").step()

    with pytest.raises(StudyError, match=r"lacks folds \[1\]"):
        make_run(0, 1, checkpoint=tmp_path / "c.pt")
