import json
import logging
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from algr.config import CvConfig
from algr.data import Fold, FoldPlan, SubjectInfo, plan_folds, refit_fold
from algr.errors import DataError


def stand_in(grades, *, groups=None, kind="grade"):
    """Subjects without pictures: all that planning looks at."""
    subjects = tuple(
        SubjectInfo(
            digest=f"{number:024x}",
            subject_id=f"s{number}",
            frames=10,
            grade=grade,
            videos=1,
            group=groups[number] if groups else f"s{number}",
        )
        for number, grade in enumerate(grades)
    )
    return SimpleNamespace(name="made", kind=kind, fingerprint="f" * 64, subjects=subjects)


def grade_of(dataset):
    return {subject.digest: subject.grade for subject in dataset.subjects}


grade_lists = st.lists(st.integers(0, 3), min_size=6, max_size=60)


@given(grades=grade_lists, folds=st.integers(2, 5), seed=st.integers(0, 2**31 - 1))
def test_each_subject_is_tested_exactly_once_and_never_on_two_sides(grades, folds, seed):
    dataset = stand_in(grades)

    plan = plan_folds(dataset, cv=CvConfig(num_folds=folds), seed=seed)

    tested = [digest for fold in plan.folds for digest in fold.test]
    assert sorted(tested) == [subject.digest for subject in dataset.subjects]
    for fold in plan.folds:
        members = [*fold.train, *fold.validation, *fold.test]
        assert sorted(members) == [subject.digest for subject in dataset.subjects]
        assert fold.train
        assert fold.validation


def test_a_seed_of_the_folds_keeps_them_for_every_seed_of_the_run():
    dataset = stand_in([0, 1, 2, 3] * 6)
    kept = CvConfig(fold_seed=0)

    assert plan_folds(dataset, cv=CvConfig(), seed=0) == plan_folds(dataset, cv=kept, seed=9)
    assert plan_folds(dataset, cv=CvConfig(), seed=0) != plan_folds(dataset, cv=CvConfig(), seed=9)


@given(grades=grade_lists, folds=st.integers(2, 5), seed=st.integers(0, 2**31 - 1))
def test_grades_and_subjects_are_spread_evenly(grades, folds, seed):
    dataset = stand_in(grades)
    plan = plan_folds(dataset, cv=CvConfig(num_folds=folds), seed=seed)

    sizes = [len(fold.test) for fold in plan.folds]
    assert max(sizes) - min(sizes) <= 1
    for grade in range(4):
        of_grade = [sum(grade_of(dataset)[d] == grade for d in f.test) for f in plan.folds]
        assert max(of_grade) - min(of_grade) <= 1


@given(grades=grade_lists, fraction=st.floats(0.05, 0.6), seed=st.integers(0, 99))
def test_validation_takes_its_share_of_each_grade_and_leaves_one_to_train(grades, fraction, seed):
    dataset = stand_in(grades)
    cv = CvConfig(num_folds=3, validation_fraction=fraction)

    for fold in plan_folds(dataset, cv=cv, seed=seed).folds:
        for grade in range(4):
            held_out = sum(grade_of(dataset)[digest] == grade for digest in fold.validation)
            kept = sum(grade_of(dataset)[digest] == grade for digest in fold.train)
            total = held_out + kept
            if total >= 2:
                assert held_out == min(max(1, int(fraction * total + 0.5)), total - 1)
            if total >= 1 and len(fold.validation) > 1:
                assert kept >= 1


@given(
    groups=st.lists(st.sampled_from("abcdefgh"), min_size=8, max_size=40),
    seed=st.integers(0, 2**31 - 1),
)
def test_subjects_of_one_group_stay_together(groups, seed):
    groups = [*"abcd", *groups]
    dataset = stand_in([number % 4 for number in range(len(groups))], groups=groups)
    group_of = {s.digest: s.group for s in dataset.subjects}

    for fold in plan_folds(dataset, cv=CvConfig(num_folds=3), seed=seed).folds:
        sides = [{group_of[d] for d in side} for side in (fold.train, fold.validation, fold.test)]
        assert not sides[0] & sides[1]
        assert not sides[0] & sides[2]
        assert not sides[1] & sides[2]


