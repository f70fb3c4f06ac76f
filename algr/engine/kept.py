"""The weights of the best epoch so far."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn


class KeptWeights:
    """Keeps a copy of the weights of the epoch with the highest score, the first of equals.

    A score that is undefined is below every other; if all are, the last epoch's weights are kept.
    """

    def __init__(self) -> None:
        self.epoch: int | None = None
        """0-based; None before the first offer."""
        self.weights: dict[str, Tensor] | None = None
        """On the CPU."""
        self._value: float | None = None

    def offer(self, model: nn.Module, *, epoch: int, value: float | None) -> None:
        """Keep the weights if the score is higher than that of those kept."""
        if self._value is None or (value is not None and value > self._value):
            self.epoch, self._value = epoch, value
            self.weights = cpu_copy(model.state_dict())

    def state(self) -> dict[str, Any]:
        """Entries of a fold's checkpoint."""
        return {
            "best_epoch": self.epoch,
            "best_value": self._value,
            "best_model": self.weights,
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.epoch, self._value = state["best_epoch"], state["best_value"]
        self.weights = state["best_model"]


def cpu_copy(tree: Any) -> Any:
    """A tree of mappings and lists whose tensors are copies on the CPU."""
    if isinstance(tree, Tensor):
        return tree.detach().to("cpu", copy=True)
    if isinstance(tree, Mapping):
        return {key: cpu_copy(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [cpu_copy(value) for value in tree]
    return tree
