"""Weights to start from: named by their content, verified, and put into the first epoch."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from algr.config import Config, start_key, start_sha256, with_values
from algr.cv import job_identity
from algr.data import PreparedDataset, plan_folds
from algr.engine import FoldsRun, StartFile, TrainedOn, network_for, read_start, write_start
from algr.errors import IntegrityError
from algr.models import NetworkSpec

UNITS = ("AU1", "AU12")
SEEN = TrainedOn(
    fingerprint="f" * 64,
    folds_hash="a" * 64,
    protocol="honest",
    is_by_fold=True,
    seen=(("s0",), ("s1", "s2"), ("s3",)),
)


def weights(config: Config, *, seed: int) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    return network_for(config.model, kind="au", label_names=UNITS).state_dict()


@pytest.fixture
def by_fold(config: Config) -> StartFile:
    """Weights of their own for each of three folds."""
    return StartFile(
        spec=NetworkSpec(kind="au", label_names=UNITS, model=config.model),
        sets=tuple(weights(config, seed=seed) for seed in range(3)),
        is_by_fold=True,
        origin="run first, fold by fold",
        trained_on=(SEEN,),
    )


def path_of(folder: Path, sha256: str) -> Path:
    return folder / f"{sha256}.safetensors"


def test_what_is_read_is_what_was_written(by_fold: StartFile, tmp_path: Path) -> None:
    file = read_start(path_of(tmp_path, write_start(tmp_path, by_fold)))

    assert replace(file, sets=()) == replace(by_fold, sets=())
    assert all(torch.equal(file.sets[2][name], by_fold.sets[2][name]) for name in by_fold.sets[2])


def test_the_same_content_is_one_file_whatever_the_order_of_its_tensors(
    by_fold: StartFile, tmp_path: Path
) -> None:
    turned = replace(by_fold, sets=tuple(dict(reversed(list(one.items()))) for one in by_fold.sets))

    first, second = write_start(tmp_path, by_fold), write_start(tmp_path, turned)

    assert first == second
    assert [path.name for path in tmp_path.iterdir()] == [f"{first}.safetensors"]


def test_other_weights_and_another_origin_are_other_files(
    by_fold: StartFile, tmp_path: Path
) -> None:
    swapped = replace(by_fold, sets=by_fold.sets[::-1])
    renamed = replace(by_fold, origin="run second, fold by fold")

    names = {write_start(tmp_path, start) for start in (by_fold, swapped, renamed)}

    assert len(names) == 3


def alter(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_an_altered_file_is_refused_when_read_and_when_met_again(
    by_fold: StartFile, tmp_path: Path
) -> None:
    path = path_of(tmp_path, write_start(tmp_path, by_fold))
    alter(path)

    with pytest.raises(IntegrityError, match="as its name says"):
        read_start(path)
    with pytest.raises(IntegrityError, match="delete the file"):
        write_start(tmp_path, by_fold)


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(IntegrityError, match="same data home"):
        read_start(path_of(tmp_path, "0" * 64))


def test_only_a_checksum_in_its_place_names_content() -> None:
    assert start_sha256(start_key("a" * 64)) == "a" * 64
    assert start_sha256("models/start/mine.safetensors") is None
    assert start_sha256(f"/somewhere/{start_key('a' * 64)}") is None


def test_a_run_from_other_weights_is_another_run(config: Config, units: PreparedDataset) -> None:
    plan = plan_folds(units, cv=config.cv, seed=0)
    starts = [None, start_key("a" * 64), start_key("b" * 64)]

    identities = {
        job_identity(with_values(config, {"train.init_from": start}), plan, (0,))
        for start in starts
    }

    assert len(identities) == 3


@pytest.fixture
def make_run(
    config: Config, units: PreparedDataset, by_fold: StartFile, tmp_path: Path
) -> Callable[..., FoldsRun]:
    """A run of all folds; from weights of their own."""

    def make(start: StartFile = by_fold, *, checkpoint: Path | None = None, **values: Any):
        sha256 = write_start(tmp_path / "start", start)
        given = with_values(config, {"train.init_from": start_key(sha256), **values})
        return FoldsRun(
            config=given,
            dataset=units,
            plan=plan_folds(units, cv=config.cv, seed=0),
            folds=(0, 1, 2),
            device=torch.device("cpu"),
            checkpoint=checkpoint,
            identity="identity",
            start_file=path_of(tmp_path / "start", sha256),
        )

    return make


def models(run: FoldsRun) -> list[dict[str, torch.Tensor]]:
    return [state["model"] for state in run.state_of_folds().values()]


def assert_same(left: Any, right: Any) -> None:
    torch.testing.assert_close(left, right, rtol=0, atol=0)


def test_each_fold_begins_with_its_own_weights(
    make_run: Callable[..., FoldsRun], by_fold: StartFile
) -> None:
    assert_same(models(make_run()), [dict(one) for one in by_fold.sets])


def test_one_set_of_weights_serves_every_fold(
    make_run: Callable[..., FoldsRun], by_fold: StartFile
) -> None:
    single = replace(by_fold, sets=by_fold.sets[:1], is_by_fold=False)

    assert_same(models(make_run(single)), [dict(by_fold.sets[0])] * 3)


def test_loaded_landmarks_win_over_the_mean_face(
    make_run: Callable[..., FoldsRun], by_fold: StartFile
) -> None:
    (first, *_) = models(make_run(**{"train.landmark_start": "mean"}))

    assert_same(first["landmark_head.last.bias"], by_fold.sets[0]["landmark_head.last.bias"])


def test_a_run_that_goes_on_keeps_what_it_learned_and_ends_as_if_undisturbed(
    make_run: Callable[..., FoldsRun], tmp_path: Path
) -> None:
    undisturbed = make_run()
    undisturbed.step()
    undisturbed.step()
    stopped = make_run(checkpoint=tmp_path / "checkpoint.pt")
    stopped.step()

    resumed = make_run(checkpoint=tmp_path / "checkpoint.pt")

    assert_same(models(resumed), models(stopped))
    resumed.step()
    resumed.step()
    assert_same(models(resumed), models(undisturbed))


def test_a_run_refuses_altered_weights(
    config: Config, units: PreparedDataset, by_fold: StartFile, tmp_path: Path
) -> None:
    sha256 = write_start(tmp_path, by_fold)
    alter(path_of(tmp_path, sha256))

    with pytest.raises(IntegrityError, match="as its name says"):
        FoldsRun(
            config=with_values(config, {"train.init_from": start_key(sha256)}),
            dataset=units,
            plan=plan_folds(units, cv=config.cv, seed=0),
            folds=(0,),
            device=torch.device("cpu"),
            identity="identity",
            start_file=path_of(tmp_path, sha256),
        )
