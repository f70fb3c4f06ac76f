"""The refit that follows a search: how its numbers are made stays."""

from pathlib import Path

import pytest
import torch

from algr.compose.finish import Finisher
from algr.compose.requests import open_material
from algr.config import DataHome
from algr.cv import LocalExecutor, Numerics, job_identity, record_numerics
from algr.errors import StudyError
from algr.tune import Limits
from tests.compose.conftest import request_for

SHARED = Numerics(replicas=2, precision="fp32", device="cpu")


@pytest.fixture
def finisher(home: DataHome) -> Finisher:
    """Of a search whose tracker, displays and result do not matter here."""
    request = request_for(home, "before", None)
    return Finisher(
        request=request,
        material=open_material(request),
        study=None,
        name="search",
        tracker=None,
        executor=LocalExecutor(device=torch.device("cpu")),
        display=None,
        start=None,
        objective=None,
        limits=Limits(),
    )


def test_a_refit_of_several_replicas_has_an_identity_of_its_own(
    finisher: Finisher, tmp_path: Path
) -> None:
    config = finisher.request.config
    alone = finisher._refit_job(config, tmp_path)
    record_numerics(tmp_path, SHARED, is_begun=False)

    shared = finisher._refit_job(config, tmp_path)

    assert alone.identity == job_identity(config, alone.plan, (0,))
    assert shared.identity == job_identity(config, shared.plan, (0,), numerics=SHARED)


def test_a_refit_does_not_go_on_with_other_replicas(finisher: Finisher, tmp_path: Path) -> None:
    record_numerics(tmp_path, SHARED, is_begun=False)

    with pytest.raises(StudyError) as caught:
        finisher._refit_in(tmp_path, finisher.request.config, 1, None, gate="mean")

    assert "replicas: 2 there, 1 now; go on with --workers 2" in str(caught.value.problems)
