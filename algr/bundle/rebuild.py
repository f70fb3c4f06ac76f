"""A bundle's network in torch again, for what the exported one cannot do, such as gradients."""

import json
from typing import TYPE_CHECKING

from algr.bundle.files import Bundle
from algr.bundle.golden import compare_golden
from algr.errors import IntegrityError

if TYPE_CHECKING:
    from algr.bundle.deployed import DeployedNetwork


def rebuild_network(bundle: Bundle) -> "DeployedNetwork":
    """Build the network from `config.json` and give it the weights of `weights.safetensors`.

    It is on the CPU, in evaluation mode, and was compared with the golden outputs.

    Args:
        bundle: Read, hence with the checksums of both files verified.

    Raises:
        IntegrityError: Configuration and weights do not belong together or cannot be read by this
            version, or the network computes other values than the exported one did.
    """
    from pydantic import ValidationError
    from safetensors.torch import load_file

    from algr.bundle.deployed import DeployedNetwork
    from algr.config import Config
    from algr.models import build_model, regions_for

    directory = bundle.directory
    try:
        text = (directory / "config.json").read_text(encoding="utf-8")
        config = Config.model_validate(json.loads(text))
    except (ValueError, ValidationError) as error:
        raise _not_rebuilt(bundle, f"config.json: {str(error).splitlines()[0]}") from error
    regions = regions_for(
        kind=bundle.kind, label_names=bundle.labels, palsy_regions=config.model.palsy_regions
    )
    network = build_model(config.model, kind=bundle.kind, regions=regions)
    try:
        network.load_state_dict(load_file(directory / "weights.safetensors"))
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise _not_rebuilt(bundle, f"weights.safetensors: {reason}") from error
    deployed = DeployedNetwork(network, kind=bundle.kind, input_size=config.model.input_size)
    compare_golden(directory / "golden.safetensors", deployed)
    return deployed.eval()


def _not_rebuilt(bundle: Bundle, reason: str) -> IntegrityError:
    return IntegrityError(
        f"{bundle.directory}: the network cannot be built again",
        problems=[reason],
        expected="configuration and weights of one network, which this version of algr knows",
        advice=f"use algr {bundle.versions.get('algr', 'of the version that wrote it')}, "
        "or train and export the model again",
    )
