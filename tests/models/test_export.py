import numpy as np
import pytest
import torch
from torch import Tensor, nn

from algr.config import ModelConfig
from algr.models import build_model, regions_for
from tests.models.test_reference import network

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime runs the exported graph")


class Plain(nn.Module):
    """Only what a model bundle exports."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images_BCHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        output = self.network(images_BCHW)
        return output.landmarks_BL2, output.attention_BAHW, output.au_probability_BA()


@pytest.mark.slow
def test_exported_program_takes_any_batch_and_gives_the_same_numbers() -> None:
    model = network("au").float().eval()
    batch = torch.export.Dim("batch", min=1, max=64)

    program = torch.export.export(
        Plain(model), (torch.randn(3, 3, 64, 64),), dynamic_shapes=({0: batch},), strict=False
    ).module()

    images = torch.randn(5, 3, 64, 64)
    torch.testing.assert_close(program(images), Plain(model)(images), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*LeafSpec.*:FutureWarning")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_onnx_graph_takes_any_batch_and_gives_the_same_numbers(tmp_path) -> None:  # type: ignore[no-untyped-def]
    torch.manual_seed(0)
    regions = regions_for(kind="au", label_names=("AU1", "AU12"), palsy_regions="single12")
    config = ModelConfig(input_size=64, width=0.125)
    model = Plain(build_model(config, kind="au", regions=regions)).eval()
    path = tmp_path / "model.onnx"

    torch.onnx.export(
        model,
        (torch.randn(3, 3, 64, 64),),
        path,
        dynamo=True,
        dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=64)},),
        input_names=["images"],
        verbose=False,
    )

    session = onnxruntime.InferenceSession(path)
    images = torch.randn(5, 3, 64, 64)
    found = session.run(None, {"images": images.numpy()})
    expected = [tensor.detach().numpy() for tensor in model(images)]
    np.testing.assert_allclose(found[0], expected[0], atol=1e-4)
    np.testing.assert_allclose(found[1], expected[1], atol=1e-5)
    np.testing.assert_allclose(found[2], expected[2], atol=1e-5)
