import math
from collections.abc import Callable

import pytest

from algr.cv import CrossValidation, summarise, summarise_repeats
from algr.data import FoldPlan
from algr.engine import FoldResult


@pytest.fixture
def cross_validated(
    make_result: Callable[..., FoldResult], plan: FoldPlan
) -> Callable[..., CrossValidation]:
    """From the number of hits among four images of either class, by fold."""

    def make(*hits: int) -> CrossValidation:
        results = [
            make_result(fold, [[one, 4 - one], [4 - one, one]]) for fold, one in enumerate(hits)
        ]
        return summarise(results, run_id="", name="", plan=plan)

    return make


def test_the_split_and_the_folds_each_have_their_spread(
    cross_validated: Callable[..., CrossValidation],
) -> None:
    # accuracies 1, 1/2, 1/2 (mean 2/3, variance 1/12) and 1/2, 1/4, 1/4 (mean 1/3, variance 1/48)
    found = summarise_repeats([cross_validated(4, 2, 2), cross_validated(2, 1, 1)])

    assert found.count == 2
    assert found.mean["accuracy"] == pytest.approx(1 / 2)
    assert found.sd_between["accuracy"] == pytest.approx(1 / 3 / math.sqrt(2))
    assert found.sd_over_folds["accuracy"] == pytest.approx(math.sqrt((1 / 12 + 1 / 48) / 2))


def test_a_figure_that_is_defined_nowhere_stays_undefined(
    cross_validated: Callable[..., CrossValidation],
) -> None:
    found = summarise_repeats([cross_validated(4, 2), cross_validated(2, 1)])

    keys = ("mean", "sd_between", "sd_over_folds")
    assert [found.to_dict()[key]["f1_high"] for key in keys] == [None] * 3


def test_one_repeat_has_no_spread_between(
    cross_validated: Callable[..., CrossValidation],
) -> None:
    found = summarise_repeats([cross_validated(4, 2)])

    assert found.sd_between["accuracy"] is None
    assert found.sd_over_folds["accuracy"] == pytest.approx(math.sqrt(1 / 8))
