import pytest

from algr.data import grade_mapping_text
from algr.data.grades import consensus, parse_grade


@pytest.mark.parametrize(
    ("cell", "grade"),
    [
        ("1", 1),
        ("6", 6),
        ("I", 1),
        ("iv", 4),
        ("VI", 6),
        ("II–III", 3),
        ("II-III", 3),
        ("iv — v", 5),
        ("2-3", 3),
        ("3/6", 3),
        ("VI/VI", 6),
        ("III / 6", 3),
        ("3.0", 3),
        ("2.5", 3),
        ("2,5", 3),
    ],
)
def test_grades_as_clinics_write_them(cell, grade):
    assert parse_grade(cell) == grade


@pytest.mark.parametrize(
    "cell",
    [
        "0",
        "7",
        "VII",
        "IIII",
        "",
        "2-4",
        "III-II",
        "I-VI",
        "7/6",
        "3/5",
        "6.5",
        "2.3",
        "-1",
        "x",
        "²",
    ],
)
def test_what_is_no_grade_is_none(cell):
    assert parse_grade(cell) is None


@pytest.mark.parametrize(
    ("grades", "expected"),
    [([4], 4), ([2, 3], 3), ([3, 2, 6], 3), ([1, 2, 3, 4], 3), ([2, 5], 4), ([6, 6, 1, 1], 4)],
)
def test_consensus_is_the_median_with_halves_upward(grades, expected):
    assert consensus(grades) == expected


def test_the_mapping_to_classes_is_told_in_words():
    assert grade_mapping_text() == "I normal, II low, III-IV medium, V-VI high"


def test_a_grade_of_5000_digits_is_none():
    assert parse_grade("1" * 5000) is None