@given(order=st.permutations(range(12)))
def test_the_order_and_the_ids_of_subjects_do_not_matter(order):
    dataset = stand_in([number % 4 for number in range(12)])
    shuffled = stand_in([0] * 12)
    shuffled.subjects = tuple(
        SubjectInfo(
            digest=dataset.subjects[place].digest,
            subject_id=f"other{place}",
            frames=10,
            grade=dataset.subjects[place].grade,
            videos=1,
            group=f"other{place}",
        )
        for place in order
    )

    plans = [plan_folds(which, cv=CvConfig(), seed=3) for which in (dataset, shuffled)]

    assert plans[0] == plans[1]


def test_the_assignment_is_pinned():
    """Old results depend on it: a change needs a new major version."""
    plan = plan_folds(stand_in([0, 1, 2, 3] * 3), cv=CvConfig(), seed=0)

    tests = [[int(digest, 16) for digest in fold.test] for fold in plan.folds]
    validations = [[int(digest, 16) for digest in fold.validation] for fold in plan.folds]
    assert tests == [[8, 9, 10, 11], [0, 1, 6, 7], [2, 3, 4, 5]]
    assert validations == [[1, 2, 3, 4], [5, 8, 10, 11], [7, 8, 9, 10]]
    assert plan.folds_hash == "9de4cd5b078931705ab0d36aa4ee04dc86df8ffd7f4f661c5441537181c5d1c2"


PINNED = {
    ("honest", 3, "alone"): "8ab93175d138ed61e69b5e9b61730d53fa2db39ac97821eb14bbd4cc59145627",
    ("paper", 3, "alone"): "f0ea2f7e5eebd66ae7e8e29df6830dca666054e16f44d5240514a30bcaf5495c",
    ("nested", 4, "alone"): "9e8ddb87e16e7fd12d15a8e5e148572b200b02884a743d067c3c11b9c1709177",
    ("honest", 3, "pairs"): "bcab891f12c6e4e1ff150722c00777d5c8f01b6fa146c43afe3e3297f0970931",
    ("honest", 5, "au"): "b5973883a48d9aed6811c51ab6e8a74b5d95344b6057a58ad7a68a5da845f44f",
}


@pytest.mark.parametrize(("case", "folds_hash"), PINNED.items())
def test_folds_of_every_kind_are_pinned(case, folds_hash):
    """Old results depend on them: a change needs a new major version."""
    protocol, num_folds, people = case
    dataset = {
        "alone": stand_in([0, 1, 1, 2, 3, 3, 3] * 3),
        "pairs": stand_in([0, 0, 1, 1, 2, 2, 3, 3] * 3, groups=[f"g{i // 2}" for i in range(24)]),
        "au": stand_in([-1] * 27, kind="au"),
    }[people]

    plan = plan_folds(dataset, cv=CvConfig(num_folds=num_folds, protocol=protocol), seed=7)

    assert plan.folds_hash == folds_hash


@given(
    sizes=st.lists(st.integers(1, 4), min_size=6, max_size=20),
    folds=st.integers(2, 5),
    protocol=st.sampled_from(["honest", "paper"]),
    seed=st.integers(0, 2**31 - 1),
)
def test_groups_of_any_size_are_tested_once_and_never_parted(sizes, folds, protocol, seed):
    groups = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    dataset = stand_in([number % 4 for number in range(len(groups))], groups=groups)
    group_of = {subject.digest: subject.group for subject in dataset.subjects}

    plan = plan_folds(dataset, cv=CvConfig(num_folds=folds, protocol=protocol), seed=seed)

    tested = [digest for fold in plan.folds for digest in fold.test]
    assert sorted(tested) == [subject.digest for subject in dataset.subjects]
    sides = [
        {group_of[digest] for digest in side}
        for fold in plan.folds
        for side in (fold.train, fold.validation, fold.test)
    ]
    assert sum(map(len, sides)) == folds * len(sizes)


