"""Which study `--resume` without a name goes on with."""

import os
from pathlib import Path

from algr.compose.search import last_study
from algr.config import Config, SearchSpace
from algr.tune import StudyIdentity, open_study


def _study(directory: Path, *, dataset: str, worked_on_at: float) -> None:
    space = SearchSpace.model_validate(
        {"parameters": {"train.learning_rate": {"type": "float", "low": 0.1, "high": 0.2}}}
    )
    identity = StudyIdentity(
        config=Config(), space=space, folds_hash="f" * 64, fingerprint="d" * 64
    )
    with open_study(directory, identity=identity, dataset=dataset, trials=1, resume=False):
        pass
    for path in directory.glob("study.*"):
        os.utime(path, (worked_on_at, worked_on_at))


def test_the_last_study_of_the_dataset_is_found_whatever_its_name(tmp_path: Path) -> None:
    _study(tmp_path / "fpara-1", dataset="fpara", worked_on_at=100.0)
    _study(tmp_path / "for-the-paper", dataset="fpara", worked_on_at=200.0)
    _study(tmp_path / "fpara-2", dataset="another", worked_on_at=300.0)

    assert last_study(tmp_path, dataset="fpara") == "for-the-paper"
    assert last_study(tmp_path, dataset="disfa") is None
