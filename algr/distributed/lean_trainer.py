"""Ray Train without two of its processes, which a run of ours has no use for.

Each of them is a Python of its own that imports ray and pandas at every start of a run: 1.2 s of a
processor (Ray 2.60).
"""

from typing import Any

from ray.train.torch import TorchTrainer
from ray.train.v2._internal.callbacks import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback

_WITHOUT_USE = (
    DatasetsCallback,  # shares out Ray Data's datasets; workers read ours themselves
    PlacementGroupCleanerCallback,  # needs the dashboard; `guard` does its work
)


class LeanTrainer(TorchTrainer):  # type: ignore[misc]
    """Starts a controller and the workers, and what these need."""

    def _create_default_callbacks(self) -> list[Any]:
        created = super()._create_default_callbacks()
        return [callback for callback in created if not isinstance(callback, _WITHOUT_USE)]
