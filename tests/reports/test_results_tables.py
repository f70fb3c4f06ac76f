"""Published tables with own runs beside them."""

import json

from algr.reports import OwnRun, ResultsView, published_table, results_dict, results_text
from tests.reports.conftest import finished_run

REAL = OwnRun("mine", "ALGRNet", finished_run((0.5, 0.6, 0.7)))
DRAWN = OwnRun(
    "drawn",
    "JÂA-Net",
    finished_run((0.1, 0.2, 0.3), simulated=True, protocol="paper", init="run base, fold by fold"),
)


def test_own_runs_stand_below_the_published_rows_with_a_legend() -> None:
    text = results_text([ResultsView(published_table(7), (REAL, DRAWN))])

    lines = text.splitlines()
    assert lines[7].split() == [
        "[1]",
        "ALGRNet",
        "60.0",
        "60.0",
        "60.0",
        "60.0",
        "60.0",
        "±",
        "10.0",
    ]
    assert "[1] mine: ALGRNet; dataset clinic, protocol honest, 3 folds" in lines
    assert (
        "[2] drawn: JÂA-Net; dataset clinic, protocol paper, 3 folds, started from run base, "
        "fold by fold, simulated: not comparable"
    ) in lines


def test_the_table_of_landmarks_has_own_errors_under_their_dataset() -> None:
    text = results_text([ResultsView(published_table(6), (REAL,))])

    assert text.splitlines()[4].split() == ["[1]", "ALGRNet", "5.00"]
    assert text.splitlines()[4].endswith("5.00")


def test_marks_are_told_once_and_only_where_they_hold() -> None:
    text = results_text([ResultsView(published_table(7), (REAL, REAL, DRAWN))])

    assert text.count("- simulated: not comparable; the faces are drawn") == 1
    assert text.count("optimistic") == 1
    assert "pretrained" not in text
    assert "- ! printed so; the cells of JÂA-Net in Table 7 average 74.0" in text


def test_runs_that_no_table_has_get_one_of_their_own() -> None:
    other = OwnRun("gft", "ALGRNet", finished_run((0.5, 0.5), kind="au", labels=("AU1", "AU2")))

    text = results_text([ResultsView(published_table(2), ())], others=[other])

    assert "own runs whose labels no published table has" in text
    assert "[1] ALGRNet  50.0 ± 0.0         4.50" in text


def test_the_json_has_published_figures_in_percent_and_runs_as_shares() -> None:
    tree = json.loads(json.dumps(results_dict([ResultsView(published_table(7), (REAL,))])))

    (table,) = tree["tables"]
    assert table["published_percent"][3] == {
        "title": "JÂA-Net",
        "row": "jaanet",
        "cells": {"normal": 100.0, "low": 58.8, "medium": 64.3, "high": 72.9},
        "average": 72.8,
        "average_of_cells": 74.0,
    }
    assert table["runs"] == ["mine"]
    assert tree["runs"][0]["mean"]["f1_macro"] == 0.6
