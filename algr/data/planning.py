"""Which subjects stand in which fold.

Subjects are ordered by hashes of their key-free digests, so that two sites with the same recordings
get the same folds, today and with every later version of Python and NumPy.
"""

import hashlib
import logging
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from algr.config import CvConfig
from algr.data.folds import Fold, FoldPlan
from algr.data.published import NUM_PARTS
from algr.data.rows import Kind
from algr.data.store import PreparedDataset, SubjectInfo
from algr.errors import DataError
from algr.faces import GRADES
from algr.seeding import derive_seed

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class _Unit:
    """Subjects that cannot be parted: one, or a group."""

    digests: tuple[str, ...]
    grade: int
    parts: frozenset[int]
    """Published parts of its subjects."""

    @property
    def name(self) -> str:
        return "+".join(self.digests)


def plan_folds(dataset: PreparedDataset, *, cv: CvConfig, seed: int, repeat: int = 0) -> FoldPlan:
    """Plan folds that are exclusive by subject and group, and stratified by grade.

    Where all subjects have a part of the published folds, all three parts are there and three
    folds are asked for, fold k tests part k + 1 and the seed decides about validation alone;
    further repeats are drawn.

    Every grade is spread as evenly as it can be, and so are all subjects; under the scheme `loso`
    each fold tests one subject, or one group, whatever the seed. Validation subjects
    (protocols `honest` and `nested`) are taken out of the training subjects: of each grade the
    given fraction, at least one where two or more are there, so that one is left to train on.
    For `nested` these are the outer folds; `inner_folds` cuts their training subjects further.

    Args:
        dataset: Whose subjects to cut.
        cv: How.
        seed: Decides about everything that is left open, unless `cv` has a seed of its own.
        repeat: Which drawing of the folds; 0 is the one without repeats.

    Raises:
        DataError: There are fewer subjects (or groups) than folds, or too few to hold some out.
    """
    seed = seed if cv.fold_seed is None else cv.fold_seed
    seed = derive_seed(seed, "repeat", repeat) if repeat else seed
    units = _units(dataset.subjects)
    published: list[list[_Unit]] = []
    if cv.scheme == "kfold":
        _check_enough(units, num_folds=cv.num_folds, key="cv.num_folds", dataset=dataset)
        _warn_of_rare_grades(units, num_folds=cv.num_folds, kind=dataset.kind)
        if not repeat:
            published = _published(units, dataset=dataset.name, num_folds=cv.num_folds)
        parts = published or _deal(units, num_parts=cv.num_folds, seed=derive_seed(seed, "folds"))
    else:
        _check_enough(units, num_folds=2, key="the folds of cv.scheme=loso", dataset=dataset)
        parts = [[unit] for unit in sorted(units, key=lambda unit: unit.name)]
    folds = []
    for index, test in enumerate(parts):
        rest = [unit for part in parts if part is not test for unit in part]
        held_out: list[_Unit] = []
        if cv.protocol != "paper":
            held_out = _hold_out(
                rest,
                fraction=cv.validation_fraction,
                seed=derive_seed(seed, "validation", index),
                dataset=dataset.name,
            )
        folds.append(
            Fold(
                index=index,
                train=_digests(unit for unit in rest if unit not in held_out),
                validation=_digests(held_out),
                test=_digests(test),
                part=index + 1 if published else 0,
            )
        )
    return FoldPlan(
        dataset=dataset.name,
        kind=dataset.kind,
        fingerprint=dataset.fingerprint,
        protocol=cv.protocol,
        seed=seed,
        folds=tuple(folds),
        pictures={one.digest: one.pictures for one in dataset.subjects if one.pictures},
    )


def inner_folds(
    dataset: PreparedDataset, outer: Fold, *, num_folds: int, seed: int
) -> tuple[Fold, ...]:
    """Folds of an outer fold's training subjects, in each of which one part validates.

    They test nobody: a search needs validation scores alone. The subjects who validate or test the
    outer fold are in none of them.

    Raises:
        DataError: There are fewer subjects (or groups) than folds.
    """
    known = set(outer.train)
    units = _units([subject for subject in dataset.subjects if subject.digest in known])
    if len(units) < num_folds:
        raise DataError(
            f"outer fold {outer.index} trains on {len(units)} subjects that can be parted",
            expected=f"at least cv.num_folds = {num_folds}, to search on inner folds of them",
            advice="prepare more subjects, or use fewer folds",
        )
    parts = _deal(units, num_parts=num_folds, seed=derive_seed(seed, "inner", outer.index))
    return tuple(
        Fold(
            index=index,
            train=_digests(unit for part in parts if part is not held_out for unit in part),
            validation=_digests(held_out),
            test=(),
        )
        for index, held_out in enumerate(parts)
    )


