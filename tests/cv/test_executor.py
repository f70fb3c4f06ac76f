"""The contract of executors; another carrier joins by a parameter of `executor`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from algr.config import Config, with_values
from algr.cv import FoldsExecutor, FoldsJob, LocalExecutor, exported_model, job_identity
from algr.data import FoldPlan, PreparedDataset, refit_fold
from algr.engine import FoldEpoch, FoldFailedError
from algr.errors import IntegrityError, StudyError


@pytest.fixture
def make_job(
    grades: PreparedDataset, config: Config, plan: FoldPlan, run_directory: Path
) -> Callable[..., FoldsJob]:
    def make(**others: object) -> FoldsJob:
        values: dict[str, Any] = {"config": config, "plan": plan, "folds": (0, 1, 2)}
        values |= others
        return FoldsJob(
            dataset_directory=grades.directory,
            run_directory=run_directory,
            identity=job_identity(values["config"], values["plan"], values["folds"]),
            **values,
        )

    return make


@pytest.fixture
def executor() -> FoldsExecutor:
    return LocalExecutor(device=torch.device("cpu"))


def execute(
    executor: FoldsExecutor, job: FoldsJob
) -> tuple[list[tuple[FoldEpoch, ...]], list[Any]]:
    epochs: list[tuple[FoldEpoch, ...]] = []
    results = executor.execute(job, on_epoch=epochs.append)
    return epochs, [(result.fold, result.chosen_epoch, result.test) for result in results]


def test_the_listener_is_told_every_epoch_in_order(
    executor: FoldsExecutor, make_job: Callable[..., FoldsJob]
) -> None:
    epochs, results = execute(executor, make_job())

    assert [[(e.fold, e.epoch) for e in row] for row in epochs] == [
        [(0, 0), (1, 0), (2, 0)],
        [(0, 1), (1, 1), (2, 1)],
    ]
    assert [result[0] for result in results] == [0, 1, 2]


def test_executing_a_job_again_tells_the_recorded_epochs_with_their_seconds(
    executor: FoldsExecutor,
    make_job: Callable[..., FoldsJob],
) -> None:
    first = execute(executor, make_job())

    assert execute(executor, make_job()) == first


def test_a_job_goes_on_after_an_interruption(
    executor: FoldsExecutor, make_job: Callable[..., FoldsJob]
) -> None:
    def interrupt(epochs: tuple[FoldEpoch, ...]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        executor.execute(make_job(folds=(1,)), on_epoch=interrupt)
    epochs, results = execute(executor, make_job(folds=(1,)))

    assert [row[0].epoch for row in epochs] == [0, 1]
    assert results[0][0] == 1


def test_a_run_directory_of_another_configuration_is_refused(
    executor: FoldsExecutor, make_job: Callable[..., FoldsJob], config: Config
) -> None:
    execute(executor, make_job(folds=(0,)))
    other = with_values(config, {"train.learning_rate": 0.02})

    with pytest.raises(StudyError):
        execute(executor, make_job(folds=(0,), config=other))


def test_folds_of_another_dataset_are_refused(
    executor: FoldsExecutor, make_job: Callable[..., FoldsJob], plan: FoldPlan
) -> None:
    tree = plan.to_dict() | {"fingerprint": "0" * 64}

    with pytest.raises(StudyError, match="fingerprint"):
        execute(executor, make_job(plan=FoldPlan.from_dict(tree)))


def test_a_fold_that_fails_is_an_error_not_a_figure(
    executor: FoldsExecutor, make_job: Callable[..., FoldsJob], config: Config
) -> None:
    wild = with_values(config, {"train.learning_rate": 1e30, "train.clip_norm": None})

    with pytest.raises(FoldFailedError):
        execute(executor, make_job(config=wild))


def test_a_refit_leaves_a_model_that_can_be_read(
    executor: FoldsExecutor,
    make_job: Callable[..., FoldsJob],
    grades: PreparedDataset,
    plan: FoldPlan,
) -> None:
    refit = FoldPlan(
        dataset=plan.dataset,
        kind=plan.kind,
        fingerprint=plan.fingerprint,
        protocol="honest",
        seed=0,
        folds=(refit_fold(grades),),
    )
    job = make_job(plan=refit, folds=(0,), export_model=True)

    _, results = execute(executor, job)
    model = exported_model(job)

    with torch.no_grad():
        output = model(torch.zeros(2, 3, 64, 64))
    assert results == [(0, 1, {})]
    assert not model.training
    assert output.grade_probability_BK().sum(1).tolist() == pytest.approx([1, 1])


def test_the_weights_of_another_network_are_refused(
    executor: FoldsExecutor, make_job: Callable[..., FoldsJob], config: Config
) -> None:
    job = make_job(folds=(0,), export_model=True)
    execute(executor, job)
    wider = with_values(config, {"model.width": 0.25})

    with pytest.raises(IntegrityError, match="does not hold"):
        exported_model(make_job(folds=(0,), export_model=True, config=wider))


def test_the_identity_follows_everything_that_numbers_depend_on(
    config: Config, plan: FoldPlan
) -> None:
    other_seed = with_values(config, {"seed": 1})
    paper = FoldPlan.from_dict(plan.to_dict() | {"protocol": "paper"})

    identities = {
        job_identity(config, plan, (0, 1)),
        job_identity(config, plan, (0, 1, 2)),
        job_identity(other_seed, plan, (0, 1)),
        job_identity(config, paper, (0, 1)),
    }

    assert len(identities) == 4
    assert job_identity(config, plan, (0, 1)) in identities
