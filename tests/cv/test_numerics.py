"""Replicas and precision, which a run keeps from its first epoch to its last."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from algr.config import Config, with_values
from algr.cv import (
    LocalExecutor,
    Numerics,
    identity_of_run,
    job_identity,
    numerics_of_run,
    record_numerics,
    write_run_files,
)
from algr.data import FoldPlan
from algr.engine import resolved_precision
from algr.errors import IntegrityError, StudyError

ALONE = Numerics(replicas=1, precision="fp32", device="cpu")
SHARED = Numerics(replicas=2, precision="fp32", device="cpu")
SHORT = Numerics(replicas=1, precision="bf16", device="cuda")
FOLDS = (0, 1, 2)


def test_several_replicas_and_bf16_are_other_numbers_and_one_in_fp32_are_those_of_old(
    config: Config, plan: FoldPlan
) -> None:
    old = job_identity(config, plan, FOLDS)

    found = [job_identity(config, plan, FOLDS, numerics=one) for one in (ALONE, SHARED, SHORT)]

    assert found[0] == old
    assert len(set(found)) == 3


def test_a_run_remembers_how_its_numbers_are_made(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan, numerics=SHARED)

    assert json.loads((run_directory / "numerics.json").read_text()) == {
        "replicas": 2,
        "precision": "fp32",
    }
    (entry,) = json.loads((run_directory / "environment.json").read_text())
    assert entry["device"] == "cpu"
    expected = job_identity(config, plan, FOLDS, numerics=SHARED)
    assert identity_of_run(run_directory, config, plan, FOLDS) == expected


@pytest.mark.parametrize(
    ("then", "now", "words"),
    [
        (ALONE, SHARED, "replicas: 1 there, 2 now; go on with --workers 3 or fewer"),
        (SHARED, ALONE, "replicas: 2 there, 1 now; go on with --workers 6"),
        (ALONE, SHORT, "precision: fp32 there, bf16 now (on a cuda device; "),
        (SHORT, ALONE, "new --name with --set train.precision=bf16, the same on all devices"),
    ],
)
def test_a_run_does_not_go_on_with_numbers_of_another_make(
    run_directory: Path, config: Config, plan: FoldPlan, then: Numerics, now: Numerics, words: str
) -> None:
    write_run_files(run_directory, config=config, plan=plan, numerics=then)

    with pytest.raises(StudyError) as caught:
        write_run_files(run_directory, config=config, plan=plan, numerics=now)

    (problem,) = caught.value.problems
    assert words in problem
    found = numerics_of_run(run_directory)
    assert found is not None
    assert found.to_dict() == then.to_dict()


def test_another_device_of_the_same_precision_goes_on_and_is_noted(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan, numerics=ALONE)

    write_run_files(run_directory, config=config, plan=plan, numerics=replace(ALONE, device="cuda"))

    entries = json.loads((run_directory / "environment.json").read_text())
    assert [entry["device"] for entry in entries] == ["cpu", "cuda"]


def test_a_run_of_an_earlier_version_goes_on_with_one_replica_in_the_precision_that_it_has(
    run_directory: Path, config: Config, plan: FoldPlan
) -> None:
    write_run_files(run_directory, config=config, plan=plan)
    earlier = job_identity(config, plan, FOLDS)

    with pytest.raises(StudyError, match="other settings"):
        write_run_files(run_directory, config=config, plan=plan, numerics=SHARED)
    write_run_files(run_directory, config=config, plan=plan, numerics=SHORT)
    write_run_files(run_directory, config=config, plan=plan, numerics=SHORT)

    assert json.loads((run_directory / "numerics.json").read_text()) == {"replicas": 1}
    assert identity_of_run(run_directory, config, plan, FOLDS) == earlier


def test_a_folder_without_a_plan_remembers_too(tmp_path: Path) -> None:
    record_numerics(tmp_path, SHARED, is_begun=False)
    record_numerics(tmp_path, SHARED, is_begun=True)

    with pytest.raises(StudyError, match="started with other numerics") as caught:
        record_numerics(tmp_path, ALONE, is_begun=True)

    assert "go on with --workers 2" in str(caught.value.problems)


def test_one_worker_of_one_fold_is_named_exactly(tmp_path: Path) -> None:
    record_numerics(tmp_path, ALONE, is_begun=False)

    with pytest.raises(StudyError) as caught:
        record_numerics(tmp_path, SHARED, is_begun=True)

    assert caught.value.problems[0].endswith("go on with --workers 1")


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "numerics.json").write_text(text)

    with pytest.raises(IntegrityError, match=r"numerics\.json"):
        numerics_of_run(tmp_path)


def test_the_tracker_gets_a_tag_for_each_thing_that_is_known() -> None:
    assert SHORT.tags == {
        "algr.replicas": "1",
        "algr.precision": "bf16",
        "algr.device": "cuda",
    }
    assert Numerics().tags == {"algr.replicas": "1"}


@pytest.mark.parametrize(("asked", "found"), [("auto", "fp32"), ("fp32", "fp32"), ("bf16", "bf16")])
def test_without_a_cluster_there_is_one_replica(config: Config, asked: str, found: str) -> None:
    cpu = torch.device("cpu")
    config = with_values(config, {"train.precision": asked})

    numerics = LocalExecutor(device=cpu).numerics(config, FOLDS)

    assert numerics == Numerics(replicas=1, precision=found, device="cpu")
    assert resolved_precision(config.train.precision, device=cpu) == found
