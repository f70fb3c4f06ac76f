"""Trials that train: the engine's numbers, whoever trained before in the same process."""

import dataclasses

import pytest
import torch
from search_fakes import Diary, search_job

from algr.config import with_values
from algr.cv import LocalExecutor
from algr.distributed import run_search
from algr.distributed.runner import FoldsRunnerFactory, TrialSpec
from algr.engine import epoch_value, mean_defined, network_for
from algr.tune import Objective


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


def test_a_trial_has_the_figures_of_all_its_objectives(tmp_path, config, plan, grades):
    names = ("val/accuracy", "val/loss", "parameters", "latency_ms", "train_seconds")
    factory = FoldsRunnerFactory(
        grades.directory, plan, objectives=tuple(Objective(name) for name in names)
    )
    runner = factory(TrialSpec(0, config, tmp_path / "trial.pt", "identity"))

    first, last = runner.step(), runner.step()

    assert first.value == mean_defined([fold.validation["accuracy"] for fold in first.folds])
    assert set(first.figures) == {"val/loss", "train_seconds"}
    assert set(last.figures) == set(names[1:])
    network = network_for(config.model, kind="grade", label_names=grades.label_names)
    assert last.figures["parameters"] == sum(one.numel() for one in network.parameters())
    assert last.figures["latency_ms"] > 0
    assert last.figures["train_seconds"] == pytest.approx(first.seconds + last.seconds)
