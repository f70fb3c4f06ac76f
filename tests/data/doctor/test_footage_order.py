"""A face under two subjects is told however many pictures the subjects of one group share."""

from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from algr.data.adapters import ImageFiles
from algr.data.doctor.duplicates import SharedFootage
from algr.data.doctor.judge_files import footage_findings


def test_two_subjects_come_before_many_pairs_of_one_group() -> None:
    pictures = ImageFiles(paths=())
    recordings = [
        SimpleNamespace(subject=f"s{i}", group="g", name=f"r{i}", pictures=pictures)
        for i in range(8)
    ] + [
        SimpleNamespace(subject=name, group="", name=f"r{name}", pictures=pictures)
        for name in ("a", "b")
    ]
    pairs = [*((one, other, 9) for one, other in combinations(range(8), 2)), (8, 9, 1)]
    shared = [
        SharedFootage(first=one, second=other, pictures=count, examples=("x", "y"), is_exact=True)
        for one, other, count in pairs
    ]
    reading: Any = SimpleNamespace(recordings=recordings, layout="manifest")
    findings = footage_findings(shared, reading, Path())
    assert [item.file for item in findings if item.severity == "refused"] == ["x"]


def test_of_many_pairs_the_number_of_those_that_are_not_shown_is_told() -> None:
    pictures = ImageFiles(paths=())
    recordings = [
        SimpleNamespace(subject=f"s{i}", group="", name=f"r{i}", pictures=pictures)
        for i in range(10)
    ]
    shared = [
        SharedFootage(first=one, second=other, pictures=1, examples=("x", "y"), is_exact=True)
        for one, other in combinations(range(10), 2)
    ]
    reading: Any = SimpleNamespace(recordings=recordings, layout="manifest")

    findings = footage_findings(shared, reading, Path())

    assert len(findings) == 41
    assert findings[-1].message == "and 5 more like those above, 45 in all"
    assert findings[-1].severity == "refused"


@pytest.mark.parametrize(("count", "told"), [(1, "1 picture stands"), (22, "22 pictures stand")])
def test_one_picture_stands_and_several_stand(count: int, told: str) -> None:
    recordings = [
        SimpleNamespace(subject="s", group="", name=name, pictures=ImageFiles(paths=(Path(name),)))
        for name in ("a", "b")
    ]
    reading: Any = SimpleNamespace(recordings=recordings, layout="manifest")
    shared = SharedFootage(first=0, second=1, pictures=count, examples=("x", "y"), is_exact=True)

    (finding,) = footage_findings([shared], reading, Path())

    assert finding.message.startswith(f"{told} in b too")
