"""What the test frames say, summed up per subject, so that any weights of the subjects give figures.

Subjects are the unit: the frames of one face are no independent observations. Everything is linear
in the subjects' weights (areas under the curve are quadratic), so a figure of resampled subjects is
a product of small matrices and does not look at frames again.

Shape suffixes: N = frames, M = recordings or people, S = subjects, R = rows of weights, K = grades
or action units, A = action units, V = `VARIANTS`, B = bins, C = cut-offs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics import agreement
from algr.metrics.agreement import CUT_OFFS, Figures
from algr.metrics.calibration import calibration_error, reliability_sums
from algr.metrics.counts import FAILURE, VARIANTS, Kind
from algr.metrics.detection import detection_accuracy, detection_kappa, prevalence
from algr.metrics.ranking import RankedPairs, rank_pairs
from algr.metrics.ratios import defined_mean, ratio
from algr.metrics.scores import landmark_figures, table_figures

Numbers = NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class TestedFrames:
    """The test frames of all folds, in any order."""

    kind: Kind
    label_names: tuple[str, ...]
    subjects: tuple[str, ...]
    """Names that depend on content alone (digests), ascending."""
    fold_S: NDArray[np.int64]
    """The fold in which each subject is tested."""
    subject_N: NDArray[np.int64]
    video_N: NDArray[np.int64]
    """Index of each frame's recording; no recording has two subjects."""
    truth: NDArray[np.integer[Any]]
    """(N,) grade or -1; for action units (N, A): 1 present, 0 absent, -1 not coded."""
    probability: Mapping[str, NDArray[np.floating[Any]]]
    """(N, K) by variant; variants that the network does not have are left out."""
    landmark_error_N: NDArray[np.float64]
    """NaN where unknown."""

    __test__ = False  # not a class of tests

    def __post_init__(self) -> None:
        assert list(self.subjects) == sorted(set(self.subjects)), "subjects out of order"
        assert "averaged" in self.probability


@dataclass(frozen=True, eq=False)
class GradedItems:
    """Recordings, or people, with one grade each, summed up per subject."""

    confusion_SKK: NDArray[np.float64]
    squares_S: NDArray[np.float64]
    """Sum of squared distances between stated and true probabilities (Brier)."""
    reliability_SB3: NDArray[np.float64]
    """Of the probability of the predicted grade."""
    pairs_C: tuple[RankedPairs, ...]
    """For each cut-off, by the probability of being at or beyond it."""

    def figures(
        self, weight_RS: NDArray[np.float64], *, label_names: Sequence[str]
    ) -> dict[str, Figures]:
        """Every figure for each row of weights, (R,)."""
        confusion = np.tensordot(weight_RS, self.confusion_SKK, 1)
        found = table_figures(confusion, kind="grade", label_names=label_names)
        found["kappa_quadratic"] = agreement.quadratic_kappa(confusion)
        found["within_one"] = agreement.within_one(confusion)
        found["mae"] = agreement.mean_absolute_error(confusion)
        sensitivity = agreement.sensitivity(confusion)
        specificity = agreement.specificity(confusion)
        for index, (name, pairs) in enumerate(zip(CUT_OFFS, self.pairs_C, strict=True)):
            found[f"sensitivity_{name}"] = sensitivity[..., index]
            found[f"specificity_{name}"] = specificity[..., index]
            found[f"auc_{name}"] = pairs.area(weight_RS)
        found["brier"] = ratio(weight_RS @ self.squares_S, confusion.sum((-2, -1)))
        found["ece"] = calibration_error(np.tensordot(weight_RS, self.reliability_SB3, 1))
        return found


