"""Networks without landmarks and attention, from the export to a prediction."""

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file

from algr.bundle import Bundle, check_golden, write_bundle
from algr.bundle.deployed import DeployedNetwork
from algr.config import Config, with_values
from algr.models import build_model, regions_for
from algr.serving import Predictor
from tests.conftest import make_spec
from tests.tracking.test_registry import jpeg

UNITS = ("AU1", "AU2", "AU4")


def written(directory: Path, *, model_kind: str, task: str) -> tuple[Bundle, DeployedNetwork]:
    config = with_values(
        Config(), {"model.kind": model_kind, "model.input_size": 64, "model.width": 0.125}
    )
    torch.manual_seed(0)
    model = build_model(
        config.model,
        kind=task,  # type: ignore[arg-type]
        regions=regions_for(kind=task, label_names=UNITS, palsy_regions="single12"),
    ).eval()
    changes = {} if task == "grade" else {"kind": "au", "labels": UNITS}
    bundle = write_bundle(
        directory, model=model, spec=make_spec(config=config, regions=(), **changes)
    )
    return bundle, DeployedNetwork(model, kind=task, input_size=64)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, DeployedNetwork]:
    directory = tmp_path_factory.mktemp("bundles") / "resnet"
    return written(directory, model_kind="resnet18", task="grade")


@pytest.mark.slow
@pytest.mark.parametrize(("model_kind", "task"), [("resnet50", "au"), ("transformer", "grade")])
def test_every_baseline_gives_after_the_export_what_torch_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model_kind: str, task: str
) -> None:
    monkeypatch.setattr("algr.models.axial.STAGES", ((16, 1), (16, 1)))
    bundle, deployed = written(tmp_path / "bundle", model_kind=model_kind, task=task)
    crops = np.random.default_rng(0).integers(0, 255, (3, 176, 176, 3), dtype=np.uint8)

    values = bundle.open_network(threads=1).run(crops, attention=True)

    with torch.no_grad():
        (probability,) = deployed(torch.from_numpy(crops))
    assert values.probability_BP == pytest.approx(probability.numpy(), abs=1e-5)
    assert (values.landmarks_BL2, values.attention_BRMM) == (None, None)


def test_a_bundle_without_landmarks_has_one_output(
    graded: tuple[Bundle, DeployedNetwork],
) -> None:
    bundle, _ = graded
    graph = onnx.load(bundle.directory / "model.onnx").graph

    assert [output.name for output in graph.output] == ["grade_probability"]
    assert set(load_file(bundle.directory / "golden.safetensors")) == {"crop", "probability"}
    assert bundle.regions == ()


def test_golden_outputs_of_a_network_without_landmarks_are_compared(
    graded: tuple[Bundle, DeployedNetwork],
) -> None:
    report = check_golden(graded[0], threads=1)

    assert report.probability < 1e-5
    assert (report.landmarks_px, report.attention) == (None, None)


def test_a_prediction_without_landmarks_leaves_them_out(
    graded: tuple[Bundle, DeployedNetwork],
) -> None:
    bundle, deployed = graded
    crop = np.random.default_rng(1).integers(0, 255, (176, 176, 3), dtype=np.uint8)

    (frame,) = Predictor(bundle, threads=1).predict_image(crop).to_dict()["frames"]  # type: ignore[misc]

    (probability,) = deployed(torch.from_numpy(crop[None]))
    assert set(frame) == {"frame", "grade", "grade_index", "grade_probability"}
    assert list(frame["grade_probability"].values()) == pytest.approx(
        probability[0].tolist(), abs=1e-5
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")  # of MLflow, while it is imported
def test_mlflows_own_model_grades_without_landmarks(
    graded: tuple[Bundle, DeployedNetwork],
) -> None:
    bundle, _ = graded
    spec = importlib.util.spec_from_file_location("packaged", bundle.directory / "pyfunc_model.py")
    assert spec is not None
    assert spec.loader is not None
    packaged = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(packaged)
    model = packaged.AlignedFaceModel()
    context = SimpleNamespace(
        artifacts={"bundle": str(bundle.directory)}, model_config={"threads": 1}
    )
    model.load_context(context)

    table = model.predict(context, pd.DataFrame({"image": [jpeg(200)]}))

    assert list(table.columns) == ["grade", "grade_index", "grade_probability"]
