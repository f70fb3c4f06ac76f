"""What the table of a comparison says: figures, differences, and marks."""

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from algr.config import Config, with_values
from algr.reports import (
    ComparisonReport,
    ReportedRow,
    comparison_text,
    paired_difference,
    write_report,
)
from algr.reports.comparison import comparability
from algr.reports.grid import Grid
from algr.reports.published import BP4D_UNITS
from tests.reports.conftest import finished_run

MakeReport = Callable[..., ComparisonReport]


def line_of(text: str, start: str, *, table: int = 0) -> list[str]:
    """The words of the line that starts so, in the table of that number."""
    block = text.split("\n\n")[table]
    return next(line for line in block.splitlines() if line.startswith(start)).split()


def test_differences_are_paired_fold_by_fold() -> None:
    row, reference = finished_run((0.5, None, 0.7)), finished_run((0.6, 0.6, 0.9))

    found = paired_difference(row.result, reference.result, metric="f1_macro")

    assert found.per_fold == (pytest.approx(-0.1), None, pytest.approx(-0.2))
    assert found.mean == pytest.approx(-0.15)
    assert found.sd == pytest.approx(0.1 / 2**0.5)


def test_figures_of_other_folds_are_never_paired() -> None:
    row, reference = finished_run((0.5, 0.5)), finished_run((0.6, 0.6))
    other = replace(row.result, folds_hash="b" * 64)

    with pytest.raises(AssertionError, match="other folds"):
        paired_difference(other, reference.result, metric="f1_macro")


def test_grades_stand_beside_the_published_ones(make_report: MakeReport) -> None:
    text = comparison_text(make_report())

    assert " ".join(line_of(text, "JÂA-Net")) == (
        "JÂA-Net 60.0 (100) 60.0 (58.8) 60.0 (64.3) 60.0 (72.9) 60.0 ± 10.0 (72.8!)"
    )
    assert line_of(text, "F1 %")[-3:] == ["brackets", "Table", "7"]


def test_each_row_is_set_off_against_the_reference_and_the_paper(make_report: MakeReport) -> None:
    text = comparison_text(make_report())

    # folds -10, 0, -20 points; 74.0 (the cells) less 75.3; 60.0 less 74.0; errors 4, 5, 6
    assert " ".join(line_of(text, "JÂA-Net", table=1)) == (
        "JÂA-Net 60.0 ± 10.0 -10.0 ± 10.0 72.8! -1.3 -14.0 5.00 (5.15) 1 2 3 2 min"
    )
    assert " ".join(line_of(text, "ALGRNet", table=1)) == (
        "ALGRNet 70.0 ± 17.3 - 75.4! - -5.3 5.00 (5.18) 1 2 3 2 min"
    )


def test_simulated_figures_are_marked_and_not_set_off_against_the_paper(
    make_report: MakeReport,
) -> None:
    drawn = tuple(
        replace(row, finished=replace(row.finished, simulated=True)) for row in make_report().rows
    )
    report = make_report(simulated=True, rows=drawn)
    text = comparison_text(report)

    assert "Table 7 (simulated: not comparable)" in text
    assert "- simulated: not comparable; the faces are drawn" in text
    assert "own-publ." not in text
    assert (report.is_comparable, make_report().is_comparable) == (False, True)


@pytest.mark.parametrize(
    ("protocol", "mark"),
    [
        ("paper", "the test fold chose the best epoch: optimistic"),
        ("honest", "validation subjects"),
    ],
)
def test_the_protocol_is_marked(make_report: MakeReport, protocol: str, mark: str) -> None:
    text = " ".join(comparison_text(make_report(protocol=protocol)).split())

    assert f"protocol {protocol}: " in text
    assert mark in text


@pytest.mark.parametrize(
    ("parts", "said"),
    [((1, 2, 3), "the folds are its published ones"), ((0, 0, 0), "these folds were drawn")],
)
def test_folds_that_are_not_the_published_ones_are_marked(
    parts: tuple[int, ...], said: str
) -> None:
    run = finished_run((0.5, 0.5, 0.5), kind="au", labels=BP4D_UNITS)
    folds = tuple(
        replace(fold, part=part) for fold, part in zip(run.result.folds, parts, strict=True)
    )

    assert said in comparability(replace(run, result=replace(run.result, folds=folds)))


