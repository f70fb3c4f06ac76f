"""The learning rate as a function of the step; there is no scheduler state to save."""

from algr.config import TrainConfig


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