def refit_fold(dataset: PreparedDataset) -> Fold:
    """All subjects to train on, none to validate or test."""
    digests = tuple(sorted(subject.digest for subject in dataset.subjects))
    return Fold(index=0, train=digests, validation=(), test=())


def _units(subjects: Sequence[SubjectInfo]) -> list[_Unit]:
    members: dict[str, list[SubjectInfo]] = defaultdict(list)
    for subject in subjects:
        members[subject.group].append(subject)
    return [
        _Unit(
            digests=tuple(sorted(subject.digest for subject in group)),
            grade=max(subject.grade for subject in group),
            parts=frozenset(subject.part for subject in group),
        )
        for group in members.values()
    ]


def _published(units: Sequence[_Unit], *, dataset: str, num_folds: int) -> list[list[_Unit]]:
    """The published parts, of which fold k tests part k + 1; none where they do not apply."""
    known = frozenset().union(*(unit.parts for unit in units))
    if known == {0}:
        return []
    reason = ""
    if num_folds != NUM_PARTS:
        reason = f"cv.num_folds is {num_folds}, not {NUM_PARTS}"
    elif 0 in known:
        reason = "some subjects belong to none of them"
    elif len(known) < NUM_PARTS:
        there = " and ".join(f"part {part}" for part in sorted(known))
        reason = f"the dataset holds subjects of {there} only"
    elif any(len(unit.parts) > 1 for unit in units):
        reason = "a group has subjects of several parts"
    if reason:
        _LOG.warning(
            "dataset %r: the published folds are not used, since %s; its folds are drawn",
            dataset,
            reason,
        )
        return []
    return [
        sorted((unit for unit in units if part in unit.parts), key=lambda unit: unit.name)
        for part in range(1, NUM_PARTS + 1)
    ]


def _digests(units: Iterable[_Unit]) -> tuple[str, ...]:
    return tuple(sorted(digest for unit in units for digest in unit.digests))


def _by_grade(units: Sequence[_Unit], *, seed: int) -> list[list[_Unit]]:
    """Units of each grade, larger ones first, otherwise in an order that the seed decides."""
    ordered = sorted(units, key=lambda unit: (-len(unit.digests), _place(unit, seed=seed)))
    grades = sorted({unit.grade for unit in units})
    return [[unit for unit in ordered if unit.grade == grade] for grade in grades]


def _place(unit: _Unit, *, seed: int) -> str:
    """A hash by which to sort; the order lasts, unlike that of a library's shuffle."""
    return hashlib.sha256(f"{seed}/{unit.name}".encode()).hexdigest()


def _deal(units: Sequence[_Unit], *, num_parts: int, seed: int) -> list[list[_Unit]]:
    """Each unit to the part with the fewest subjects of its grade, then the fewest of all."""
    parts: list[list[_Unit]] = [[] for _ in range(num_parts)]
    sizes = [0] * num_parts
    for stratum in _by_grade(units, seed=seed):
        of_grade = [0] * num_parts
        for unit in stratum:
            chosen = min(range(num_parts), key=lambda part: (of_grade[part], sizes[part], part))
            parts[chosen].append(unit)
            of_grade[chosen] += len(unit.digests)
            sizes[chosen] += len(unit.digests)
    return parts


def _hold_out(units: Sequence[_Unit], *, fraction: float, seed: int, dataset: str) -> list[_Unit]:
    held_out: list[_Unit] = []
    for stratum in _by_grade(units, seed=seed):
        wanted = max(1, math.floor(fraction * len(stratum) + 0.5))
        held_out += stratum[: min(wanted, len(stratum) - 1)]
    if not held_out:
        if len(units) < 2:
            raise DataError(
                f"dataset {dataset!r} leaves {len(units)} subject to train and validate on",
                expected="at least two per fold under the protocol 'honest'",
                advice="prepare more subjects, or use fewer folds",
            )
        held_out = [min(units, key=lambda unit: _place(unit, seed=seed))]
    return held_out


def _check_enough(
    units: Sequence[_Unit], *, num_folds: int, key: str, dataset: PreparedDataset
) -> None:
    if len(units) < num_folds:
        raise DataError(
            f"dataset {dataset.name!r} has {len(units)} subject"
            f"{'' if len(units) == 1 else 's'} that can be parted",
            expected=f"at least {key} = {num_folds}",
            advice=f"prepare more subjects, or set cv.num_folds={len(units)}"
            if len(units) > 1
            else "prepare more subjects",
        )


def _warn_of_rare_grades(units: Sequence[_Unit], *, num_folds: int, kind: Kind) -> None:
    if kind != "grade":
        return
    counts = Counter(unit.grade for unit in units)
    for grade, name in enumerate(GRADES):
        if 0 < counts[grade] < num_folds:
            _LOG.warning(
                "grade %r has %d subject%s for %d folds: some folds do not test it",
                name,
                counts[grade],
                "" if counts[grade] == 1 else "s",
                num_folds,
            )
