"""What a run of Ray Train starts here, without a cluster."""

from ray.train import ScalingConfig
from ray.train.torch import TorchTrainer

from algr.distributed.lean_trainer import LeanTrainer


def _parts(kind: type[TorchTrainer]) -> list[str]:
    trainer = kind(lambda: None, scaling_config=ScalingConfig(num_workers=2))
    return [type(callback).__name__ for callback in trainer._create_default_callbacks()]


def test_all_of_ray_s_parts_are_kept_but_two_with_processes_of_their_own():
    lean = _parts(LeanTrainer)

    without = [name for name in _parts(TorchTrainer) if name not in lean]
    assert sorted(without) == ["DatasetsCallback", "PlacementGroupCleanerCallback"]
    assert "BackendSetupCallback" in lean
