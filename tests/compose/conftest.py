"""Datasets of noise in one data home, and a finished cross-validation on the first of them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from algr.compose import TrainingRequest
from algr.compose.requests import open_material
from algr.config import Config, DataHome, with_values
from algr.cv import (
    PREDICTIONS_FILE,
    FoldsJob,
    LocalExecutor,
    job_identity,
    write_predictions,
    write_run_files,
)
from algr.data import DatasetWriter
from algr.models import build_model, regions_for
from algr.models.weights import SavedWeights, write_weights

BEFORE = ("AU12", "AU17", "AU23")
AFTER = ("AU9", "AU12", "AU26")
DISFA = ("AU1", "AU2", "AU4", "AU6", "AU9", "AU12", "AU25", "AU26")


def write_dataset(
    home: DataHome,
    name: str,
    labels: tuple[str, ...],
    *,
    people: range,
    corrected: bool = False,
) -> None:
    """Each person has frames of their own, the same in every dataset with the same labels.

    With `corrected`, one label of each person is another.
    """
    with DatasetWriter(home.dataset(name), kind="au", label_names=labels, simulated=True) as writer:
        for person in people:
            random = np.random.default_rng((person, len(labels), labels == BEFORE))
            images = random.integers(0, 256, (3, 200, 200, 3), dtype=np.uint8)
            landmarks = random.uniform(20, 180, (3, 49, 2)).astype(np.float32)
            coded = random.integers(0, 2, (3, len(labels)))
            coded[0, 0] ^= corrected
            writer.add_video(
                subject_id=f"s{person}", images=images, landmarks=landmarks, labels=coded
            )
        writer.finish()


def tiny_config(**values: object) -> Config:
    smallest = {
        "model.input_size": 64,
        "model.width": 0.125,
        "model.geometry": "aligned",
        "train.num_epochs": 1,
        "train.clip_norm": 5.0,
        "model.kind": "jaanet",
    }
    return with_values(Config(), smallest | {k.replace("__", "."): v for k, v in values.items()})


def request_for(
    home: DataHome, dataset: str, reference: str | None, **values: object
) -> TrainingRequest:
    return TrainingRequest(
        dataset=dataset,
        home=home,
        config=tiny_config(train__init_from=reference, **values),
        name=None,
        resume=False,
        workers=1,
        address=None,
        tracking_uri=None,
    )


def finish_run(request: TrainingRequest, name: str, *, start_file: Path | None = None) -> None:
    """A run as `algr cv` leaves it, without Ray and MLflow."""
    config = request.config
    material = open_material(request)
    directory = request.home.run(name)
    write_run_files(directory, config=config, plan=material.plan)
    folds = tuple(fold.index for fold in material.plan.folds)
    job = FoldsJob(
        config=config,
        dataset_directory=material.dataset.directory,
        plan=material.plan,
        folds=folds,
        run_directory=directory,
        identity=job_identity(config, material.plan, folds),
        start_file=start_file,
    )
    results = LocalExecutor(device=torch.device("cpu")).execute(job, on_epoch=lambda _: None)
    write_predictions(directory / PREDICTIONS_FILE, dataset=material.dataset, results=results)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> DataHome:
    """`before` and its run `base`; `grown`, which has two people more; `after`; `disfa`."""
    home = DataHome(tmp_path_factory.mktemp("home"))
    write_dataset(home, "before", BEFORE, people=range(6))
    write_dataset(home, "grown", BEFORE, people=range(8))
    write_dataset(home, "after", AFTER, people=range(6))
    write_dataset(home, "disfa", DISFA, people=range(6))
    finish_run(request_for(home, "before", None), "base")
    return home


@pytest.fixture
def make_request(home: DataHome) -> Callable[..., TrainingRequest]:
    """A request for a dataset and weights to start from."""

    def make(
        dataset: str, reference: str | None, *, resume: bool = False, **values: object
    ) -> TrainingRequest:
        return replace(request_for(home, dataset, reference, **values), resume=resume)

    return make


@pytest.fixture
def write_jaanet(tmp_path: Path) -> Callable[..., Path]:
    """A file as `algr models import-jaanet` writes it, of a network as small as can be."""

    def write(name: str = "weights.safetensors", *, seed: int = 0) -> Path:
        torch.manual_seed(seed)
        config = tiny_config().model
        table = regions_for(kind="au", label_names=BEFORE, palsy_regions="single12")
        model = build_model(config, kind="au", regions=table)
        saved = SavedWeights(
            tensors=model.state_dict(),
            kind="au",
            regions=BEFORE,
            model=config,
            origin="official JAA-Net v2, bp4d, epoch 5",
            sources={"align_net_5.pth": "0" * 64},
        )
        write_weights(tmp_path / name, saved)
        return tmp_path / name

    return write
