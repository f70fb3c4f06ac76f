"""One clean source for all tests of this folder; each test changes values, not files."""

import pytest

from algr.data.doctor import examine
from tests.data.doctor import faces as drawn_faces


@pytest.fixture(scope="session")
def faces():
    return drawn_faces


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("doctor")


@pytest.fixture(scope="session")
def clean(faces, folder):
    """Twelve people whose heads move now and then."""
    return faces.make_clean(folder / "clean", subjects=12, frames=40)


@pytest.fixture
def examined(folder):
    def run(reading, **options):
        return examine(reading, **({"parts": {}, "source": folder} | options))

    return run
