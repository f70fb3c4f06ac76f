"""A predictor."""

import pytest

from algr.bundle import Bundle
from algr.serving import Predictor


@pytest.fixture(scope="session")
def predictor(grade_bundle: Bundle) -> Predictor:
    return Predictor(grade_bundle, threads=1)
