import logging
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algr.config import CvConfig
from algr.data import FoldPlan, SubjectInfo, plan_folds
from algr.data.published import PUBLISHED_PARTS, published_part


def stand_in(parts, *, groups=None):
    """Subjects without pictures; each has a part of the published folds, or 0."""
    subjects = tuple(
        SubjectInfo(
            digest=f"{number:024x}",
            subject_id=f"s{number}",
            frames=10,
            grade=-1,
            videos=1,
            group=groups[number] if groups else f"s{number}",
            part=part,
        )
        for number, part in enumerate(parts)
    )
    return SimpleNamespace(name="made", kind="au", fingerprint="f" * 64, subjects=subjects)


def parts_of(dataset):
    return {subject.digest: subject.part for subject in dataset.subjects}


all_parts = st.lists(st.integers(1, 3), min_size=0, max_size=40).map(lambda more: [1, 2, 3, *more])


@given(parts=all_parts, seed=st.integers(0, 2**31 - 1), fraction=st.floats(0.05, 0.6))
def test_fold_k_tests_part_k_and_every_subject_stands_in_it_once(parts, seed, fraction):
    dataset = stand_in(parts)

    plan = plan_folds(dataset, cv=CvConfig(validation_fraction=fraction), seed=seed)

    everybody = sorted(parts_of(dataset))
    assert sorted(digest for fold in plan.folds for digest in fold.test) == everybody
    for fold in plan.folds:
        assert fold.part == fold.index + 1
        assert {parts_of(dataset)[digest] for digest in fold.test} == {fold.part}
        assert sorted([*fold.train, *fold.validation, *fold.test]) == everybody
        assert fold.train
        assert fold.validation


@given(parts=all_parts, seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)))
def test_the_seed_never_moves_a_subject_to_another_test(parts, seeds):
    first, second = (plan_folds(stand_in(parts), cv=CvConfig(), seed=seed) for seed in seeds)

    assert [fold.test for fold in first.folds] == [fold.test for fold in second.folds]


@given(parts=st.lists(st.integers(0, 3), min_size=6, max_size=40), folds=st.integers(2, 5))
def test_whatever_the_parts_are_subjects_are_tested_once(parts, folds):
    dataset = stand_in(parts)

    plan = plan_folds(dataset, cv=CvConfig(num_folds=folds), seed=1)

    tested = sorted(digest for fold in plan.folds for digest in fold.test)
    assert tested == sorted(parts_of(dataset))


@given(data=st.data(), parts=st.lists(st.integers(1, 3), min_size=8, max_size=30))
def test_a_group_never_stands_on_two_sides(data, parts):
    groups = data.draw(
        st.lists(st.sampled_from("abcdefghij"), min_size=len(parts), max_size=len(parts)).filter(
            lambda drawn: len(set(drawn)) >= 3
        )
    )
    dataset = stand_in(parts, groups=groups)
    group_of = {subject.digest: subject.group for subject in dataset.subjects}

    for fold in plan_folds(dataset, cv=CvConfig(), seed=0).folds:
        sides = [{group_of[d] for d in side} for side in (fold.train, fold.validation, fold.test)]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]


@pytest.mark.parametrize(
    ("parts", "cv", "reason"),
    [
        ([1, 1, 2, 2, 1, 2], CvConfig(), "subjects of part 1 and part 2 only"),
        ([1, 2, 3, 0, 1, 2], CvConfig(), "some subjects belong to none"),
        ([1, 2, 3, 1, 2, 3], CvConfig(num_folds=2), "cv.num_folds is 2, not 3"),
    ],
)
def test_ordinary_folds_are_drawn_with_a_warning_where_the_published_do_not_apply(
    parts, cv, reason, caplog
):
    dataset = stand_in(parts)
    plain = stand_in([0] * len(parts))
    with caplog.at_level(logging.WARNING):
        plan = plan_folds(dataset, cv=cv, seed=5)

    assert reason in caplog.text
    assert plan.folds == plan_folds(plain, cv=cv, seed=5).folds
    assert {fold.part for fold in plan.folds} == {0}


def test_a_group_across_parts_gets_ordinary_folds(caplog):
    dataset = stand_in([1, 2, 3, 1, 2], groups=["a", "a", "c", "d", "e"])
    with caplog.at_level(logging.WARNING):
        plan_folds(dataset, cv=CvConfig(), seed=0)

    assert "a group has subjects of several parts" in caplog.text


def test_a_plan_with_parts_comes_back_from_a_file_as_it_was():
    plan = plan_folds(stand_in([1, 2, 3, 1, 2, 3]), cv=CvConfig(), seed=0)

    assert FoldPlan.from_dict(plan.to_dict()) == plan


def test_a_plan_of_an_older_version_has_no_parts():
    values = plan_folds(stand_in([0] * 6), cv=CvConfig(), seed=0).to_dict()
    for fold in values["folds"]:
        del fold["part"]

    assert {fold.part for fold in FoldPlan.from_dict(values).folds} == {0}


def test_the_hash_of_folds_does_not_depend_on_their_names():
    plan = plan_folds(stand_in([1, 2, 3, 1, 2, 3]), cv=CvConfig(), seed=0)
    unnamed = replace(plan, folds=tuple(replace(fold, part=0) for fold in plan.folds))

    assert unnamed.folds_hash == plan.folds_hash


def test_the_assignment_of_validation_subjects_is_pinned():
    plan = plan_folds(stand_in([1, 2, 3] * 5), cv=CvConfig(), seed=0)

    assert [[int(digest, 16) for digest in fold.validation] for fold in plan.folds] == PINNED
    assert plan.folds_hash == PINNED_HASH


PINNED = [[4, 11], [5, 11], [9, 12]]
PINNED_HASH = "0e14d2153953f99cd671803805947ebb19d50182b683097d7a07021414a3ca90"


@pytest.mark.parametrize(
    ("dataset", "subject", "part"),
    [
        ("bp4d", "F001", 1),
        ("bp4d", "M018", 2),
        ("bp4d", "M015", 3),
        ("bp4d", "F023", 1),
        ("bp4d", "F024", 0),
        ("disfa", "SN001", 1),
        ("disfa", "SN031", 2),
        ("disfa", "SN029", 3),
        ("disfa", "SN014", 0),
    ],
)
def test_parts_of_the_literature(dataset, subject, part):
    assert published_part(dataset, subject) == part


@pytest.mark.parametrize("dataset", ["bp4d", "disfa"])
def test_a_full_copy_gets_the_published_folds(dataset):
    parts = list(PUBLISHED_PARTS[dataset].values())

    plan = plan_folds(stand_in(parts), cv=CvConfig(), seed=0)

    assert [len(fold.test) for fold in plan.folds] == [parts.count(part) for part in (1, 2, 3)]