def test_settings_that_are_not_the_papers_are_named(make_report: MakeReport) -> None:
    config = with_values(Config(), {"train.num_epochs": 1, "model.width": 0.25, "seed": 4})

    assert "not the paper's settings: width 0.25, num_epochs 1" in make_report(config=config).notes
    assert not any("settings" in note for note in make_report().notes)


def test_wide_tables_have_the_published_figures_below(ablation: ComparisonReport) -> None:
    text = comparison_text(ablation)
    own, published, differences, *_ = text.split("\n\n")

    assert max(len(line) for line in text.splitlines()) <= 100
    assert own.splitlines()[-1].split() == ["ALGRNet", *["65.0"] * 13, "±", "5.0"]
    assert published.startswith("published: Ablation study, F1 of 12 action units on BP4D, Table 5")
    assert differences.startswith("differences to ALGRNet")


def test_a_row_that_failed_stands_in_the_table_with_its_reason(ablation: ComparisonReport) -> None:
    text = comparison_text(ablation)

    assert line_of(text, "w/Bi") == ["w/Bi", *["-"] * 12, "failed"]
    assert "- w/Bi failed: fold 1, epoch 3: the training loss is not finite" in text
    assert [row.name for row in ablation.failed] == ["plain-bilstm"]


def test_without_the_reference_nothing_is_set_off_against_it(make_report: MakeReport) -> None:
    report = make_report()
    alone = replace(report, rows=report.rows[:1])

    assert alone.difference(alone.rows[0]) is None
    assert line_of(comparison_text(alone), "JÂA-Net", table=1)[4] == "-"
    assert "no differences, since row algrnet is not there" in comparison_text(alone)


def test_labels_of_no_published_table_have_own_figures_alone(make_report: MakeReport) -> None:
    units = ("AU1", "AU2")
    rows = (
        ReportedRow(
            name="jaanet",
            title="JÂA-Net",
            run="x",
            finished=finished_run((0.5, 0.5, None), kind="au", labels=units),
            failure=None,
        ),
    )
    text = comparison_text(make_report(kind="au", label_names=units, rows=rows))

    assert line_of(text, "JÂA-Net") == [
        "JÂA-Net",
        "50.0",
        "50.0",
        "50.0",
        "±",
        "0.0",
        "(2",
        "of",
        "3)",
    ]
    assert "- no published figures for these labels" in text
    assert "- AU1, AU2: undefined in some folds, the mean is over the others" in text


def test_the_files_hold_the_same_table(ablation: ComparisonReport, tmp_path: Path) -> None:
    paths = write_report(ablation, tmp_path)

    markdown, table, tree = (path.read_text() for path in paths)
    failed, full = csv.DictReader(table.splitlines())
    assert [path.name for path in paths] == ["table.md", "table.csv", "table.json"]
    assert "| ALGRNet | 65.0 |" in markdown
    assert "| w/Bi | 50.7 | 50.0 |" in markdown
    assert (full["f1_mean_mean"], full["f1_mean_sd"]) == ("65.0000", "5.0000")
    assert (full["published_au1"], full["published_average"]) == ("51.2", "63.5")
    assert (failed["state"], failed["f1_mean_mean"], failed["published_au1"]) == (
        "failed",
        "",
        "50.7",
    )
    assert json.loads(tree) == json.loads(json.dumps(ablation.to_dict()))


def test_the_json_has_figures_failures_and_published_cells(ablation: ComparisonReport) -> None:
    failed, full = ablation.to_dict()["rows"]

    assert (failed["state"], failed["cv"], failed["failure"]["kind"]) == (
        "failed",
        None,
        "diverged",
    )
    assert full["cv"]["mean"]["f1_mean"] == pytest.approx(0.65)
    assert full["published_percent"]["cells"]["AU24"] == 51.9
    assert (full["state"], full["failure"], full["difference"]) == ("finished", None, None)


def test_a_grid_aligns_words_left_and_figures_right() -> None:
    grid = Grid("title", ("", "F1"), (("long|name", "5.0"), ("b", "10.0")))

    assert grid.to_text().splitlines() == [
        "title",
        "             F1",
        "long|name   5.0",
        "b          10.0",
    ]
    assert grid.to_markdown().splitlines()[2:] == [
        "|  | F1 |",
        "| --- | ---: |",
        "| long\\|name | 5.0 |",
        "| b | 10.0 |",
    ]
    assert grid.width == 15
