"""Running an exported network by ONNX Runtime; knows neither torch nor files beside the model.

Shape suffixes: B = images, H = height, W = width, C = channels (RGB), P = classes (grades or
action units), L = landmarks, R = regions, M = side of a region map.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from algr.bundle.spec import Kind
from algr.errors import IntegrityError
from algr.faces import CROP_SIZE


@dataclass(frozen=True)
class NetworkValues:
    """What the network says about a batch of crops."""

    probability_BP: NDArray[np.float32]
    landmarks_BL2: NDArray[np.float32] | None
    """Pixels of the 176 crop."""
    attention_BRMM: NDArray[np.float32] | None

    @classmethod
    def of(cls, named: Mapping[str, NDArray[np.float32]]) -> Self:
        """From the outputs by name: the probability first, then what the network has."""
        probability_BP = next(iter(named.values()))
        return cls(probability_BP, named.get("landmarks"), named.get("attention"))


class OnnxNetwork:
    """An ONNX Runtime session on the CPU.

    Args:
        path: Of `model.onnx`.
        kind: Which probability the file gives.
        threads: Of the session; by default the cores that this process may use. More than that
            makes every call slower.

    Raises:
        IntegrityError: The file is not a model of this form.
    """

    def __init__(self, path: Path, *, kind: Kind, threads: int | None = None) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or owned_cores()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise IntegrityError(
                f"{path}: ONNX Runtime cannot open it: {error}",
                expected="a model that `algr` exported",
                advice="fetch the model again with `algr models pull`",
            ) from error
        names = [output.name for output in self._session.get_outputs()]
        probability = f"{kind}_probability"
        if probability not in names:
            raise IntegrityError(
                f"{path}: no output named {probability}, but {', '.join(names)}",
                expected=f"the outputs of a model of kind {kind}",
                advice="fetch the model again with `algr models pull`",
            )
        self._outputs = [probability, *(name for name in ("landmarks",) if name in names)]
        self.has_attention = "attention" in names

    def run(self, crops_BHWC: NDArray[np.uint8], *, attention: bool = False) -> NetworkValues:
        """Probabilities, landmarks if there are any and, if asked for and there, the region maps.

        Args:
            crops_BHWC: (B, 176, 176, 3) RGB.
            attention: Ask for the region maps too; they are large.
        """
        assert crops_BHWC.shape[1:] == (CROP_SIZE, CROP_SIZE, 3), crops_BHWC.shape
        asked = [*self._outputs, "attention"] if attention and self.has_attention else self._outputs
        values = self._session.run(asked, {"crop": np.ascontiguousarray(crops_BHWC)})
        return NetworkValues.of(dict(zip(asked, values, strict=True)))


def owned_cores() -> int:
    """Cores that this process may use, which in a container is fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