@dataclass(frozen=True, eq=False)
class DetectedUnits:
    """Action units in frames (of the averaged probability), summed up per subject."""

    table_SA4: NDArray[np.float64]
    squares_SA: NDArray[np.float64]
    reliability_SAB3: NDArray[np.float64]
    pairs_A: tuple[RankedPairs, ...]

    def figures(
        self, weight_RS: NDArray[np.float64], *, label_names: Sequence[str]
    ) -> dict[str, Figures]:
        """Every figure for each row of weights, (R,): means over the units, then each unit."""
        table = np.tensordot(weight_RS, self.table_SA4, 1)
        reliability = np.tensordot(weight_RS, self.reliability_SAB3, 1)
        per_unit = {
            "auc": np.stack([pairs.area(weight_RS) for pairs in self.pairs_A], axis=-1),
            "kappa": detection_kappa(table),
            "accuracy": detection_accuracy(table),
            "prevalence": prevalence(table),
            "brier": ratio(weight_RS @ self.squares_SA, table.sum(-1)),
            "ece": calibration_error(reliability),
        }
        found = {f"{name}_mean": defined_mean(values) for name, values in per_unit.items()}
        for name, values in per_unit.items():
            for index, unit in enumerate(label_names):
                found[f"{name}_{unit.lower()}"] = values[..., index]
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Evidence:
    """All that figures of a cross-validation need, per subject."""

    kind: Kind
    label_names: tuple[str, ...]
    subjects: tuple[str, ...]
    fold_S: NDArray[np.int64]
    table: Numbers
    """(S, K, K) for grades, (S, V, A, 4) for action units: of the frames."""
    landmarks_S3: NDArray[np.float64]
    sections: Mapping[str, GradedItems | DetectedUnits]
    """`video` and, where a subject has several, `subject`; `units` for action units."""
    mixed_subjects: int = 0
    """People left out of `subject`, because their recordings have different grades."""

    @property
    def folds(self) -> tuple[int, ...]:
        """Numbers of the folds, ascending."""
        return tuple(np.unique(self.fold_S).tolist())

    def figures(self, weight_RS: NDArray[np.float64]) -> dict[str, Figures]:
        """Every figure for each row of weights, (R,); NaN for undefined.

        Figures of frames have the names of `scores`, those of a section `<section>/<name>`.
        """
        table = np.tensordot(weight_RS, self.table, 1)
        found = table_figures(table, kind=self.kind, label_names=self.label_names)
        found |= landmark_figures(weight_RS @ self.landmarks_S3)
        for section, items in self.sections.items():
            figures = items.figures(weight_RS, label_names=self.label_names)
            found |= {f"{section}/{name}": values for name, values in figures.items()}
        return found


def gather_evidence(tested: TestedFrames) -> Evidence:
    """Sum up the test frames per subject."""
    known_N = np.isfinite(tested.landmark_error_N)
    subject, error = tested.subject_N[known_N], tested.landmark_error_N[known_N]
    landmarks = [
        np.bincount(subject, weights=values, minlength=len(tested.subjects))
        for values in (error, (error > FAILURE).astype(np.float64), np.ones(len(error)))
    ]
    sections: dict[str, GradedItems | DetectedUnits] = {}
    mixed = 0
    if tested.kind == "grade":
        table: Numbers = _confusion(
            tested.truth, tested.probability["averaged"], tested.subject_N, len(tested.subjects)
        )
        videos = _videos(tested)
        sections["video"] = _graded_items(videos, num_subjects=len(tested.subjects))
        people, mixed = _people(videos)
        if len(people.truth_M) + mixed < len(videos.truth_M):
            sections["subject"] = _graded_items(people, num_subjects=len(tested.subjects))
    else:
        table = _detections(tested)
        sections["units"] = _detected_units(tested, table)
    return Evidence(
        kind=tested.kind,
        label_names=tested.label_names,
        subjects=tested.subjects,
        fold_S=tested.fold_S,
        table=table,
        landmarks_S3=np.stack(landmarks, axis=-1),
        sections=sections,
        mixed_subjects=mixed,
    )


@dataclass(frozen=True, eq=False)
class _Items:
    truth_M: NDArray[np.int64]
    probability_MK: NDArray[np.float64]
    subject_M: NDArray[np.int64]


def _videos(tested: TestedFrames) -> _Items:
    """Recordings with a known grade: mean probability over all their frames, as predictions do."""
    numbers, first, video_N = np.unique(tested.video_N, return_index=True, return_inverse=True)
    probability_MK = _group_means(tested.probability["averaged"], video_N, len(numbers))
    truth_M = np.full(len(numbers), -1)
    np.maximum.at(truth_M, video_N, tested.truth)
    known_M = truth_M >= 0
    return _Items(truth_M[known_M], probability_MK[known_M], tested.subject_N[first][known_M])


def _people(videos: _Items) -> tuple[_Items, int]:
    """People whose recordings all have one grade, by the mean over recordings; how many have not."""
    subjects, person_M = np.unique(videos.subject_M, return_inverse=True)
    probability = _group_means(videos.probability_MK, person_M, len(subjects))
    highest, lowest = np.full(len(subjects), -1), np.full(len(subjects), np.iinfo(np.int64).max)
    np.maximum.at(highest, person_M, videos.truth_M)
    np.minimum.at(lowest, person_M, videos.truth_M)
    same = highest == lowest
    return _Items(highest[same], probability[same], subjects[same]), int((~same).sum())


