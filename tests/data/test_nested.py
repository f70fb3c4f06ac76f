"""No subject of an outer fold's test or validation is ever in an inner fold."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from algr.config import CvConfig
from algr.data import Fold, NestedFold, plan_folds, plan_nested
from algr.errors import DataError
from tests.data.test_folds import stand_in

NESTED = CvConfig(protocol="nested")


def inner_subjects(nested):
    return {
        digest
        for fold in nested.inner.folds
        for digest in (*fold.train, *fold.validation, *fold.test)
    }


@settings(max_examples=50)
@given(
    grades=st.lists(st.integers(0, 3), min_size=9, max_size=40),
    folds=st.integers(2, 3),
    scheme=st.sampled_from(["kfold", "loso"]),
    seed=st.integers(0, 2**31 - 1),
)
def test_inner_folds_know_the_outer_training_subjects_and_nobody_else(grades, folds, scheme, seed):
    dataset = stand_in(grades)
    cv = CvConfig(protocol="nested", num_folds=folds, scheme=scheme)
    plan = plan_folds(dataset, cv=cv, seed=seed)

    found = plan_nested(dataset, plan, cv=cv)

    assert [nested.outer for nested in found] == list(plan.folds)
    for nested in found:
        assert inner_subjects(nested) == set(nested.outer.train)
        assert not inner_subjects(nested) & {*nested.outer.test, *nested.outer.validation}
        validated = [digest for fold in nested.inner.folds for digest in fold.validation]
        assert sorted(validated) == list(nested.outer.train)
        assert [fold.test for fold in nested.inner.folds] == [()] * folds
        assert all(fold.train for fold in nested.inner.folds)


@given(
    groups=st.lists(st.sampled_from("abcdefghijkl"), min_size=4, max_size=30),
    seed=st.integers(0, 2**31 - 1),
)
def test_a_group_is_never_on_two_sides_of_an_inner_fold_or_of_the_outer_one(groups, seed):
    groups = [*"abcdefghijkl", *groups]
    dataset = stand_in([number % 4 for number in range(len(groups))], groups=groups)
    group_of = {subject.digest: subject.group for subject in dataset.subjects}
    plan = plan_folds(dataset, cv=NESTED, seed=seed)

    for nested in plan_nested(dataset, plan, cv=NESTED):
        inside = {group_of[digest] for digest in inner_subjects(nested)}
        outside = {group_of[digest] for digest in (*nested.outer.test, *nested.outer.validation)}
        assert not inside & outside
        for fold in nested.inner.folds:
            training = {group_of[digest] for digest in fold.train}
            assert not training & {group_of[digest] for digest in fold.validation}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("test", "its test subject x stands in an inner fold"),
        ("validation", "its validation subject x stands in an inner fold"),
        ("nobody", "subject x of an inner fold is not one of its training subjects"),
    ],
)
@pytest.mark.parametrize("side", ["train", "validation", "test"])
def test_an_inner_fold_with_a_strange_subject_cannot_be_made(part, message, side):
    dataset = stand_in([0, 1] * 6)
    plan = plan_folds(dataset, cv=NESTED, seed=0)
    nested = plan_nested(dataset, plan, cv=NESTED)[0]
    parts = {"train": nested.outer.train, "validation": (), "test": ()} | {part: ("x",)}
    parts.pop("nobody", None)
    leaking = dataclasses.replace(nested.inner.folds[1], **{side: ("x",)})
    folds = (nested.inner.folds[0], leaking)

    with pytest.raises(DataError, match=message):
        NestedFold(
            outer=Fold(index=0, **parts), inner=dataclasses.replace(nested.inner, folds=folds)
        )


def test_inner_folds_are_the_same_for_any_ids_and_differ_between_outer_folds():
    dataset = stand_in([number % 4 for number in range(24)])
    plan = plan_folds(dataset, cv=NESTED, seed=3)

    found = plan_nested(dataset, plan, cv=NESTED)
    again = plan_nested(stand_in([number % 4 for number in range(24)]), plan, cv=NESTED)

    assert found == again
    assert len({nested.inner.folds_hash for nested in found}) == 3
    assert {nested.inner.protocol for nested in found} == {"nested"}


def test_too_few_training_subjects_for_inner_folds_are_an_error():
    dataset = stand_in([0, 1, 2])
    plan = plan_folds(dataset, cv=NESTED, seed=0)

    with pytest.raises(DataError, match="outer fold 0 trains on 1 subjects"):
        plan_nested(dataset, plan, cv=NESTED)
