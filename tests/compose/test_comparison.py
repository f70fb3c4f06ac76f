"""`algr compare` on finished runs of a data home."""

import json
from collections.abc import Callable

import pytest

from algr.compose import TrainingRequest, compare_by_name
from algr.config import DataHome
from algr.errors import StudyError, UsageError
from tests.compose.conftest import finish_run, request_for


@pytest.fixture(scope="module")
def runs(home: DataHome) -> DataHome:
    """`base` and `faster` on the same folds; `grown` on other data."""
    finish_run(request_for(home, "before", None, train__learning_rate=0.05), "faster")
    finish_run(request_for(home, "grown", None), "on-grown")
    return home


def test_two_runs_are_compared_figure_by_figure(runs: DataHome) -> None:
    (found,) = compare_by_name(runs, ["base", "faster"])

    tree = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (tree["base"], tree["other"], tree["of"]) == ("base", "faster", "mean")
    assert {"f1_mean", "f1_au12", "landmark_error", "units/auc_mean"} <= tree["metrics"].keys()
    error = tree["metrics"]["landmark_error"]
    assert error["difference"] == pytest.approx(error["other"] - error["base"])
    assert error["interval"][0] <= error["difference"] <= error["interval"][1]
    assert len(error["by_fold"]) == 3


def test_replicas_and_versions_of_the_runs_are_compared(runs: DataHome) -> None:
    request = request_for(runs, "before", None, train__learning_rate=0.03)
    finish_run(request, "shared")
    (runs.run("shared") / "numerics.json").write_text('{"replicas": 2, "precision": "fp32"}')
    (runs.run("base") / "numerics.json").write_text('{"replicas": 1, "precision": "fp32"}')
    versions = runs.run("shared") / "environment.json"
    (entry,) = json.loads(versions.read_text())
    versions.write_text(json.dumps([entry, entry | {"torch": "9.9"}, entry | {"torch": "9.9"}]))

    (found,) = compare_by_name(runs, ["base", "shared"])

    (runs.run("base") / "numerics.json").unlink()
    now = entry["torch"]
    assert found.notes == (
        "made in different ways, which alone moves figures a little: "
        f"replicas 1 and 2; torch {now} and {now} then 9.9",
    )


def test_one_figure_alone(runs: DataHome) -> None:
    (found,) = compare_by_name(runs, ["base", "faster"], metric="units/kappa_mean")

    assert list(found.to_dict()["metrics"]) == ["units/kappa_mean"]


def test_every_run_is_compared_with_the_first(runs: DataHome) -> None:
    finish_run(request_for(runs, "before", None, train__learning_rate=0.02), "slower")

    found = compare_by_name(runs, ["base", "faster", "slower"])

    assert [(one.base, one.other) for one in found] == [("base", "faster"), ("base", "slower")]


@pytest.mark.parametrize(
    ("names", "metric", "error", "words"),
    [
        (["base"], None, UsageError, "two or more"),
        (["base", "base"], None, UsageError, "two or more"),
        (["base", "faster"], "f1_makro", UsageError, "no such figure"),
        (["base", "none"], None, StudyError, "one of base, faster"),
        (["base", "on-grown"], None, StudyError, "different data"),
    ],
)
def test_what_cannot_be_compared_is_said(
    runs: DataHome, names: list[str], metric: str | None, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        compare_by_name(runs, names, metric=metric)


def test_an_unfinished_run_is_named(
    runs: DataHome, make_request: Callable[..., TrainingRequest]
) -> None:
    folder = runs.run("half-done")
    folder.mkdir()
    (folder / "plan.json").write_text("{}")

    with pytest.raises(StudyError, match="has no predictions"):
        compare_by_name(runs, ["base", "half-done"])


def test_a_run_of_several_cross_validations_names_its_parts(runs: DataHome) -> None:
    runs.run("often").mkdir()
    finish_run(request_for(runs, "before", None), "often-repeat-0")

    with pytest.raises(StudyError, match="made of several") as caught:
        compare_by_name(runs, ["base", "often"])

    assert "often-repeat-0" in str(caught.value.expected)


def test_a_misspelt_run_is_guessed(runs: DataHome) -> None:
    with pytest.raises(StudyError, match="did you mean 'faster'"):
        compare_by_name(runs, ["base", "fastr"])
