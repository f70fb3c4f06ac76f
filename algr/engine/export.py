"""A trained network as a file that another process can read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from torch import nn

from algr.config import ModelConfig
from algr.engine.checkpoint import SCHEMA, load_tensors, save_atomically
from algr.engine.kept import cpu_copy
from algr.errors import IntegrityError
from algr.models import build_model, regions_for


def network_for(
    config: ModelConfig, *, kind: Literal["au", "grade"], label_names: Sequence[str]
) -> nn.Module:
    """A network with fresh weights for a dataset of this kind and these labels."""
    regions = regions_for(kind=kind, label_names=label_names, palsy_regions=config.palsy_regions)
    return build_model(config, kind=kind, regions=regions)


def export_weights(path: Path, model: nn.Module) -> None:
    """Write the network's weights."""
    save_atomically(path, {"schema": SCHEMA, "weights": cpu_copy(model.state_dict())})


def load_exported(
    path: Path, config: ModelConfig, *, kind: Literal["au", "grade"], label_names: Sequence[str]
) -> nn.Module:
    """The network with the weights of the file, on the CPU and in evaluation mode.

    Raises:
        IntegrityError: The file is damaged, or holds the weights of another network.
    """
    tree = load_tensors(path)
    model = network_for(config, kind=kind, label_names=label_names)
    try:
        model.load_state_dict(tree["weights"])
    except (RuntimeError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} does not hold the weights of this network",
            expected=f"weights of {config.kind} for {len(label_names)} labels",
            advice="train it again, or use the configuration that it was trained with",
        ) from error
    return model.eval()
