"""The network as it is deployed: bytes of a crop in, probabilities and landmarks out.

Shape suffixes: B = images, H = height, W = width, C = channels (RGB), A = action units,
K = grades, L = landmarks, R = regions, M = side of a region map.
"""

import contextlib
import copy
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from algr.bundle.runtime import NetworkValues
from algr.bundle.simplify import simplify
from algr.bundle.spec import Kind

INPUT_NAME = "crop"


class DeployedNetwork(nn.Module):
    """A trained network with the preparation of its input, and plain outputs.

    Args:
        network: Trained; its forward takes images in [-1, 1] (B, 3, input_size, input_size) and
            returns a `NetworkOutput`. It is copied, not changed.
        kind: Which probability is the output.
        input_size: Side to which the crop is resized, pixels.
    """

    def __init__(self, network: nn.Module, *, kind: Kind, input_size: int) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).cpu().float().eval()
        self.kind = kind
        self.input_size = input_size

    def forward(self, crop_BHWC: Tensor) -> tuple[Tensor, ...]:
        """The values of `outputs`."""
        return tuple(self.outputs(crop_BHWC).values())

    def outputs(self, crop_BHWC: Tensor) -> dict[str, Tensor]:
        """What the network says, by the names in the exported file.

        Probabilities; landmarks (B, 49, 2) in pixels of the crop and attention (B, R, M, M) of
        networks that have them.

        Args:
            crop_BHWC: uint8 RGB (B, 176, 176, 3).
        """
        output = self.network(self.prepared(crop_BHWC))
        if self.kind == "grade":
            probability = output.grade_probability_BK()
        else:
            probability = output.au_probability_BA()
        named = {
            f"{self.kind}_probability": probability,
            "landmarks": output.landmarks_BL2,
            "attention": output.attention_BAHW,
        }
        return {name: value for name, value in named.items() if value is not None}

    def prepared(self, crop_BHWC: Tensor) -> Tensor:
        """The images that the network takes, (B, 3, input_size, input_size) in [-1, 1]."""
        images_BCHW = crop_BHWC.permute(0, 3, 1, 2).to(torch.float32) / 127.5 - 1.0
        if self.input_size == crop_BHWC.shape[1]:
            return images_BCHW
        size = (self.input_size, self.input_size)
        return functional.interpolate(
            images_BCHW, size=size, mode="bilinear", align_corners=False, antialias=True
        )

    def run(self, crops_BHWC: NDArray[np.uint8], *, attention: bool = False) -> NetworkValues:
        """What the network says, computed by torch.

        Args:
            crops_BHWC: RGB (B, 176, 176, 3).
            attention: Give the region maps too.
        """
        with torch.no_grad():
            outputs = self.outputs(torch.from_numpy(crops_BHWC))
        if not attention:
            outputs.pop("attention", None)
        return NetworkValues.of({name: value.numpy() for name, value in outputs.items()})


def export_onnx(deployed: DeployedNetwork, path: Path, *, example_BHWC: Tensor) -> None:
    """Write the network as one ONNX file with a dynamic batch, weights inside.

    Names of source files and stack traces, which the exporter leaves in the nodes, are removed.

    Args:
        deployed: In evaluation mode.
        path: Of the file.
        example_BHWC: At least two crops; a batch of one would be taken as fixed.
    """
    import onnx

    assert example_BHWC.shape[0] >= 2, "a batch of one would be exported as fixed"
    with torch.no_grad():
        names = list(deployed.outputs(example_BHWC))
    with _quiet_exporter():
        program = torch.onnx.export(
            deployed,
            (example_BHWC,),
            input_names=[INPUT_NAME],
            output_names=names,
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=4096)},),
            dynamo=True,
            verbose=False,
            external_data=False,
            optimize=False,
        )
        assert program is not None
        model = simplify(program.model)
    for value in (*model.graph.input, *model.graph.output):
        # The exporter does not complain when the network fixes the batch, as len(tensor) does.
        assert value.type.tensor_type.shape.dim[0].dim_param, f"{value.name}: the batch is fixed"
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())


@contextlib.contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep the exporter's progress lines and its own deprecation warnings away from the user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
