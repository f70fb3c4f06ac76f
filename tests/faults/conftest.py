"""Drivers for each test, and the names by which they and their workers find the fakes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "distributed")]

pytest.register_assert_rewrite("drivers")

from drivers import Drivers  # noqa: E402 - needs the path
from steps import noise_dataset  # noqa: E402 - needs the path


@pytest.fixture
def drivers(tmp_path: Path) -> Iterator[Drivers]:
    started = Drivers(tmp_path)
    yield started
    started.close()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data home with one small dataset."""
    noise_dataset(tmp_path / "home")
    return tmp_path / "home"