def _group_means(
    value_NK: NDArray[np.floating[Any]], group_N: NDArray[np.int64], num_groups: int
) -> NDArray[np.float64]:
    columns = [
        np.bincount(group_N, weights=value_N.astype(np.float64), minlength=num_groups)
        for value_N in value_NK.T
    ]
    frames = np.bincount(group_N, minlength=num_groups)
    means: NDArray[np.float64] = np.stack(columns, axis=1) / frames[:, None]
    return means


def _graded_items(items: _Items, *, num_subjects: int) -> GradedItems:
    truth_M, probability_MK, subject_M = items.truth_M, items.probability_MK, items.subject_M
    predicted_M = probability_MK.argmax(1)
    errors_MK = probability_MK - np.eye(probability_MK.shape[1])[truth_M]
    return GradedItems(
        confusion_SKK=_confusion(truth_M, probability_MK, subject_M, num_subjects),
        squares_S=np.bincount(
            subject_M, weights=(errors_MK**2).sum(1), minlength=num_subjects
        ),
        reliability_SB3=reliability_sums(
            stated_N=probability_MK.max(1),
            outcome_N=predicted_M == truth_M,
            owner_N=subject_M,
            num_owners=num_subjects,
        ),
        pairs_C=tuple(
            rank_pairs(
                score_N=probability_MK[:, cut:].sum(1),
                is_positive_N=truth_M >= cut,
                subject_N=subject_M,
                num_subjects=num_subjects,
            )
            for cut in CUT_OFFS.values()
        ),
    )


def _confusion(
    truth_N: Numbers, probability_NK: Numbers, subject_N: NDArray[np.int64], num_subjects: int
) -> NDArray[np.float64]:
    count = probability_NK.shape[1]
    known_N = truth_N >= 0
    row_N = subject_N[known_N] * count + truth_N[known_N].astype(np.int64)
    cell_N = row_N * count + probability_NK[known_N].argmax(1)
    cells = np.bincount(cell_N, minlength=num_subjects * count**2)
    return cells.astype(np.float64).reshape(num_subjects, count, count)


def _detections(tested: TestedFrames) -> NDArray[np.float64]:
    """(S, V, A, 4); zeros for variants that the network does not have."""
    num_subjects, num_units = len(tested.subjects), len(tested.label_names)
    table = np.zeros((num_subjects, len(VARIANTS), num_units, 4))
    for index, variant in enumerate(VARIANTS):
        if variant not in tested.probability:
            continue
        outcome_NA = 2 * (tested.probability[variant] < 0.5) + (
            tested.truth != (tested.probability[variant] >= 0.5)
        )
        for unit in range(num_units):
            known_N = tested.truth[:, unit] >= 0
            cell_N = tested.subject_N[known_N] * 4 + _CELL[outcome_NA[known_N, unit]]
            cells = np.bincount(cell_N, minlength=num_subjects * 4)
            table[:, index, unit] = cells.reshape(num_subjects, 4)
    return table


_CELL = np.array([0, 1, 3, 2])
"""Detected and right, detected and wrong, not detected and right, not detected and wrong."""


def _detected_units(tested: TestedFrames, table: NDArray[np.float64]) -> DetectedUnits:
    num_subjects = len(tested.subjects)
    squares, reliability, pairs = [], [], []
    for unit in range(len(tested.label_names)):
        known_N = tested.truth[:, unit] >= 0
        stated_N = tested.probability["averaged"][known_N, unit].astype(np.float64)
        present_N, subject_N = tested.truth[known_N, unit] > 0, tested.subject_N[known_N]
        error_N = (stated_N - present_N) ** 2
        squares.append(np.bincount(subject_N, weights=error_N, minlength=num_subjects))
        reliability.append(
            reliability_sums(
                stated_N=stated_N, outcome_N=present_N, owner_N=subject_N, num_owners=num_subjects
            )
        )
        pairs.append(
            rank_pairs(
                score_N=stated_N,
                is_positive_N=present_N,
                subject_N=subject_N,
                num_subjects=num_subjects,
            )
        )
    return DetectedUnits(
        table_SA4=table[:, VARIANTS.index("averaged")],
        squares_SA=np.stack(squares, axis=1),
        reliability_SAB3=np.stack(reliability, axis=1),
        pairs_A=tuple(pairs),
    )
