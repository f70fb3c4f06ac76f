import resource
from pathlib import Path
from typing import Any

import pytest
import torch

from algr.engine import (
    Checkpoint,
    FoldEpoch,
    load_checkpoint,
    merge_checkpoints,
    save_checkpoint,
)
from algr.engine.checkpoint import load_tensors, save_atomically
from algr.errors import IntegrityError, StudyError


def entry(fold: int, epoch: int) -> FoldEpoch:
    return FoldEpoch(fold, epoch, {"loss": 1.5}, {"f1_macro": 0.25, "f1_high": None}, 2.0)


def checkpoint_of(*folds: int, epochs: int = 2) -> Checkpoint:
    history = tuple(tuple(entry(fold, epoch) for fold in folds) for epoch in range(epochs))
    states = {fold: {"model": {"w": torch.full((3,), float(fold))}} for fold in folds}
    return Checkpoint("identity", history, states)


def test_a_checkpoint_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    path = tmp_path / "run" / "checkpoint.pt"

    save_checkpoint(path, checkpoint_of(0, 2))
    read = load_checkpoint(path, identity="identity")

    assert read.history == checkpoint_of(0, 2).history
    assert read.epoch == 2
    assert read.folds[2]["model"]["w"].tolist() == [2.0, 2.0, 2.0]
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.pt"]


def test_the_layout_of_the_file_is_the_documented_one(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"

    save_checkpoint(path, checkpoint_of(1))

    tree = torch.load(path, weights_only=True)
    assert set(tree) == {"schema", "identity", "epoch", "history", "folds"}
    assert (tree["schema"], tree["epoch"], list(tree["folds"])) == (1, 2, [1])


def test_a_cut_off_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, checkpoint_of(0))
    path.write_bytes(path.read_bytes()[:-100])

    with pytest.raises(IntegrityError, match="damaged"):
        load_checkpoint(path, identity="identity")


def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save([1, 2], path)

    with pytest.raises(IntegrityError, match="no checkpoint"):
        load_checkpoint(path, identity="identity")


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"schema": 1, "folds": Path("x")}, path)

    with pytest.raises(IntegrityError, match="damaged"):
        load_checkpoint(path, identity="identity")


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, checkpoint_of(0))

    with pytest.raises(StudyError, match="identity identity") as caught:
        load_checkpoint(path, identity="another")

    assert "--name" in caught.value.message


def test_a_checkpoint_of_another_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    torch.save({"schema": 7}, path)

    with pytest.raises(StudyError, match="schema 7"):
        load_checkpoint(path, identity="identity")


def test_a_save_that_breaks_off_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, checkpoint_of(0, epochs=1))

    def break_off(tree: object, file: Any) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", break_off)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, checkpoint_of(0, epochs=2))

    assert load_checkpoint(path, identity="identity").epoch == 1
    assert [file.name for file in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_parts_of_workers_merge_into_one_checkpoint() -> None:
    merged = merge_checkpoints([checkpoint_of(2), checkpoint_of(0), checkpoint_of(1)])

    assert merged.history == checkpoint_of(0, 1, 2).history
    assert list(merged.folds) == [0, 1, 2]


def test_a_disk_that_takes_no_more_is_told_as_such_and_keeps_the_old_file(tmp_path: Path) -> None:
    save_atomically(tmp_path / "c.pt", {"weights": torch.zeros(10)})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(StudyError, match=r"c\.pt cannot be written: File too large"):
            save_atomically(tmp_path / "c.pt", {"weights": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert load_tensors(tmp_path / "c.pt")["weights"].shape == (10,)
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]
