"""A way to type commands, and a small simulated clinic to type them on."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from algr.cli import main
from algr.simulate import simulate_fpara


@dataclass(frozen=True)
class Typed:
    """What a command left."""

    code: int
    out: str
    err: str


Type = Callable[..., Typed]


@pytest.fixture(autouse=True)
def _same_environment_after() -> Iterator[None]:
    """Take back what a command puts into the environment of its process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Type:
    """Type a command line; its exit code, standard output and standard error."""

    def typed(*words: object) -> Typed:
        monkeypatch.setattr(sys, "argv", ["algr", *(str(word) for word in words)])
        capfd.readouterr()
        try:
            main()
        except SystemExit as done:
            code = done.code
        else:
            code = 0
        streams = capfd.readouterr()
        return Typed(code if isinstance(code, int) else 1, streams.out, streams.err)

    return typed


@pytest.fixture(scope="session")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated clinic of eight subjects with short videos."""
    folder = tmp_path_factory.mktemp("source") / "clinic"
    simulate_fpara(folder, subjects=8, seed=3, seconds_per_exercise=0.34, video_fps=6.0)
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty data home, and an id key of its own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("ALGR_HOME", str(folder))
    monkeypatch.setenv("ALGR_KEY_FILE", str(tmp_path / "id.key"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return folder
