"""The contract of the collectives, and folds that are trained by two processes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from algr.config import Config, with_values
from algr.data import PreparedDataset, plan_folds
from algr.engine import (
    Collectives,
    FoldsRun,
    FoldTrainer,
    SoloCollectives,
    TorchCollectives,
)
from algr.engine.checks import check_replicas_equal
from algr.errors import ConfigError

CPU = torch.device("cpu")


def check_contract(collectives: Collectives) -> dict[str, list[float]]:
    """What every adapter must do; also run by the distributed package's adapters."""
    whole = torch.arange(3, dtype=torch.float64) + collectives.rank
    collectives.sum_(whole)
    large = torch.tensor([2.0**52 + 1], dtype=torch.float64)
    collectives.sum_(large)
    sent = torch.full((2,), collectives.rank, dtype=torch.int64)
    collectives.broadcast_(sent)
    last = torch.full((2,), collectives.rank, dtype=torch.int64)
    collectives.broadcast_(last, source=collectives.size - 1)
    return {
        "sum": whole.tolist(),
        "large": large.tolist(),
        "first": sent.tolist(),
        "last": last.tolist(),
    }


def test_alone_nothing_changes() -> None:
    assert check_contract(SoloCollectives()) == {
        "sum": [0.0, 1.0, 2.0],
        "large": [2.0**52 + 1],
        "first": [0, 0],
        "last": [0, 0],
    }


def worker(rank: int, folder: str, task: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    collectives = TorchCollectives(dist.new_group([0, 1]))
    torch.save(task(collectives, *arguments), f"{folder}/{rank}.pt")
    dist.destroy_process_group()


def in_two_processes(folder: Path, task: Callable[..., Any], *arguments: Any) -> list[Any]:
    mp.spawn(worker, args=(str(folder), task, arguments), nprocs=2)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(2)]


def differing_weights(collectives: Collectives) -> str:
    model = torch.nn.Linear(2, 2)
    torch.nn.init.constant_(model.weight, float(collectives.rank))
    torch.nn.init.zeros_(model.bias)
    try:
        check_replicas_equal(model, collectives=collectives)
    except RuntimeError as error:
        return str(error)
    return "equal"


def train_fold(collectives: Collectives, config: Config, directory: Path) -> dict[str, Any]:
    dataset = PreparedDataset.open(directory)
    run = FoldsRun(
        config=config,
        dataset=dataset,
        plan=plan_folds(dataset, cv=config.cv, seed=0),
        folds=[0],
        device=CPU,
        collectives_of_fold={0: collectives},
        identity="identity",
    )
    epochs = [run.step()[0] for _ in range(config.train.num_epochs)]
    result = run.results()[0]
    return {
        "train": [entry.train for entry in epochs],
        "validation": [entry.validation for entry in epochs],
        "state": run.state_of_folds()[0],
        "test": result.test,
        "images": result.counts.images,
        "rows": result.predictions.rows_N,
        "probability": torch.from_numpy(result.predictions.probability_NK),
    }


def score_fold(
    collectives: Collectives, config: Config, directory: Path, state: dict[str, Any]
) -> dict[str, Any]:
    """Test scores of given weights."""
    dataset = PreparedDataset.open(directory)
    trainer = FoldTrainer(
        config=config,
        dataset=dataset,
        fold=plan_folds(dataset, cv=config.cv, seed=0).folds[0],
        protocol="honest",
        device=CPU,
        collectives=collectives,
    )
    trainer.load_state(state)
    result = trainer.score_test()
    return {
        "test": result.test,
        "counts": result.counts,
        "probability": torch.from_numpy(result.predictions.probability_NK),
    }


def everything(
    collectives: Collectives, config: Config, directory: Path, state: dict[str, Any]
) -> dict[str, Any]:
    shared = with_values(config, {"train.sync_batch_norm": True})
    return {
        "contract": check_contract(collectives),
        "differing": differing_weights(collectives),
        "trained": train_fold(collectives, config, directory),
        "shared": train_fold(collectives, shared, directory),
        "scored": score_fold(collectives, config, directory, state),
    }


@pytest.mark.slow
def test_two_processes_sum_agree_on_weights_and_score_every_frame_once(
    make_config: Callable[..., Config], units: PreparedDataset, tmp_path: Path
) -> None:
    # 12 training frames in batches of 7 and 5, so that no share is like another
    config = make_config(train__batch_size=7)
    alone = train_fold(SoloCollectives(), config, units.directory)
    scored = score_fold(SoloCollectives(), config, units.directory, alone["state"])

    found = in_two_processes(tmp_path, everything, config, units.directory, alone["state"])

    contract = {
        "sum": [1.0, 3.0, 5.0],
        "large": [2.0**53 + 2],
        "first": [0, 0],
        "last": [1, 1],
    }
    assert [replica["contract"] for replica in found] == [contract] * 2
    assert [replica["differing"] for replica in found] == ["1 of 2 replicas hold other weights"] * 2
    first, second = (replica["trained"] for replica in found)
    torch.testing.assert_close(first["state"], second["state"], rtol=0, atol=0)
    assert (first["train"], first["test"]) == (second["train"], second["test"])
    assert first["images"] == alone["images"]
    assert first["rows"].tolist() == alone["rows"].tolist()
    assert bool((first["probability"] > 0).all())
    # The losses are those of one replica but for batch-norm statistics.
    assert first["train"][0]["align"] == pytest.approx(alone["train"][0]["align"], rel=0.1)
    # With shared statistics they are those of one replica but for rounding.
    first, second = (replica["shared"] for replica in found)
    torch.testing.assert_close(first["state"], second["state"], rtol=0, atol=0)
    for epoch, of_alone in zip(first["train"], alone["train"], strict=True):
        assert epoch == pytest.approx(of_alone, rel=1e-4)
    torch.testing.assert_close(first["probability"], alone["probability"], rtol=0, atol=1e-4)
    # Scores of the same weights are the same bits.
    for replica in found:
        assert replica["scored"]["test"] == scored["test"]
        assert replica["scored"]["counts"] == scored["counts"]
        assert torch.equal(replica["scored"]["probability"], scored["probability"])


def test_what_replicas_cannot_do_is_refused(
    make_config: Callable[..., Config], units: PreparedDataset
) -> None:
    class OfFive(SoloCollectives):
        size = 5

    with pytest.raises(ConfigError) as caught:
        train_fold(OfFive(), make_config(loss__dice="official"), units.directory)

    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "loss.dice",
        "train.batch_size",
    ]
