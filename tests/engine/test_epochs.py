"""Networks of which a part learns in some epochs only: the gates of the axial transformer."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from algr.config import Config, TrainConfig
from algr.data import PreparedDataset
from algr.engine import FoldTrainer
from algr.engine.recipe import make_optimizer
from tests.engine.test_fold import assert_same, through_a_file, trainer_of

MakeConfig = Callable[..., Config]


class Gated(nn.Module):
    """A frozen parameter beside a usual one."""

    def __init__(self) -> None:
        super().__init__()
        self.usual = nn.Parameter(torch.ones(3))
        self.gate = nn.Parameter(torch.ones(3), requires_grad=False)

    def start_epoch(self, epoch: int) -> None:
        self.gate.requires_grad_(epoch >= 2)


def trained(model: Gated, optimizer: torch.optim.Optimizer, epochs: range) -> list[Tensor]:
    """The gate after each epoch of two steps."""
    seen = []
    for epoch in epochs:
        model.start_epoch(epoch)
        for _ in range(2):
            optimizer.zero_grad(set_to_none=True)
            (model.usual * model.gate).sum().backward()
            optimizer.step()
        seen.append(model.gate.detach().clone())
    return seen


def gates_of(trainer: FoldTrainer) -> Tensor:
    weights = trainer.state()["model"]
    return torch.stack([weights[name] for name in weights if name.endswith("gates")])


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_released_parameter_is_neither_decayed_nor_moved_before(name: str) -> None:
    model = Gated()
    optimizer = make_optimizer(model, train=TrainConfig(optimizer=name))  # type: ignore[arg-type]

    gates = trained(model, optimizer, range(4))

    torch.testing.assert_close(gates[1], torch.ones(3), rtol=0, atol=0)
    assert (gates[2] < 1).all()
    assert (gates[3] < gates[2]).all()


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_the_optimizer_of_a_released_parameter_resumes_with_the_same_bits(name: str) -> None:
    train = TrainConfig(optimizer=name)  # type: ignore[arg-type]
    undisturbed = Gated()
    expected = trained(undisturbed, make_optimizer(undisturbed, train=train), range(5))
    stopped = Gated()
    first = make_optimizer(stopped, train=train)
    trained(stopped, first, range(3))

    resumed = Gated()
    optimizer = make_optimizer(resumed, train=train)
    resumed.load_state_dict(stopped.state_dict())
    optimizer.load_state_dict(first.state_dict())
    gates = trained(resumed, optimizer, range(3, 5))

    assert_same(gates, expected[3:])


@pytest.fixture
def small_transformer(make_config: MakeConfig, monkeypatch: pytest.MonkeyPatch) -> Config:
    """With gates that are released after one epoch."""
    monkeypatch.setattr("algr.models.axial.FROZEN_EPOCHS", 1)
    monkeypatch.setattr("algr.models.axial.STAGES", ((16, 1), (16, 1), (16, 1), (16, 1)))
    return make_config(model__kind="transformer", train__num_epochs=3)


@pytest.mark.slow
def test_a_transformer_resumes_with_the_same_bits_after_its_gates_are_released(
    small_transformer: Config, grades: PreparedDataset
) -> None:
    undisturbed = trainer_of(small_transformer, grades)
    at_start = gates_of(undisturbed)
    expected = [undisturbed.run_epoch() for _ in range(3)]
    stopped = trainer_of(small_transformer, grades)
    stopped.run_epoch()
    while_frozen = gates_of(stopped)
    stopped.run_epoch()

    resumed = trainer_of(small_transformer, grades)
    resumed.load_state(through_a_file(stopped.state()))
    last = resumed.run_epoch()

    torch.testing.assert_close(while_frozen, at_start, rtol=0, atol=0)
    assert (gates_of(stopped) != at_start).any()
    assert last.train == expected[2].train
    assert last.validation == expected[2].validation
    assert_same(resumed.state(), undisturbed.state())
    assert resumed.score_test().counts == undisturbed.score_test().counts


@pytest.mark.slow
def test_a_fold_that_resumes_at_epoch_twelve_trains_the_gates(
    make_config: MakeConfig, units: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algr.models.axial.STAGES", ((16, 1), (16, 1), (16, 1), (16, 1)))
    config = make_config(model__kind="transformer", train__num_epochs=20)
    state = trainer_of(config, units).state()
    gates = [module for module in state["model"] if module.endswith("gates")]
    trainers = []
    for epoch in (9, 12):
        trainer = trainer_of(config, units)
        trainer.load_state(state | {"rng": {**state["rng"], "epoch": epoch}})
        trainer.run_epoch()
        trainers.append(trainer)

    before_release, after_release = (gates_of(trainer) for trainer in trainers)

    assert len(gates) == 8
    assert_same(before_release, torch.stack([state["model"][name] for name in gates]))
    assert (after_release != before_release).any()


@pytest.mark.parametrize("kind", ["resnet18", "resnet50"])
@pytest.mark.parametrize("task", ["grades", "units"])
def test_a_baseline_is_trained_and_scored_without_landmarks(
    make_config: MakeConfig, request: pytest.FixtureRequest, kind: str, task: str
) -> None:
    config = make_config(model__kind=kind, train__num_epochs=1, train__landmark_start="mean")
    trainer = trainer_of(config, request.getfixturevalue(task))

    epoch = trainer.run_epoch()
    test = trainer.score_test().test

    assert epoch.train["align"] == 0
    assert epoch.train["loss"] > 0
    assert epoch.validation["landmark_error"] is None
    assert (test["landmark_error"], test["landmark_failure"]) == (None, None)
    assert test["loss"] is not None
    assert {value for name, value in test.items() if name.endswith("_local")} <= {None}


def test_reduced_precision_trains_a_transformer(
    make_config: MakeConfig, units: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("algr.models.axial.STAGES", ((16, 1), (16, 1), (16, 1), (16, 1)))
    config = make_config(model__kind="transformer", train__precision="bf16", train__num_epochs=1)

    entry = trainer_of(config, units).run_epoch()

    assert torch.tensor(entry.train["loss"]).isfinite()
