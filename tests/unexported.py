"""Bundles of real networks without the slow export: all files but `model.onnx` are right."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from algr.bundle import DRAWS_FILE, Bundle, BundleSpec, read_bundle
from algr.bundle.deployed import DeployedNetwork
from algr.bundle.draws import write_draws
from algr.bundle.golden import golden_crops, write_golden
from algr.bundle.write import _index
from algr.config import Config, with_values
from algr.models import build_model, regions_for, start_at_face
from tests.models.faces import frontal_face

SMALL = {"model.input_size": 64, "model.width": 0.125, "model.palsy_regions": "pairs6"}


def small_model(task: str, units: tuple[str, ...], **switches: object) -> tuple[nn.Module, Config]:
    """A network that is not trained, but finds a face in the middle of the crop."""
    changes = {f"model.{key}": value for key, value in switches.items()}
    config = with_values(Config(), {**SMALL, **changes})
    regions = regions_for(kind=task, label_names=units, palsy_regions=config.model.palsy_regions)
    torch.manual_seed(0)
    network = build_model(config.model, kind=task, regions=regions)  # type: ignore[arg-type]
    start_at_face(network, frontal_face())
    return network.eval(), config


def write_unexported(directory: Path, *, model: nn.Module, spec: BundleSpec) -> Bundle:
    """As `write_bundle`, with a text in the place of the exported network."""
    directory.mkdir()
    deployed = DeployedNetwork(model, kind=spec.kind, input_size=spec.config.model.input_size)
    crops = golden_crops()
    write_golden(
        directory / "golden.safetensors",
        crops_BHWC=crops,
        values=deployed.run(crops, attention=True),
    )
    save_file(
        {name: value.clone().contiguous() for name, value in model.state_dict().items()},
        directory / "weights.safetensors",
    )
    (directory / "config.json").write_text(json.dumps(spec.config.model_dump(mode="json")))
    for name in ("model.onnx", "card.md", "pyfunc_model.py"):
        (directory / name).write_text("not exported")
    if spec.draws:
        write_draws(directory / DRAWS_FILE, spec.draws)
    (directory / "bundle.json").write_text(json.dumps(_index(directory, spec)))
    return read_bundle(directory)
