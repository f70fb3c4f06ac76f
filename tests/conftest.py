"""Fixtures that several packages' tests share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import pytest
import torch
from hypothesis import settings
from torch import Tensor, nn

from algr.bundle import Bundle, BundleSpec, Score, write_bundle
from algr.config import Config, with_values
from algr.faces import GRADES
from algr.metrics import Interval
from tests.recordings import HEIGHT, WIDTH, face_points, landmark_csv

# A machine that has other things to do is no reason to fail.
settings.register_profile("algr", deadline=None)
settings.load_profile("algr")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let one process run all tests that need Ray, so that there is one cluster."""
    for item in items:
        if item.get_closest_marker("ray"):
            item.add_marker(pytest.mark.xdist_group("ray"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Several test processes on as many cores get in each other's way with more."""
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_landmark_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own models must not decide what a test finds."""
    monkeypatch.delenv("ALGR_LANDMARK_MODELS", raising=False)


class StandInOutput(NamedTuple):
    landmarks_BL2: Tensor
    attention_BAHW: Tensor | None
    logits_BK: Tensor

    def grade_probability_BK(self) -> Tensor:
        return self.logits_BK.softmax(-1)

    def au_probability_BA(self) -> Tensor:
        return self.logits_BK.sigmoid()


class StandInNetwork(nn.Module):
    """The outputs of the real network, from one convolution: quick to export."""

    def __init__(self, *, classes: int, has_attention: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 12, 4, stride=4)
        self.norm = nn.BatchNorm2d(12)
        self.classify = nn.Linear(12, classes)
        self.locate = nn.Linear(12, 98)
        self.has_attention = has_attention

    def forward(self, images_BCHW: Tensor) -> StandInOutput:
        features = self.norm(self.conv(images_BCHW))
        pooled = features.amax((2, 3))
        landmarks = 88 + 20 * self.locate(pooled).reshape(-1, 49, 2)
        attention = features.sigmoid() if self.has_attention else None
        return StandInOutput(landmarks, attention, 4 * self.classify(pooled))


def make_spec(**changes: object) -> BundleSpec:
    values: dict[str, object] = {
        "dataset": "clinic",
        "kind": "grade",
        "labels": GRADES,
        "config": with_values(Config(), {"model.input_size": 96}),
        "fingerprint": "f" * 64,
        "simulated": True,
        "protocol": "honest",
        "folds_hash": "a" * 64,
        "metric": "f1_macro",
        "scores": {
            "f1_macro": Score.from_folds((0.5, 0.6, 0.7), interval=Interval(0.45, 0.72)),
            "f1_high": Score.from_folds((0.5, None, 0.25)),
        },
        "num_subjects": 24,
        "num_frames": 960,
        "num_epochs": 5,
        "regions": tuple(f"region {index}" for index in range(12)),
        "draws": (0.5, 0.6, math.nan, 0.7),
    }
    return BundleSpec(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def stand_in_network() -> nn.Module:
    torch.manual_seed(0)
    return StandInNetwork(classes=4)


@pytest.fixture(scope="session")
def grade_bundle(stand_in_network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    directory: Path = tmp_path_factory.mktemp("bundles") / "grade"
    return write_bundle(directory, model=stand_in_network, spec=make_spec())


@pytest.fixture(scope="session")
def au_bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Three action units, without attention."""
    torch.manual_seed(1)
    spec = make_spec(kind="au", labels=("AU1", "AU2", "AU4"), regions=())
    network = StandInNetwork(classes=3, has_attention=False)
    return write_bundle(tmp_path_factory.mktemp("bundles") / "au", model=network, spec=spec)


@pytest.fixture(scope="session")
def spec_with() -> Callable[..., BundleSpec]:
    """Makes the specification of `grade_bundle` with some values changed."""
    return make_spec


@pytest.fixture
def points() -> np.ndarray:
    return face_points()


@pytest.fixture
def photo() -> np.ndarray:
    """A picture that is different everywhere."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.stack([x % 256, y, (x + y) % 256], axis=-1).astype(np.uint8)


@pytest.fixture
def video(tmp_path: Path, photo: np.ndarray, points: np.ndarray) -> Path:
    """40 frames at 20 per second, all but the first two with landmarks beside it."""
    path = tmp_path / "visit.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=20)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(40):
            moved = np.roll(photo, index, axis=1)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        container.mux(stream.encode())
    rows = dict.fromkeys(range(2, 40), points)
    (tmp_path / "visit_land.csv").write_text(landmark_csv(rows))
    return path
