"""From the test frames to their sums per subject.

Shape suffixes: N = frames, M = recordings or people, S = subjects, K = grades or action units,
A = action units, V = `VARIANTS`, 3 and 4 as in `calibration` and `detection`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.metrics.agreement import CUT_OFFS
from algr.metrics.calibration import reliability_sums
from algr.metrics.counts import FAILURE, VARIANTS, Kind
from algr.metrics.evidence import DetectedUnits, Evidence, GradedItems
from algr.metrics.ranking import rank_pairs

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


def gather_evidence(tested: TestedFrames) -> Evidence:
    """Sum up the test frames per subject."""
    known_N = np.isfinite(tested.landmark_error_N)
    subject, error = tested.subject_N[known_N], tested.landmark_error_N[known_N]
    landmarks = [
        _sums(values, subject, len(tested.subjects))
        for values in (error, (error > FAILURE).astype(np.float64), np.ones(len(error)))
    ]
    sections: dict[str, GradedItems | DetectedUnits] = {}
    mixed = 0
    if tested.kind == "grade":
        table = _confusion(
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
    """People with one grade, by the mean over their recordings; and how many have several."""
    subjects, person_M = np.unique(videos.subject_M, return_inverse=True)
    probability = _group_means(videos.probability_MK, person_M, len(subjects))
    highest, lowest = np.full(len(subjects), -1), np.full(len(subjects), np.iinfo(np.int64).max)
    np.maximum.at(highest, person_M, videos.truth_M)
    np.minimum.at(lowest, person_M, videos.truth_M)
    same = highest == lowest
    return _Items(highest[same], probability[same], subjects[same]), int((~same).sum())


def _sums(
    value_N: NDArray[np.floating[Any]], group_N: NDArray[np.int64], num_groups: int
) -> NDArray[np.float64]:
    weights = value_N.astype(np.float64)
    return np.bincount(group_N, weights=weights, minlength=num_groups).astype(np.float64)


def _group_means(
    value_NK: NDArray[np.floating[Any]], group_N: NDArray[np.int64], num_groups: int
) -> NDArray[np.float64]:
    columns = [_sums(value_N, group_N, num_groups) for value_N in value_NK.T]
    frames = np.bincount(group_N, minlength=num_groups)
    means: NDArray[np.float64] = np.stack(columns, axis=1) / frames[:, None]
    return means


def _graded_items(items: _Items, *, num_subjects: int) -> GradedItems:
    truth_M, probability_MK, subject_M = items.truth_M, items.probability_MK, items.subject_M
    predicted_M = probability_MK.argmax(1)
    errors_MK = probability_MK - np.eye(probability_MK.shape[1])[truth_M]
    return GradedItems(
        confusion_SKK=_confusion(truth_M, probability_MK, subject_M, num_subjects),
        squares_S=_sums((errors_MK**2).sum(1), subject_M, num_subjects),
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
        squares.append(_sums(error_N, subject_N, num_subjects))
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
