"""The paper's optimiser, and its learning rate as a function of the step.

There is no scheduler state to save.
"""

import torch
from torch import nn

from algr.config import TrainConfig
from algr.models import parameter_groups


def learning_rate(train: TrainConfig, *, epoch: int, step: int) -> float:
    """Learning rate of the parameters without a factor of their own.

    Halved (by `decay_factor`) every `decay_every_epochs` epochs, as the paper does; during the
    first `warmup_steps` steps it rises linearly to that value.

    Args:
        train: The recipe.
        epoch: 0-based.
        step: 0-based, counted over all epochs.
    """
    decayed = train.learning_rate * float(train.decay_factor) ** (epoch // train.decay_every_epochs)
    if step < train.warmup_steps:
        return decayed * (step + 1) / train.warmup_steps
    return decayed


def make_optimizer(model: nn.Module, *, train: TrainConfig) -> torch.optim.SGD:
    """SGD with Nesterov momentum and weight decay on every parameter."""
    return torch.optim.SGD(
        parameter_groups(model, train=train),
        lr=train.learning_rate,
        momentum=train.momentum,
        nesterov=train.momentum > 0,
        weight_decay=train.weight_decay,
        fused=True,
    )


def set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Give every parameter group its share of the rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["lr_factor"]