@given(
    grades=grade_lists,
    folds=st.integers(2, 5),
    order=st.randoms(use_true_random=False),
    seed=st.integers(0, 99),
)
def test_folds_depend_on_who_the_subjects_are_not_on_their_order(grades, folds, order, seed):
    dataset, shuffled = stand_in(grades), stand_in(grades)
    subjects = list(shuffled.subjects)
    order.shuffle(subjects)
    shuffled.subjects = tuple(subjects)

    plans = [
        plan_folds(which, cv=CvConfig(num_folds=folds), seed=seed) for which in (dataset, shuffled)
    ]

    assert plans[0].folds_hash == plans[1].folds_hash


def test_another_seed_gives_other_folds():
    dataset = stand_in([number % 4 for number in range(24)])

    assert plan_folds(dataset, cv=CvConfig(), seed=0) != plan_folds(dataset, cv=CvConfig(), seed=1)


def test_the_papers_protocol_has_no_validation_subjects_and_the_same_test_folds():
    dataset = stand_in([number % 4 for number in range(12)])

    paper = plan_folds(dataset, cv=CvConfig(protocol="paper"), seed=0)
    honest = plan_folds(dataset, cv=CvConfig(), seed=0)

    assert [fold.validation for fold in paper.folds] == [(), (), ()]
    assert [fold.test for fold in paper.folds] == [fold.test for fold in honest.folds]


def test_action_units_are_not_stratified_by_grade():
    plan = plan_folds(stand_in([-1] * 9, kind="au"), cv=CvConfig(), seed=0)

    assert [len(fold.test) for fold in plan.folds] == [3, 3, 3]
    assert [len(fold.validation) for fold in plan.folds] == [1, 1, 1]


def test_a_grade_with_fewer_subjects_than_folds_is_warned_of_by_name(caplog):
    with caplog.at_level(logging.WARNING, logger="algr"):
        plan_folds(stand_in([0, 0, 0, 1, 1, 1, 2]), cv=CvConfig(), seed=0)

    assert caplog.messages == [
        "grade 'medium' has 1 subject for 3 folds: some folds do not test it"
    ]


@pytest.mark.parametrize(
    ("dataset", "cv", "message"),
    [
        (stand_in([0, 1]), CvConfig(), "has 2 subjects that can be parted"),
        (stand_in([0]), CvConfig(num_folds=2), "has 1 subject that can be parted"),
        (
            stand_in([0, 1, 2, 3], groups=["a", "a", "b", "b"]),
            CvConfig(),
            "has 2 subjects that can be parted",
        ),
        (stand_in([0, 1]), CvConfig(num_folds=2), "leaves 1 subject to train and validate on"),
    ],
)
def test_too_few_subjects_are_an_error(dataset, cv, message):
    with pytest.raises(DataError, match=message):
        plan_folds(dataset, cv=cv, seed=0)


def test_as_many_folds_as_subjects_work_without_validation():
    plan = plan_folds(stand_in([0, 1]), cv=CvConfig(num_folds=2, protocol="paper"), seed=0)

    assert [len(fold.train) for fold in plan.folds] == [1, 1]


@given(grades=grade_lists, repeat=st.integers(1, 20), seed=st.integers(0, 2**31 - 1))
def test_a_repeat_tests_everyone_once_on_folds_of_its_own_seed(grades, repeat, seed):
    dataset = stand_in(grades)

    plan = plan_folds(dataset, cv=CvConfig(repeats=21), seed=seed, repeat=repeat)

    tested = [digest for fold in plan.folds for digest in fold.test]
    assert sorted(tested) == [subject.digest for subject in dataset.subjects]
    assert plan.seed != plan_folds(dataset, cv=CvConfig(), seed=seed, repeat=repeat + 1).seed


def test_the_first_repeat_has_the_folds_without_repeats_and_the_others_have_not():
    dataset = stand_in([number % 4 for number in range(24)])

    plain = plan_folds(dataset, cv=CvConfig(), seed=7)
    drawn = [
        plan_folds(dataset, cv=CvConfig(repeats=5), seed=7, repeat=repeat) for repeat in range(5)
    ]

    assert drawn[0] == plain
    assert len({plan.folds_hash for plan in drawn}) == 5


