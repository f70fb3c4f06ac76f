"""One Ray for all tests, and a dataset of noise with a network as small as can be."""

import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from algr.config import Config, start_key, with_values
from algr.cv import FoldsJob, job_identity
from algr.data import DatasetWriter, FoldPlan, PreparedDataset, plan_folds
from algr.distributed import Devices, ray_session
from algr.engine import StartFile, network_for, write_start
from algr.faces import GRADES
from algr.models import NetworkSpec

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)  # Ray's workers must find the fakes by the same name


@pytest.fixture(scope="session")
def node_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the cluster's own node keeps copies of datasets that are named by their place."""
    return tmp_path_factory.mktemp("node")


@pytest.fixture(scope="session")
def cluster(node_cache: Path) -> Iterator[Devices]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([HERE, *sys.path[1:]]))
        patch.setenv("ALGR_NODE_CACHE", str(node_cache))
        patch.setenv("RAY_health_check_period_ms", "500")  # a killed node is missed soon
        patch.setenv("RAY_health_check_failure_threshold", "3")
        with ray_session(address="local", num_cpus=2) as devices:
            yield devices


@pytest.fixture
def same_environment_after() -> Iterator[None]:
    """Take back what a session puts into the environment for the rest of its process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def grades(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    random = np.random.default_rng(0)
    directory = tmp_path_factory.mktemp("home") / "datasets" / "grades"
    with DatasetWriter(directory, kind="grade", simulated=True) as writer:
        for subject in range(6):
            writer.add_video(
                subject_id=f"s{subject}",
                images=random.integers(0, 256, (4, 200, 200, 3), dtype=np.uint8),
                landmarks=random.uniform(20, 180, (4, 49, 2)).astype(np.float32),
                grade=subject % 2,
                grade_hb=subject % 2 + 1,
            )
        return writer.finish()


@pytest.fixture(scope="session")
def config() -> Config:
    return with_values(
        Config(),
        {
            "model.kind": "jaanet",
            "model.input_size": 64,
            "model.width": 0.125,
            "model.geometry": "aligned",
            "model.refine_attention": False,
            "train.num_epochs": 2,
            "train.clip_norm": 5.0,
        },
    )


@pytest.fixture(scope="session")
def plan(grades: PreparedDataset, config: Config) -> FoldPlan:
    return plan_folds(grades, cv=config.cv, seed=0)


@pytest.fixture
def started(config: Config, tmp_path: Path) -> tuple[Config, Path]:
    """A configuration that starts each of three folds from weights of its own, and their file."""
    sets = []
    for seed in range(3):
        torch.manual_seed(seed)
        network = network_for(config.model, kind="grade", label_names=GRADES)
        sets.append(network.state_dict())
    start = StartFile(
        spec=NetworkSpec(kind="grade", label_names=GRADES, model=config.model),
        sets=tuple(sets),
        is_by_fold=True,
        origin="run first, fold by fold",
        trained_on=(),
    )
    sha256 = write_start(tmp_path / "start", start)
    given = with_values(config, {"train.init_from": start_key(sha256)})
    return given, tmp_path / "start" / f"{sha256}.safetensors"


@pytest.fixture
def make_job(
    grades: PreparedDataset, config: Config, plan: FoldPlan, tmp_path: Path
) -> Callable[..., FoldsJob]:
    def make(name: str = "run", **others: object) -> FoldsJob:
        job = FoldsJob(
            config=config,
            dataset_directory=grades.directory,
            plan=plan,
            folds=(0, 1, 2),
            run_directory=tmp_path / "runs" / name,
            identity="",
        )
        job = dataclasses.replace(job, **others)
        return dataclasses.replace(job, identity=job_identity(job.config, job.plan, job.folds))

    return make
