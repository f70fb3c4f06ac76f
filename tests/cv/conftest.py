"""Results made by hand, and a dataset of noise."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from algr.config import Config, with_values
from algr.data import DatasetWriter, FoldPlan, PreparedDataset, plan_folds
from algr.engine import FoldResult, FramePredictions
from algr.faces import GRADES
from algr.metrics import EvaluationCounts, scores


@pytest.fixture(scope="session")
def grades(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    random = np.random.default_rng(0)
    directory = tmp_path_factory.mktemp("home") / "grades"
    with DatasetWriter(directory, kind="grade", simulated=True) as writer:
        for subject in range(6):
            writer.add_video(
                subject_id=f"s{subject}",
                images=random.integers(0, 256, (2, 200, 200, 3), dtype=np.uint8),
                landmarks=random.uniform(20, 180, (2, 49, 2)).astype(np.float32),
                grade=subject % 2,
                grade_hb=subject % 2 + 1,
            )
        return writer.finish()


@pytest.fixture(scope="session")
def units(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    random = np.random.default_rng(0)
    directory = tmp_path_factory.mktemp("home") / "units"
    with DatasetWriter(directory, kind="au", label_names=("AU1", "AU12")) as writer:
        for subject in range(6):
            writer.add_video(
                subject_id=f"s{subject}",
                images=random.integers(0, 256, (2, 200, 200, 3), dtype=np.uint8),
                landmarks=random.uniform(20, 180, (2, 49, 2)).astype(np.float32),
                labels=np.array([[1, 0], [0, -1]]),
            )
        return writer.finish()


@pytest.fixture
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


@pytest.fixture
def plan(grades: PreparedDataset, config: Config) -> FoldPlan:
    return plan_folds(grades, cv=config.cv, seed=0)


@pytest.fixture
def make_result() -> Callable[..., FoldResult]:
    """A fold's result from its confusion matrix, rows the truth."""

    def make(
        fold: int,
        confusion: list[list[int]],
        *,
        chosen_epoch: int = 0,
        landmark_error: float = 0.05,
        predictions: FramePredictions | None = None,
    ) -> FoldResult:
        table = np.zeros((4, 4), dtype=np.int64)
        table[: len(confusion), : len(confusion)] = confusion
        images = int(table.sum())
        counts = EvaluationCounts(
            kind="grade",
            label_names=GRADES,
            table=table,
            landmark_error_sum=landmark_error * images,
            landmark_images=images,
            loss_sum=1.5 * images,
            images=images,
        )
        return FoldResult(fold, chosen_epoch, scores(counts), 2, counts, predictions)

    return make


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    return tmp_path / "runs" / "first"