@given(
    groups=st.lists(st.sampled_from("abcdefgh"), min_size=4, max_size=20),
    seed=st.integers(0, 2**31 - 1),
)
def test_leave_one_out_tests_each_group_alone_and_keeps_it_out_of_training(groups, seed):
    groups = [*"abcd", *groups]
    dataset = stand_in([number % 4 for number in range(len(groups))], groups=groups)
    group_of = {s.digest: s.group for s in dataset.subjects}

    plan = plan_folds(dataset, cv=CvConfig(scheme="loso"), seed=seed)

    assert sorted(group_of[fold.test[0]] for fold in plan.folds) == sorted(set(groups))
    for fold in plan.folds:
        tested = {group_of[digest] for digest in fold.test}
        others = [*fold.train, *fold.validation]
        assert len(tested) == 1
        assert not tested & {group_of[digest] for digest in others}
        assert len(others) + len(fold.test) == len(groups)
        assert fold.train
        assert fold.validation


def test_leave_one_out_warns_of_no_rare_grade_and_has_the_same_test_folds_for_every_seed(caplog):
    dataset = stand_in([0, 0, 0, 1, 1, 2])

    plans = [plan_folds(dataset, cv=CvConfig(scheme="loso"), seed=seed) for seed in (0, 1)]

    tests = [[fold.test for fold in plan.folds] for plan in plans]
    assert tests[0] == tests[1] == [(f"{number:024x}",) for number in range(6)]
    assert caplog.messages == []


def test_leaving_one_of_one_out_is_an_error():
    with pytest.raises(DataError, match="has 1 subject that can be parted"):
        plan_folds(stand_in([0]), cv=CvConfig(scheme="loso", protocol="paper"), seed=0)


def test_refit_trains_on_everybody():
    fold = refit_fold(stand_in([0, 1, 2]))

    assert [int(digest, 16) for digest in fold.train] == [0, 1, 2]
    assert (fold.index, fold.validation, fold.test) == (0, (), ())


def test_a_plan_survives_its_json():
    plan = plan_folds(stand_in([0, 1, 2, 3, 0, 1]), cv=CvConfig(), seed=5)

    assert FoldPlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize("change", ["drop", "swap", "extra"])
def test_a_plan_that_was_edited_is_refused(change):
    values = json.loads(
        json.dumps(plan_folds(stand_in([0, 1] * 4), cv=CvConfig(), seed=0).to_dict())
    )
    fold = values["folds"][0]
    match change:
        case "drop":
            del fold["train"]
        case "swap":
            fold["train"][0], fold["test"][0] = fold["test"][0], fold["train"][0]
        case "extra":
            fold["train"].append("0" * 24)

    with pytest.raises(DataError, match=r"plan of folds|more than once|more than one fold"):
        FoldPlan.from_dict(values)


def test_the_hash_tells_the_folds_and_nothing_else():
    plan = plan_folds(stand_in([0, 1] * 4), cv=CvConfig(), seed=0)
    renamed = stand_in([0, 1] * 4)
    renamed.name = "elsewhere"

    assert plan_folds(renamed, cv=CvConfig(), seed=0).folds_hash == plan.folds_hash
    assert plan_folds(renamed, cv=CvConfig(protocol="paper"), seed=0).folds_hash != plan.folds_hash


@pytest.mark.parametrize(
    ("train", "validation", "test"),
    [(("a",), ("a",), ()), (("a",), (), ("a",)), ((), ("a",), ("a",)), (("a", "a"), (), ())],
)
def test_a_fold_with_a_subject_on_two_sides_cannot_be_made(train, validation, test):
    with pytest.raises(DataError, match="subject a stands in it more than once"):
        Fold(index=0, train=train, validation=validation, test=test)


def test_a_plan_that_tests_a_subject_twice_cannot_be_made():
    folds = tuple(Fold(index=i, train=(), validation=(), test=("a",)) for i in range(2))

    with pytest.raises(DataError, match="subject a is tested in more than one fold"):
        FoldPlan(dataset="d", kind="grade", fingerprint="", protocol="paper", seed=0, folds=folds)
