"""Folds: frozen lists of subjects for training, validation and test, planned once and passed on.

Subjects are named by their key-free digests.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from algr.data.fingerprint import canonical_json
from algr.data.rows import Kind
from algr.errors import DataError

Protocol = Literal["honest", "paper", "nested"]


@dataclass(frozen=True, kw_only=True)
class Fold:
    """One split of the subjects; digests, each list sorted."""

    index: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...]
    part: int = 0
    """The published part that it tests, 1-3; 0 where the folds are drawn. The literature numbers
    its folds in different ways, so that the part is the name."""

    def __post_init__(self) -> None:
        counts = Counter((*self.train, *self.validation, *self.test))
        twice = [digest for digest, count in counts.items() if count > 1]
        if twice:
            raise DataError(
                f"fold {self.index}: subject {twice[0]} stands in it more than once",
                expected="each subject in one of training, validation and test",
                advice="plan the folds again",
            )


@dataclass(frozen=True, kw_only=True)
class FoldPlan:
    """The folds of one run."""

    dataset: str
    kind: Kind
    fingerprint: str
    protocol: Protocol
    seed: int
    folds: tuple[Fold, ...]
    pictures: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    """Digest of a subject to those of some of its pictures, by which a person is known in another
    dataset; empty in plans of versions of algr that did not note them."""

    def __post_init__(self) -> None:
        counts = Counter(digest for fold in self.folds for digest in fold.test)
        twice = [digest for digest, count in counts.items() if count > 1]
        if twice:
            raise DataError(
                f"subject {twice[0]} is tested in more than one fold",
                expected="each subject tested once",
                advice="plan the folds again",
            )

    @property
    def folds_hash(self) -> str:
        """SHA-256 of the subject lists alone, hexadecimal: the same folds, the same hash."""
        lists = [[fold.train, fold.validation, fold.test] for fold in self.folds]
        return hashlib.sha256(canonical_json(lists).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for a JSON file; holds no id."""
        tree = {**asdict(self), "folds_hash": self.folds_hash}
        if not self.pictures:  # as older versions of algr wrote it
            del tree["pictures"]
        return tree

    def pictures_of(self, subjects: Iterable[str]) -> tuple[str, ...] | None:
        """Digests of pictures of these subjects, sorted; None where the plan has none."""
        if not self.pictures:
            return None
        return tuple(sorted({one for name in subjects for one in self.pictures.get(name, ())}))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The plan that `to_dict` wrote.

        Raises:
            DataError: A field is missing, or the lists do not have the stated hash.
        """
        try:
            folds = tuple(
                Fold(
                    index=fold["index"],
                    train=tuple(fold["train"]),
                    validation=tuple(fold["validation"]),
                    test=tuple(fold["test"]),
                    part=fold.get("part", 0),
                )
                for fold in values["folds"]
            )
            plan = cls(
                dataset=values["dataset"],
                kind=values["kind"],
                fingerprint=values["fingerprint"],
                protocol=values["protocol"],
                seed=values["seed"],
                folds=folds,
                pictures={name: tuple(some) for name, some in values.get("pictures", {}).items()},
            )
            stated = values["folds_hash"]
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                "a plan of folds lacks a field or has a wrong one",
                expected="the plan as algr wrote it",
                advice="plan the folds again",
            ) from error
        if plan.folds_hash != stated:
            raise DataError(
                "a plan of folds does not have the hash that it states",
                expected="the plan as algr wrote it",
                advice="plan the folds again",
            )
        return plan
