"""What is looked at before a training command starts anything."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from algr.compose import TrainingRequest
from algr.compose.requests import drawn_anew, goes_on_as, open_material
from algr.errors import ConfigError, Interrupted, UsageError

MakeRequest = Callable[..., TrainingRequest]


def test_nested_belongs_to_tune(make_request: MakeRequest) -> None:
    request = make_request("before", None, cv__protocol="nested")

    with pytest.raises(ConfigError, match="use `algr tune --protocol nested`"):
        open_material(request)
    assert open_material(request, command="tune").plan.protocol == "nested"


def test_repeats_belong_to_cv(make_request: MakeRequest) -> None:
    request = make_request("before", None, cv__repeats=2)

    with pytest.raises(ConfigError, match="a search has one drawing of the folds"):
        open_material(request, command="tune")
    assert len(drawn_anew(open_material(request), request.config)) == 2


def test_leaving_one_out_cannot_be_repeated(make_request: MakeRequest) -> None:
    request = make_request("before", None, cv__repeats=2, cv__scheme="loso")

    with pytest.raises(ConfigError, match="there is one way to draw the folds"):
        open_material(request)


def test_leaving_one_out_has_as_many_folds_as_subjects_whatever_the_number_of_folds(
    make_request: MakeRequest,
) -> None:
    request = make_request("before", None, cv__num_folds=50, cv__scheme="loso")

    assert len(open_material(request).plan.folds) == 6


@pytest.mark.parametrize(
    ("values", "workers", "nearest"),
    [({}, 4, "--workers 3 or --workers 6"), ({"cv__scheme": "loso"}, 8, "--workers 6 or")],
)
def test_workers_that_the_folds_cannot_share_are_refused(
    make_request: MakeRequest, values: dict[str, str], workers: int, nearest: str
) -> None:
    request = replace(make_request("before", None, **values), workers=workers)

    with pytest.raises(UsageError, match=nearest):
        open_material(request)


def test_the_workers_of_a_nested_search_are_replicas_of_one_fold(make_request: MakeRequest) -> None:
    request = replace(
        make_request("before", None, cv__protocol="nested", train__batch_size=6), workers=4
    )

    with pytest.raises(ConfigError, match="6 is too small for 4 replicas"):
        open_material(request, command="tune")


def test_a_stopped_part_names_the_whole() -> None:
    def stop() -> None:
        with goes_on_as("whole"):
            raise Interrupted("part stopped", advice="--resume --name part")

    with pytest.raises(Interrupted) as caught:
        stop()

    assert caught.value.found == "part stopped"
    assert caught.value.advice.endswith("--resume --name whole")
