import json
import math
from collections.abc import Callable

import pytest

from algr.cv import refit_epochs, summarise, table_rows
from algr.data import FoldPlan
from algr.engine import FoldResult
from algr.faces import GRADES

MakeResult = Callable[..., FoldResult]


@pytest.fixture
def results(make_result: MakeResult) -> list[FoldResult]:
    return [
        # normal: 3 hits, 1 missed, 0 false: F1 6/7; low: 4 hits, 1 false: F1 8/9
        make_result(0, [[3, 1], [0, 4]], chosen_epoch=2, landmark_error=0.04),
        # normal: 1 hit, 1 missed, 1 false: F1 1/2; low: the same
        make_result(1, [[1, 1], [1, 1]], chosen_epoch=0, landmark_error=0.06),
        # only low occurs: F1 1; normal is neither true nor predicted
        make_result(2, [[0, 0], [0, 2]], chosen_epoch=5, landmark_error=0.08),
    ]


def test_the_mean_is_over_the_folds_in_which_a_figure_is_defined(
    results: list[FoldResult], plan: FoldPlan
) -> None:
    found = summarise(results, run_id="r", name="n", plan=plan)

    assert found.mean["f1_normal"] == pytest.approx((6 / 7 + 1 / 2) / 2)
    assert found.mean["f1_low"] == pytest.approx((8 / 9 + 1 / 2 + 1) / 3)
    assert found.mean["f1_macro"] == pytest.approx(((6 / 7 + 8 / 9) / 2 + 1 / 2 + 1) / 3)
    assert found.mean["f1_high"] is None
    assert [found.defined_folds[key] for key in ("f1_normal", "f1_low", "f1_high")] == [2, 3, 0]


def test_the_deviation_is_that_of_a_sample(results: list[FoldResult], plan: FoldPlan) -> None:
    found = summarise(results, run_id="r", name="n", plan=plan)

    # errors 4, 6, 8 percent: mean 6, squares 4 + 0 + 4 over 2
    assert found.mean["landmark_error"] == pytest.approx(6)
    assert found.sd["landmark_error"] == pytest.approx(2)
    # two values: |a - b| / sqrt(2)
    assert found.sd["f1_normal"] == pytest.approx((6 / 7 - 1 / 2) / math.sqrt(2))
    assert found.sd["f1_high"] is None


def test_one_defined_fold_has_no_deviation(make_result: MakeResult, plan: FoldPlan) -> None:
    found = summarise([make_result(0, [[2, 0], [0, 2]])], run_id="r", name="n", plan=plan)

    assert (found.mean["f1_macro"], found.sd["f1_macro"]) == (1.0, None)


def test_pooled_figures_come_from_the_counts_added_up(
    results: list[FoldResult], plan: FoldPlan
) -> None:
    found = summarise(results, run_id="r", name="n", plan=plan)

    # confusion [[4, 2], [1, 7]]: normal 8 / (8 + 3), low 14 / (14 + 3)
    assert found.pooled["f1_normal"] == pytest.approx(8 / 11)
    assert found.pooled["f1_low"] == pytest.approx(14 / 17)
    assert found.pooled["accuracy"] == pytest.approx(11 / 14)
    assert found.pooled["landmark_error"] == pytest.approx((8 * 4 + 4 * 6 + 2 * 8) / 14)


def test_the_order_in_which_folds_finish_does_not_matter(
    results: list[FoldResult], plan: FoldPlan
) -> None:
    forward = summarise(results, run_id="r", name="n", plan=plan)
    backward = summarise(results[::-1], run_id="r", name="n", plan=plan)

    assert backward == forward


def test_the_json_has_the_keys_of_the_contract(results: list[FoldResult], plan: FoldPlan) -> None:
    tree = json.loads(json.dumps(summarise(results, run_id="r", name="n", plan=plan).to_dict()))

    assert list(tree) == [
        "run_id",
        "name",
        "protocol",
        "fingerprint",
        "folds_hash",
        "folds",
        "mean",
        "sd",
        "pooled",
    ]
    assert list(tree["folds"][0]) == ["fold", "test_subjects", "chosen_epoch", "metrics"]
    assert [fold["chosen_epoch"] for fold in tree["folds"]] == [2, 0, 5]
    assert tree["folds"][2]["metrics"]["f1_normal"] is None
    assert (tree["protocol"], tree["folds_hash"]) == ("honest", plan.folds_hash)


def test_rows_of_the_table_hold_every_fold_mean_and_deviation(
    results: list[FoldResult], plan: FoldPlan
) -> None:
    found = summarise(results, run_id="r", name="n", plan=plan)

    rows = {row.title: row for row in table_rows(found, kind="grade", label_names=GRADES)}

    assert list(rows) == [
        "F1 normal",
        "F1 low",
        "F1 medium",
        "F1 high",
        "F1 macro",
        "Accuracy",
        "Landmark error",
    ]
    assert rows["F1 normal"].per_fold == (pytest.approx(6 / 7), 0.5, None)
    assert rows["F1 normal"].defined_folds == 2
    assert rows["F1 macro"].mean == found.mean["f1_macro"]
    assert (rows["Landmark error"].unit, rows["Landmark error"].sd) == ("%", pytest.approx(2))


@pytest.mark.parametrize(
    ("chosen", "epochs"),
    [((2, 0, 5), 3), ((0, 1), 2), ((0, 0, 0), 1), ((3, 4), 5), ((1, 2, 3, 4), 4)],
)
def test_a_refit_trains_for_the_median_epochs_halves_upward(
    make_result: MakeResult, chosen: tuple[int, ...], epochs: int
) -> None:
    results = [make_result(i, [[1]], chosen_epoch=epoch) for i, epoch in enumerate(chosen)]

    assert refit_epochs(results) == epochs
