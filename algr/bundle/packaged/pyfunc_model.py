"""The model for `mlflow.pyfunc`: image bytes in, grades or action units out.

MLflow runs this file when it loads the model. Beside MLflow and pandas it needs onnxruntime,
numpy and pillow only; algr itself is not needed.
"""

import io
import json
import os
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import onnxruntime
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageOps

ALIGNED_SIZE = 200
CROP_SIZE = 176
MARGIN = (ALIGNED_SIZE - CROP_SIZE) // 2


class AlignedFaceModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow has no types
    """Aligned face images, 200 x 200 or 176 x 176 pixels, to the outputs of the network."""

    def load_context(self, context: Any) -> None:
        """Open the bundle that lies among the artifacts."""
        bundle = Path(context.artifacts["bundle"])
        self.index = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else ()
        options.intra_op_num_threads = int((context.model_config or {}).get("threads", 0)) or (
            max(1, len(cores))
        )
        self.session = onnxruntime.InferenceSession(
            str(bundle / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def predict(  # noqa: D417
        self,
        context: object,  # noqa: ARG002 - MLflow passes it
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """One row per image.

        Args:
            model_input: A data frame with the column `image`: bytes of a JPEG or PNG file.
            params: `landmarks`: whether to return the 49 points, in pixels of the image, of a
                network that finds them.
        """
        crops = [read_crop(content) for content in model_input["image"]]
        kind = self.index["kind"]
        names = [output.name for output in self.session.get_outputs()]
        asked = [name for name in (f"{kind}_probability", "landmarks") if name in names]
        values = self.session.run(asked, {"crop": np.stack([crop for crop, _ in crops])})
        named = dict(zip(asked, values, strict=True))
        probability = named[f"{kind}_probability"].astype(np.float64)
        columns = {}
        if kind == "grade":
            best = probability.argmax(axis=1)
            columns["grade"] = [self.index["labels"][index] for index in best]
            columns["grade_index"] = best.astype(np.int64)
        columns[f"{kind}_probability"] = probability.tolist()
        if "landmarks" in named and (params or {}).get("landmarks", True):
            columns["landmarks"] = [
                (points.astype(np.float64) + offset).reshape(-1).tolist()
                for points, (_, offset) in zip(named["landmarks"], crops, strict=True)
            ]
        return pd.DataFrame(columns)


def read_crop(content: bytes) -> tuple[NDArray[np.uint8], int]:
    """The crop that the network sees, and where its corner lies in the image, pixels."""
    with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as image:
        if max(image.size) > ALIGNED_SIZE:
            raise ValueError(size_message(image.size))
        pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    if pixels.shape[:2] == (CROP_SIZE, CROP_SIZE):
        return pixels, 0
    if pixels.shape[:2] == (ALIGNED_SIZE, ALIGNED_SIZE):
        inside = slice(MARGIN, MARGIN + CROP_SIZE)
        return np.ascontiguousarray(pixels[inside, inside]), MARGIN
    raise ValueError(size_message((pixels.shape[1], pixels.shape[0])))


def size_message(size: tuple[int, int]) -> str:
    """What is wrong with an image of another size."""
    return (
        f"an image of {size[0]} x {size[1]} pixels is not an aligned face; expected are 200 x 200 "
        "or 176 x 176. Align it with `algr predict`, which takes landmarks"
    )


mlflow.models.set_model(AlignedFaceModel())
