"""Writing a model bundle from a trained network."""

import json
import platform
import shutil
import tempfile
from importlib import metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import algr
from algr.bundle.card import model_card
from algr.bundle.draws import DRAWS_FILE, write_draws
from algr.bundle.files import (
    INDEX,
    INTERVALS,
    REQUIRED_FILES,
    SCHEMA,
    Bundle,
    read_bundle,
    refuse_foreign_folder,
    replace_folder,
)
from algr.bundle.golden import compare_golden, golden_crops, write_golden
from algr.bundle.runtime import OnnxNetwork
from algr.bundle.spec import BundleSpec
from algr.durable import sha256_of, sync
from algr.faces import ALIGNED_SIZE, CROP_SIZE

if TYPE_CHECKING:
    from torch import nn


def write_bundle(directory: Path, *, model: "nn.Module", spec: BundleSpec) -> Bundle:
    """Export a trained network and everything that its users need.

    The folder appears whole or not at all; a bundle that is already there is replaced.

    Args:
        directory: Of the bundle.
        model: Trained; its forward returns a `NetworkOutput`. It is not changed.
        spec: What is known about it.

    Raises:
        UsageError: The folder exists and is not a bundle.
        IntegrityError: ONNX Runtime gives other values than torch.
    """
    refuse_foreign_folder(directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{directory.name}.partial-", dir=directory.parent))
    try:
        _write_files(partial, model=model, spec=spec)
        replace_folder(partial, directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return read_bundle(directory)


def _write_files(folder: Path, *, model: "nn.Module", spec: BundleSpec) -> None:
    import torch
    from safetensors.torch import save_file

    from algr.bundle.deployed import DeployedNetwork, export_onnx

    deployed = DeployedNetwork(model, kind=spec.kind, input_size=spec.config.model.input_size)
    crops_BHWC = golden_crops()
    values = deployed.run(crops_BHWC, attention=True)

    export_onnx(deployed, folder / "model.onnx", example_BHWC=torch.from_numpy(crops_BHWC))
    write_golden(folder / "golden.safetensors", crops_BHWC=crops_BHWC, values=values)
    compare_golden(
        folder / "golden.safetensors", OnnxNetwork(folder / "model.onnx", kind=spec.kind)
    )

    weights = {
        name: value.clone().contiguous() for name, value in deployed.network.state_dict().items()
    }
    save_file(weights, folder / "weights.safetensors")
    _write_json(folder / "config.json", spec.config.model_dump(mode="json"))
    card = model_card(spec, algr_version=algr.__version__)
    (folder / "card.md").write_text(card, encoding="utf-8")
    packaged = resources.files("algr.bundle") / "packaged" / "pyfunc_model.py"
    (folder / "pyfunc_model.py").write_bytes(packaged.read_bytes())
    if spec.draws:
        write_draws(folder / DRAWS_FILE, spec.draws)
    _write_json(folder / INDEX, _index(folder, spec))
    for path in folder.iterdir():
        path.chmod(0o644)
        sync(path)


def _index(folder: Path, spec: BundleSpec) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "name": spec.model_name,
        "dataset": spec.dataset,
        "kind": spec.kind,
        "labels": list(spec.labels),
        "thresholds": list(spec.resolved_thresholds),
        "regions": list(spec.regions),
        "preprocessing": {
            "aligned_size": ALIGNED_SIZE,
            "crop_size": CROP_SIZE,
            "channels": "RGB",
            "input_size": spec.config.model.input_size,
            "normalisation": "in the graph",
        },
        "fingerprint": spec.fingerprint,
        "folds_hash": spec.folds_hash,
        "protocol": spec.protocol,
        "simulated": spec.simulated,
        "num_subjects": spec.num_subjects,
        "num_frames": spec.num_frames,
        "num_epochs": spec.num_epochs,
        "pictures": list(spec.pictures),
        "start": None if spec.start is None else spec.start.to_dict(),
        "metric": spec.metric,
        "intervals": INTERVALS,
        "scores": {name: score.to_dict() for name, score in spec.scores.items()},
        "versions": {
            "algr": algr.__version__,
            "python": platform.python_version(),
            **{
                name: metadata.version(name) for name in ("numpy", "onnxruntime", "pillow", "torch")
            },
        },
        "files": {name: sha256_of(folder / name) for name in _files(spec)},
    }


def _files(spec: BundleSpec) -> tuple[str, ...]:
    return (*REQUIRED_FILES, *((DRAWS_FILE,) if spec.draws else ()))


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
