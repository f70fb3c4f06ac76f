import pytest
import torch

from algr.config import TrainConfig
from algr.engine.recipe import learning_rate, make_optimizer, set_learning_rate


def test_learning_rate_is_halved_every_two_epochs() -> None:
    train = TrainConfig()

    rates = [learning_rate(train, epoch=epoch, step=0) for epoch in range(6)]

    assert rates == [0.01, 0.01, 0.005, 0.005, 0.0025, 0.0025]


def test_learning_rate_rises_linearly_during_warmup() -> None:
    train = TrainConfig(warmup_steps=4)

    rates = [learning_rate(train, epoch=0, step=step) for step in range(5)]

    assert rates == pytest.approx([0.0025, 0.005, 0.0075, 0.01, 0.01])


def test_optimizer_takes_the_nesterov_step_of_the_formula() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(2.0)
    train = TrainConfig(learning_rate=0.1, momentum=0.9, weight_decay=0.5)
    optimizer = make_optimizer(model, train=train)

    model.weight.grad = torch.tensor([[3.0]])
    optimizer.step()

    # g = 3 + 0.5 * 2 = 4; buffer = 4; w = 2 - 0.1 * (4 + 0.9 * 4)
    assert model.weight.item() == pytest.approx(2 - 0.1 * 7.6)


def test_adamw_takes_the_step_of_the_formula() -> None:
    model = torch.nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(2.0)
    train = TrainConfig(optimizer="adamw", learning_rate=0.1, weight_decay=0.5)
    optimizer = make_optimizer(model, train=train)

    model.weight.grad = torch.tensor([[3.0]])
    optimizer.step()

    # w = 2 (1 - 0.1 * 0.5) = 1.9; the first step of Adam is the rate in the gradient's direction
    assert model.weight.item() == pytest.approx(1.9 - 0.1)


def test_each_group_gets_its_factor_of_the_rate() -> None:
    slow, usual = torch.nn.Parameter(torch.zeros(1)), torch.nn.Parameter(torch.zeros(1))
    groups = [{"params": [usual], "lr_factor": 1.0}, {"params": [slow], "lr_factor": 0.1}]
    optimizer = torch.optim.SGD(groups, lr=1.0)

    set_learning_rate(optimizer, 0.02)

    assert [group["lr"] for group in optimizer.param_groups] == pytest.approx([0.02, 0.002])
