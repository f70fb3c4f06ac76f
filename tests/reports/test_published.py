"""The published figures, and which of their averages are slips of the print."""

from decimal import Decimal

import pytest

from algr.faces import GRADES
from algr.models import ABLATIONS
from algr.models.official import OFFICIAL_LABELS
from algr.reports import PUBLISHED, PublishedRow, published_dataset, published_table, tables_of

ALL_ROWS = [(table.number, row) for table in PUBLISHED for row in table.rows]


def test_exactly_these_printed_averages_are_not_those_of_their_cells() -> None:
    off = {
        (number, row.title): (row.average, row.corrected, row.recomputed - Decimal(row.average))
        for number, row in ALL_ROWS
        if row.average is not None and abs(row.recomputed - Decimal(row.average)) > Decimal("0.05")
    }

    assert off == {
        (2, "LP-Net"): ("61.0", "62.0", Decimal("1.0")),
        (3, "UGN-B*"): ("60.0", "59.4", Decimal("-0.6")),
        (3, "HMP-PS*"): ("61.0", "51.1", Decimal("-9.9")),
        (7, "JÂA-Net"): ("72.8", "74.0", Decimal("1.2")),
        (7, "ALGRNet"): ("75.4", "75.3", Decimal("-0.1")),
    }


def test_every_other_average_is_a_rounding_of_the_mean_of_its_cells() -> None:
    right = [row for _, row in ALL_ROWS if row.average is not None and row.corrected is None]

    assert len(right) == 38 - 5
    assert max(abs(row.recomputed - Decimal(row.average)) for row in right) <= Decimal("0.05")
    assert {row.average_used - Decimal(row.average) for row in right} == {0}


@pytest.mark.parametrize(
    ("number", "rows", "columns", "decimals"),
    [(2, 11, 12, 1), (3, 10, 8, 1), (4, 6, 8, 1), (5, 6, 12, 1), (6, 2, 3, 2), (7, 5, 4, 1)],
)
def test_tables_are_whole(number: int, rows: int, columns: int, decimals: int) -> None:
    table = published_table(number)

    assert len(table.rows) == rows
    assert {len(row.cells) for row in table.rows} == {columns} == {len(table.columns)}
    cells = [cell for row in table.rows for cell in row.cells if cell != "100"]
    assert {len(cell.partition(".")[2]) for cell in cells} == {decimals}
    assert all(0 < Decimal(cell) <= 100 for cell in cells)


def test_the_same_result_is_the_same_in_two_tables() -> None:
    assert published_table(4).of("full").cells == published_table(3).of("algrnet").cells
    assert published_table(5).of("full").cells == published_table(2).of("algrnet").cells


@pytest.mark.parametrize("number", [4, 5])
def test_ablation_tables_have_the_rows_that_can_be_trained(number: int) -> None:
    printed = [(row.row, row.title) for row in published_table(number).rows]

    assert printed == [(row.name, row.title) for row in ABLATIONS]


def test_labels_are_those_of_the_networks() -> None:
    assert published_table(2).columns == OFFICIAL_LABELS["bp4d"]
    assert published_table(3).columns == OFFICIAL_LABELS["disfa"]
    assert published_table(7).columns == GRADES


@pytest.mark.parametrize(
    ("kind", "labels", "dataset"),
    [
        ("au", OFFICIAL_LABELS["bp4d"], "bp4d"),
        ("au", OFFICIAL_LABELS["disfa"], "disfa"),
        ("au", OFFICIAL_LABELS["gft"], None),
        ("au", OFFICIAL_LABELS["disfa"][::-1], None),
        ("grade", GRADES, "fpara"),
    ],
)
def test_labels_tell_which_published_dataset_they_are_of(
    kind: str, labels: tuple[str, ...], dataset: str | None
) -> None:
    assert published_dataset(kind=kind, label_names=labels) == dataset


def test_a_dataset_has_its_tables_and_the_one_of_landmarks() -> None:
    assert [table.number for table in tables_of("bp4d")] == [2, 5, 6]
    assert [table.number for table in tables_of("disfa")] == [3, 4, 6]
    assert [table.number for table in tables_of("fpara")] == [6, 7]


def test_a_slip_is_shown_as_printed_and_calculated_as_its_cells() -> None:
    slipped = PublishedRow("x", ("1.0", "2.0"), "9.0")

    assert (slipped.average_shown, slipped.average_used) == ("9.0!", Decimal("1.5"))


def test_halves_may_be_rounded_either_way() -> None:
    up, down = (
        PublishedRow("x", ("61.1", "61.2"), "61.2"),
        PublishedRow("x", ("61.1", "61.2"), "61.1"),
    )

    assert (up.corrected, down.corrected) == (None, None)
