"""`algr compare` as it is typed, and the tables of `algr cv --details`."""

import json
from pathlib import Path

import pytest

from algr.cli.statistics_tables import difference_table, figure_words
from algr.config import DataHome
from tests.compose.conftest import BEFORE, finish_run, request_for, write_dataset
from tests.cv.test_comparison import compare, compared, one_by_one


@pytest.fixture(scope="module")
def two_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = DataHome(tmp_path_factory.mktemp("home"))
    write_dataset(home, "units", BEFORE, people=range(6))
    finish_run(request_for(home, "units", None), "one")
    finish_run(request_for(home, "units", None, train__learning_rate=0.02), "two")
    return home.root


def test_compare_prints_a_table_and_a_sentence(run, two_runs: Path) -> None:
    done = run("compare", "one", "two", "--data-home", two_runs)

    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0] == "two minus one, mean over folds:"
    assert [line for line in lines if line.startswith("F1 mean %")]
    assert [line for line in lines if line.startswith("units AUC mean %")]
    assert lines[-2].startswith("f1_mean: ")


def test_compare_prints_json_alone(run, two_runs: Path) -> None:
    done = run("compare", "one", "two", "--metric", "f1_mean", "--json", "--data-home", two_runs)

    (tree,) = json.loads(done.out)
    assert list(tree["metrics"]) == ["f1_mean"]
    assert tree["sentence"]


def test_a_run_that_is_not_there_is_said_with_those_that_are(run, two_runs: Path) -> None:
    done = run("compare", "one", "three", "--data-home", two_runs)

    assert done.code == 5
    assert "one of one, two" in done.err


@pytest.mark.parametrize(("has_several", "folds"), [(True, 3), (False, 0)])
def test_differences_by_fold_are_shown_beside_those_of_means(has_several: bool, folds: int) -> None:
    runs = [compared(name, mistakes=0.2, seed=seed) for seed, name in enumerate("ab")]
    by_one = [one_by_one(run) for run in runs]

    table = difference_table(compare(*(runs if has_several else by_one)))

    headers = [str(column.header) for column in table.columns]
    assert [name for name in headers if name.startswith("fold")] == [
        f"fold {fold}" for fold in range(folds)
    ]


@pytest.mark.parametrize(
    ("unit", "value", "words"),
    [("share", 0.1234, "12.3"), ("%", 4.56, "4.6"), ("", 0.1234, "0.123"), ("share", None, "-")],
)
def test_figures_have_the_digits_of_their_unit(unit, value: float | None, words: str) -> None:
    assert figure_words(unit, value) == words
