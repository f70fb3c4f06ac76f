"""Networks of all switches of docs/switches.md give in ONNX Runtime what torch gives."""

from pathlib import Path

import numpy as np
import pytest
import torch

from algr.bundle.deployed import DeployedNetwork, export_onnx
from algr.bundle.runtime import OnnxNetwork
from tests.unexported import small_model

SWITCHES = [
    {},
    {"adaptive": False},
    {"bilstm": "plain"},
    {"bilstm": "none"},
    {"fusion": False},
    {"refine_attention": False},
    {"geometry": "aligned"},
    {"global_feature": "stem"},
    {"global_feature": "unpooled"},
    {"global_feature": "fused_at_5"},
    {"l2_axis": "map"},
    {"l2_axis": "spatial"},
    {"source_gate": "scalar"},
    {"source_gate": "shared"},
    {"cell_state": "gated_sum"},
    {"cell_state": "zero"},
    {"peepholes": True},
    {"region_order": "height"},
    {"region_scale": 0.3, "region_offset_bound": 0.0},
    {"whole_head_global": False},
    {"kind": "jaanet"},
    {"kind": "jaanet", "adaptive": True, "refine_attention": False},
    {"kind": "jaanet", "geometry": "aligned", "whole_head_global": False},
]
PAIRS = [
    {"peepholes": True, "cell_state": "gated_sum"},
    {"peepholes": True, "bilstm": "plain"},
    {"source_gate": "shared", "cell_state": "gated_sum"},
    {"global_feature": "unpooled", "l2_axis": "spatial"},
    {"global_feature": "fused_at_5", "l2_axis": "map"},
    {"adaptive": False, "geometry": "aligned"},
    {"fusion": False, "bilstm": "none"},
    {"refine_attention": False, "region_order": "height"},
]
GRADES = [
    {"palsy_regions": "single12"},
    {"palsy_regions": "pairs6"},
    {"palsy_regions": "single12", "adaptive": False},
    {"kind": "jaanet"},
]
CASES = [("au", switches) for switches in (*SWITCHES, *PAIRS)] + [
    ("grade", switches) for switches in GRADES
]
OFTEN = [
    ("au", {"global_feature": "fused_at_5", "l2_axis": "map"}),
    ("au", {"peepholes": True, "cell_state": "gated_sum"}),
    ("au", {"kind": "jaanet", "geometry": "aligned", "whole_head_global": False}),
    ("grade", {"palsy_regions": "pairs6"}),
]
"""An export takes some ten seconds; these are made by every `make test`."""
UNITS = ("AU12", "AU1", "AU17")
"""Not in the order of their heights."""


def varied(task: str, switches: dict[str, object]) -> DeployedNetwork:
    """A network none of whose weights is the 0 or 1 that it starts with."""
    model, _ = small_model(task, UNITS, **switches)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.01 * torch.randn(weight.shape, generator=generator))
    return DeployedNetwork(model, kind=task, input_size=64)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize(("task", "switches"), OFTEN, ids=str)
def test_an_alternative_gives_after_the_export_what_torch_gives(
    tmp_path: Path, task: str, switches: dict[str, object]
) -> None:
    compare_export(tmp_path, task, switches)


@pytest.mark.exports
@pytest.mark.parametrize(("task", "switches"), CASES, ids=str)
def test_every_alternative_gives_after_the_export_what_torch_gives(
    tmp_path: Path, task: str, switches: dict[str, object]
) -> None:
    compare_export(tmp_path, task, switches)


def compare_export(tmp_path: Path, task: str, switches: dict[str, object]) -> None:
    """Probabilities within 1e-5, landmarks within 1e-3 pixels, attention within 1e-4."""
    deployed = varied(task, switches)
    crops = np.random.default_rng(0).integers(0, 256, (3, 176, 176, 3), dtype=np.uint8)
    path = tmp_path / "model.onnx"

    export_onnx(deployed, path, example_BHWC=torch.from_numpy(crops[:2]))

    found = OnnxNetwork(path, kind=task, threads=1).run(crops, attention=True)  # type: ignore[arg-type]
    wanted = deployed.run(crops, attention=True)
    np.testing.assert_allclose(found.probability_BP, wanted.probability_BP, rtol=0, atol=1e-5)
    np.testing.assert_allclose(found.landmarks_BL2, wanted.landmarks_BL2, rtol=0, atol=1e-3)
    np.testing.assert_allclose(found.attention_BRMM, wanted.attention_BRMM, rtol=0, atol=1e-4)
