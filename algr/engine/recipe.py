"""The optimiser, by default the paper's, and its learning rate as a function of the step.

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


def make_optimizer(model: nn.Module, *, train: TrainConfig) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum as in the paper, or AdamW; weight decay on every parameter.

    AdamW is for short runs. The landmark loss counts squared pixels in units of the squared eye
    distance, so its gradients are some thousand times smaller than those of the other heads, and
    plain SGD needs as many more steps to move the landmarks at all.
    """
    groups = parameter_groups(model, train=train)
    if train.optimizer == "adamw":
        return torch.optim.AdamW(
            groups,
            lr=train.learning_rate,
            betas=(train.momentum, 0.999),
            weight_decay=train.weight_decay,
            fused=True,
        )
    return torch.optim.SGD(
        groups,
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
