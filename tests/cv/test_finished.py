"""The result of a run as a file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from algr.cv import FinishedRun, read_finished, summarise, write_finished
from algr.data import FoldPlan
from algr.engine import FoldResult
from algr.errors import IntegrityError
from algr.faces import GRADES


@pytest.fixture
def finished(make_result: Callable[..., FoldResult], plan: FoldPlan) -> FinishedRun:
    results = [make_result(0, [[3, 1], [0, 4]], chosen_epoch=2), make_result(1, [[0, 0], [0, 2]])]
    return FinishedRun(
        result=summarise(results, run_id="r", name="first", plan=plan),
        dataset="grades",
        kind="grade",
        label_names=GRADES,
        simulated=True,
        init=None,
        fold_seconds=12.5,
    )


def test_a_result_comes_back_as_it_was(finished: FinishedRun, tmp_path: Path) -> None:
    write_finished(tmp_path, finished)

    assert read_finished(tmp_path) == finished
    assert finished.result.defined_folds["f1_normal"] == 1


def test_a_run_without_a_result_is_not_finished(tmp_path: Path) -> None:
    assert read_finished(tmp_path) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"dataset": "x"}'])
def test_a_damaged_result_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)

    with pytest.raises(IntegrityError, match=r"result\.json cannot be read"):
        read_finished(tmp_path)
