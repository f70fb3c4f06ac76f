"""Trials that train: the engine's numbers, whoever trained before in the same process."""

import dataclasses

import pytest
import torch
from search_fakes import Diary, search_job

from algr.config import with_values
from algr.cv import LocalExecutor
from algr.distributed import run_search
from algr.distributed.runner import FoldsRunnerFactory, TrialSpec
from algr.engine import epoch_value


@pytest.mark.ray
@pytest.mark.slow
@pytest.mark.usefixtures("cluster")
def test_a_trial_has_the_numbers_of_its_configuration_alone_whatever_was_trained_before(
    tmp_path, make_job, config, plan, grades
):
    job = dataclasses.replace(
        search_job(tmp_path / "s", trials=2),
        config=with_values(config, {"tune.pruner": "none"}),
        plan=plan,
        dataset_directory=grades.directory,
    )
    diary = Diary.empty()

    run_search(job, listener=diary)

    values = {(number, epoch): value for number, epoch, value in diary.epochs}
    second = with_values(job.config, diary.starts[1][1])
    alone = []
    LocalExecutor(device=torch.device("cpu")).execute(
        make_job(config=second), on_epoch=alone.append
    )
    assert [values[1, epoch] for epoch in (0, 1)] == [epoch_value(row, "grade") for row in alone]
    assert [path.name for path in (tmp_path / "s" / "trials").rglob("*.pt")] == ["checkpoint.pt"]


def test_a_trial_starts_from_the_weights_that_cross_validation_starts_from(
    tmp_path, make_job, started, plan, grades
):
    config, file = started
    alone = []
    LocalExecutor(device=torch.device("cpu")).execute(
        make_job(config=config, start_file=file), on_epoch=alone.append
    )
    spec = TrialSpec(0, config, tmp_path / "trial.pt", "identity")

    first = FoldsRunnerFactory(grades.directory, plan, file)(spec).step()

    assert first.value == epoch_value(alone[0], "grade")
    assert [fold.train for fold in first.folds] == [fold.train for fold in alone[0]]
