"""A dataset of noise and a network as small as can be: what is tested is the machinery."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from algr.config import Config, with_values
from algr.data import DatasetWriter, FoldPlan, PreparedDataset, plan_folds

SUBJECTS = 6
FRAMES = 4

# Rough places of the 49 points on an aligned face of 200 pixels.
FACE = np.array(
    [(55 + 8 * i, 60) for i in range(5)]
    + [(113 + 8 * i, 60) for i in range(5)]
    + [(100, 75 + 10 * i) for i in range(4)]
    + [(85 + 7 * i, 115) for i in range(5)]
    + [(60, 80), (66, 76), (74, 76), (80, 80), (74, 84), (66, 84)]
    + [(120, 80), (126, 76), (134, 76), (140, 80), (134, 84), (126, 84)]
    + [(75, 140), (83, 135), (92, 133), (100, 134), (108, 133), (117, 135), (125, 140)]
    + [(117, 147), (108, 151), (100, 152), (92, 151), (83, 147)]
    + [(92, 139), (100, 140), (108, 139), (108, 144), (100, 145), (92, 144)],
    dtype=np.float32,
)


def write_dataset(directory: Path, *, kind: str, label_names: tuple[str, ...]) -> PreparedDataset:
    random = np.random.default_rng(0)
    with DatasetWriter(directory, kind=kind, label_names=label_names, simulated=True) as writer:
        for subject in range(SUBJECTS):
            images = random.integers(0, 256, (FRAMES, 200, 200, 3), dtype=np.uint8)
            landmarks = FACE + random.normal(0, 2, (FRAMES, 49, 2)).astype(np.float32)
            labels = random.integers(0, 2, (FRAMES, len(label_names)))
            writer.add_video(
                subject_id=f"s{subject}",
                images=images,
                landmarks=landmarks,
                labels=labels if kind == "au" else None,
                grade=subject % 4 if kind == "grade" else -1,
                grade_hb=(1, 2, 4, 5)[subject % 4] if kind == "grade" else -1,
            )
        return writer.finish()


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def grades(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    directory = tmp_path_factory.mktemp("home") / "grades"
    return write_dataset(directory, kind="grade", label_names=("normal", "low", "medium", "high"))


@pytest.fixture(scope="session")
def units(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    directory = tmp_path_factory.mktemp("home") / "units"
    return write_dataset(directory, kind="au", label_names=("AU1", "AU12"))


@pytest.fixture
def make_config() -> Callable[..., Config]:
    def make(**values: object) -> Config:
        smallest = {
            "model.kind": "jaanet",
            "model.input_size": 64,
            "model.width": 0.125,
            "model.geometry": "aligned",
            "model.refine_attention": False,
            "train.num_epochs": 2,
            "train.batch_size": 8,
            "train.clip_norm": 5.0,
        }
        given = {key.replace("__", "."): value for key, value in values.items()}
        return with_values(Config(), smallest | given)

    return make


@pytest.fixture
def config(make_config: Callable[..., Config]) -> Config:
    return make_config()


@pytest.fixture
def plan(grades: PreparedDataset, config: Config) -> FoldPlan:
    return plan_folds(grades, cv=config.cv, seed=0)
