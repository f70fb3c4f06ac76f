"""That tests which need Ray share one process when several run them, and so one Ray."""

import os

import pytest


@pytest.mark.ray
@pytest.mark.skipif("PYTEST_XDIST_WORKER" not in os.environ, reason="one process runs all tests")
def test_tests_that_need_ray_are_in_one_group(request: pytest.FixtureRequest) -> None:
    """With `--dist loadgroup` xdist finds the group at the end of a test's id."""
    assert request.node.nodeid.endswith("@ray")
