"""The two networks of the detector, run by LiteRT. The one user of LiteRT in this package."""

# Shape suffixes: A = anchors (896); R = 16 numbers of an anchor; M = mesh points (468); H, W, C =
# rows, columns, RGB; 2 = x, y.

import math
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from algr.data.detector.boxes import NETWORK_SIDE
from algr.data.detector.mesh import NUM_MESH_POINTS
from algr.data.detector.models import FACE_MODEL, MESH_MODEL, read_model

MESH_SIDE = 192
_MAX_LOGIT = 100.0


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """What the mesh network says of a window."""

    points_M2: NDArray[np.float64]
    """Pixels of the window, whose side is `MESH_SIDE`."""
    presence: float
    """0 to 1: whether there is a face at all."""


class FaceNetworks(Protocol):
    """Two functions of pixels; a test may give others."""

    def find(
        self, window_HWC: NDArray[np.uint8]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Boxes (A, 16) and scores before the sigmoid (A,) of a window of 128 x 128."""

    def mesh(self, window_HWC: NDArray[np.uint8]) -> Mesh:
        """The mesh of a window of 192 x 192."""


class LiteRtNetworks:
    """The networks of the installed files, on one thread.

    Args:
        folder: Where the two files lie.

    Raises:
        DataError: A file is missing.
        IntegrityError: A file is another one than was installed.
    """

    def __init__(self, folder: Path) -> None:
        with _quiet_standard_error():
            self._finder = _Network(read_model(folder, FACE_MODEL))
            self._mesher = _Network(read_model(folder, MESH_MODEL))

    def find(
        self, window_HWC: NDArray[np.uint8]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """See `FaceNetworks`."""
        assert window_HWC.shape == (NETWORK_SIDE, NETWORK_SIDE, 3)
        boxes, scores = self._finder.run(window_HWC.astype(np.float32) / np.float32(127.5) - 1)
        if boxes.shape[-1] < scores.shape[-1]:
            boxes, scores = scores, boxes
        return boxes[0], scores[0, :, 0]

    def mesh(self, window_HWC: NDArray[np.uint8]) -> Mesh:
        """See `FaceNetworks`."""
        assert window_HWC.shape == (MESH_SIDE, MESH_SIDE, 3)
        points, logit = sorted(
            self._mesher.run(window_HWC.astype(np.float32) / np.float32(255)),
            key=lambda values: values.size,
            reverse=True,
        )
        clipped = min(max(float(logit.ravel()[0]), -_MAX_LOGIT), _MAX_LOGIT)
        return Mesh(
            points_M2=points.reshape(NUM_MESH_POINTS, 3)[:, :2].astype(np.float64),
            presence=1 / (1 + math.exp(-clipped)),
        )


class _Network:
    """One model with one input."""

    def __init__(self, content: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter: Any = Interpreter(model_content=content, num_threads=1)
        self._interpreter.allocate_tensors()
        self._turn = threading.Lock()  # threads of the HTTP service share one interpreter
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = [part["index"] for part in self._interpreter.get_output_details()]

    def run(self, values_HWC: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        with self._turn:
            self._interpreter.set_tensor(self._input, values_HWC[None])
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in self._outputs]


@contextmanager
def _quiet_standard_error() -> Iterator[None]:
    """Keep a line of LiteRT from the user's terminal.

    It tells which delegate it has made, past Python's streams and without a switch. Problems are
    exceptions and come through.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
