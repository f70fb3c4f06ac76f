"""What `algr results` finds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from algr.compose.requests import open_material
from algr.compose.results import collect_results
from algr.compose.row_study_file import study_tree, write_study
from algr.compose.rows import MODELS
from algr.config import DataHome
from algr.cv import FinishedRun, summarise, write_finished, write_run_files
from algr.errors import StudyError, UsageError
from tests.compose.conftest import DISFA, request_for, write_dataset
from tests.compose.test_rows import BEFORE, fold_result


@pytest.fixture
def own(tmp_path: Path) -> DataHome:
    """Datasets with DISFA's labels and with others."""
    home = DataHome(tmp_path / "home")
    write_dataset(home, "faces", DISFA, people=range(3))
    write_dataset(home, "odd", BEFORE, people=range(3))
    return home


@pytest.fixture
def finish(own: DataHome) -> Callable[..., None]:
    """A run as `algr cv` leaves it."""

    def make(name: str, *, dataset: str = "faces", is_finished: bool = True) -> None:
        request = request_for(own, dataset, None)
        material = open_material(request)
        write_run_files(own.run(name), config=request.config, plan=material.plan)
        if not is_finished:
            return
        labels = material.dataset.label_names
        results = [fold_result(material.plan, fold, hits=6, labels=labels) for fold in range(3)]
        found = FinishedRun(
            result=summarise(results, run_id="", name=name, plan=material.plan),
            dataset=dataset,
            kind="au",
            label_names=labels,
            simulated=True,
            init=None,
            fold_seconds=1.0,
        )
        write_finished(own.run(name), found)

    return make


def test_a_dataset_has_the_tables_of_its_labels_and_all_its_runs(own: DataHome, finish) -> None:
    finish("first")
    finish("second")
    finish("half", is_finished=False)
    finish("elsewhere", dataset="odd")

    found = collect_results(["faces"], home=own, table=None)

    assert [view.table.number for view in found.views] == [3, 4, 6]
    assert [run.name for run in found.views[0].runs] == ["first", "second"]
    assert found.views[0].runs[0].network == "JÂA-Net"
    assert (found.others, found.unfinished) == ((), ("half",))


def test_a_run_of_labels_without_a_table_is_shown_apart(own: DataHome, finish) -> None:
    finish("elsewhere", dataset="odd")

    found = collect_results(["elsewhere"], home=own, table=None)

    assert found.views == ()
    assert [run.name for run in found.others] == ["elsewhere"]


def test_a_table_that_is_asked_for_is_the_only_one(own: DataHome, finish) -> None:
    finish("first")

    found = collect_results(["first"], home=own, table=2)

    assert [view.table.number for view in found.views] == [2]
    assert [run.name for run in found.others] == ["first"]


def test_a_comparison_stands_for_its_finished_rows(own: DataHome, finish) -> None:
    finish("study-jaanet")
    finish("study-algrnet", is_finished=False)
    plan = open_material(request_for(own, "faces", None)).plan
    own.run("study").mkdir()
    write_study(own.run("study"), study_tree(MODELS, plan, {}))

    found = collect_results(["study"], home=own, table=None)

    assert [run.name for run in found.views[0].runs] == ["study-jaanet"]
    assert found.unfinished == ("study-algrnet",)


@pytest.mark.parametrize(("names", "numbers"), [(["bp4d"], [2, 5, 6]), ([], [2, 3, 4, 5, 6, 7])])
def test_published_tables_can_be_seen_without_data(
    tmp_path: Path, names: list[str], numbers: list[int]
) -> None:
    found = collect_results(names, home=DataHome(tmp_path), table=None)

    assert [view.table.number for view in found.views] == numbers


def test_a_run_without_a_result_says_how_to_get_one(own: DataHome, finish) -> None:
    finish("half", is_finished=False)

    with pytest.raises(StudyError, match="--resume --name half"):
        collect_results(["half"], home=own, table=None)


def test_a_name_of_nothing_gets_the_nearest_one(own: DataHome) -> None:
    with pytest.raises(UsageError, match="did you mean 'faces'"):
        collect_results(["facse"], home=own, table=None)


def test_a_name_of_two_things_must_be_made_clear(own: DataHome, finish) -> None:
    finish("faces")

    with pytest.raises(UsageError, match="write run:faces"):
        collect_results(["faces"], home=own, table=None)
    assert collect_results(["run:faces"], home=own, table=None).views[0].runs[0].name == "faces"
