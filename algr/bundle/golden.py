"""Golden inputs: a few synthetic crops with the outputs that the trained network gave for them.

They tell whether a bundle computes on this machine what it computed where it was exported.

Shape suffixes: B = images, H = height, W = width, C = channels (RGB).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from algr.bundle.runtime import NetworkValues
from algr.errors import IntegrityError
from algr.faces import CROP_SIZE

NUM_GOLDEN = 4
LARGEST_DIFFERENCE = {"probability": 1e-3, "landmarks": 0.05, "attention": 1e-2}
"""Landmarks in pixels of the crop, the others without unit."""


@dataclass(frozen=True)
class GoldenReport:
    """Largest difference between what was computed and what is recorded, per output."""

    probability: float
    landmarks_px: float | None
    attention: float | None


class Runs(Protocol):
    """A network of a bundle, by whatever runs it."""

    def run(self, crops_BHWC: NDArray[np.uint8], *, attention: bool = False) -> NetworkValues:
        """What it says about crops; region maps if they are asked for."""


def golden_crops() -> NDArray[np.uint8]:
    """Smooth coloured surfaces and noise, nobody's face: (4, 176, 176, 3), always the same."""
    generator = np.random.Generator(np.random.PCG64(20240521))
    grid = np.linspace(-1, 1, CROP_SIZE)
    y_HW, x_HW = np.meshgrid(grid, grid, indexing="ij")
    crops_BHWC = np.empty((NUM_GOLDEN, CROP_SIZE, CROP_SIZE, 3), dtype=np.uint8)
    for index in range(NUM_GOLDEN):
        phase_C = generator.uniform(0, 2 * np.pi, size=3)
        waves_C = generator.uniform(1, 6, size=(2, 3))
        surface_HWC = (
            np.sin(x_HW[..., None] * waves_C[0] + y_HW[..., None] * waves_C[1] + phase_C)
            * np.exp(-(x_HW**2 + y_HW**2))[..., None]
        )
        noise_HWC = generator.normal(0, 4 * index, size=surface_HWC.shape)
        crops_BHWC[index] = np.clip(128 + 110 * surface_HWC + noise_HWC, 0, 255).astype(np.uint8)
    return crops_BHWC


def write_golden(path: Path, *, crops_BHWC: NDArray[np.uint8], values: NetworkValues) -> None:
    """Write inputs and expected outputs."""
    from safetensors.numpy import save_file

    tensors: dict[str, NDArray[Any]] = {
        "crop": crops_BHWC,
        "probability": np.ascontiguousarray(values.probability_BP),
    }
    if values.landmarks_BL2 is not None:
        tensors["landmarks"] = np.ascontiguousarray(values.landmarks_BL2)
    if values.attention_BRMM is not None:
        tensors["attention"] = np.ascontiguousarray(values.attention_BRMM)
    save_file(tensors, path)


def compare_golden(path: Path, network: Runs) -> GoldenReport:
    """Run the network on the golden inputs.

    Raises:
        IntegrityError: An output differs by more than `LARGEST_DIFFERENCE`.
    """
    from safetensors.numpy import load_file

    golden = load_file(path)
    values = network.run(golden["crop"], attention=True)
    computed = {
        "probability": values.probability_BP,
        "landmarks": values.landmarks_BL2,
        "attention": values.attention_BRMM,
    }
    differences = {
        name: float(np.abs(array - golden[name]).max())
        for name, array in computed.items()
        if array is not None and name in golden
    }
    problems = [
        f"{name}: off by {difference:.3g}, allowed are {LARGEST_DIFFERENCE[name]:g}"
        for name, difference in differences.items()
        if not difference <= LARGEST_DIFFERENCE[name]
    ]
    if problems:
        raise IntegrityError(
            f"{path.parent}: the model computes other values here than where it was exported",
            problems=problems,
            expected="the outputs in golden.safetensors",
            advice="install the versions of onnxruntime and torch that bundle.json names, or "
            "report this machine",
        )
    return GoldenReport(
        probability=differences["probability"],
        landmarks_px=differences.get("landmarks"),
        attention=differences.get("attention"),
    )
