"""A bundle's network in torch again."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from algr.bundle import Bundle, read_bundle, rebuild_network
from algr.durable import sha256_of
from algr.errors import IntegrityError
from tests.conftest import make_spec
from tests.unexported import small_model, write_unexported


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    model, config = small_model("grade", (), bilstm="none")
    return write_unexported(tmp_path / "bundle", model=model, spec=make_spec(config=config))


def note_checksum(bundle: Bundle, name: str) -> Bundle:
    """As if the changed file had been written with the bundle."""
    path = bundle.directory / "bundle.json"
    index = json.loads(path.read_text())
    index["files"][name] = sha256_of(bundle.directory / name)
    path.write_text(json.dumps(index))
    return read_bundle(bundle.directory)


def test_a_rebuilt_network_computes_what_the_trained_one_did(bundle: Bundle) -> None:
    trained, _ = small_model("grade", (), bilstm="none")

    rebuilt = rebuild_network(bundle)

    crops = np.random.default_rng(0).integers(0, 255, (2, 176, 176, 3), dtype=np.uint8)
    images = rebuilt.prepared(torch.from_numpy(crops))
    with torch.no_grad():
        expected = trained(images).grade_probability_BK()
    torch.testing.assert_close(torch.from_numpy(rebuilt.run(crops).probability_BP), expected)
    assert not any(module.training for module in rebuilt.modules())


def test_weights_of_another_network_are_refused(grade_bundle: Bundle) -> None:
    with pytest.raises(IntegrityError, match="the network cannot be built again") as caught:
        rebuild_network(grade_bundle)

    assert "weights.safetensors: Error(s) in loading state_dict" in caught.value.problems[0]


def test_a_configuration_of_another_version_is_refused(bundle: Bundle) -> None:
    path = bundle.directory / "config.json"
    config = json.loads(path.read_text())
    config["model"]["kind"] = "of tomorrow"
    path.write_text(json.dumps(config))

    with pytest.raises(IntegrityError, match="the network cannot be built again") as caught:
        rebuild_network(note_checksum(bundle, "config.json"))

    assert caught.value.problems[0].startswith("config.json: ")


def test_a_network_that_computes_other_values_than_recorded_is_refused(bundle: Bundle) -> None:
    path = bundle.directory / "weights.safetensors"
    weights = load_file(path)
    weights["whole_head.last.bias"][0] += 3
    save_file(weights, path)

    with pytest.raises(IntegrityError, match="computes other values here") as caught:
        rebuild_network(note_checksum(bundle, "weights.safetensors"))

    assert caught.value.problems[0].startswith("probability: off by")
