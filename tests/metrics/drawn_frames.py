"""Test frames made by hand or drawn, for the tests of figures and their intervals."""

from collections.abc import Sequence

import numpy as np

from algr.faces import GRADES
from algr.metrics import TestedFrames


def graded_frames(
    *, seed: int, num_subjects: int = 9, num_folds: int = 3, frames: int = 40
) -> TestedFrames:
    """Subjects with one to three recordings each; some frames unknown, probabilities with ties."""
    random = np.random.default_rng(seed)
    subject_N = np.sort(random.integers(0, num_subjects, frames))
    video_N = subject_N * 3 + random.integers(0, 3, frames)
    grade_of_video = random.integers(-1, 4, num_subjects * 3)
    probability_NK = np.round(random.dirichlet(np.ones(4), frames), 1).astype(np.float32)
    return TestedFrames(
        kind="grade",
        label_names=GRADES,
        subjects=tuple(f"{index:024x}" for index in range(num_subjects)),
        fold_S=np.arange(num_subjects) % num_folds,
        subject_N=subject_N,
        video_N=video_N,
        truth=grade_of_video[video_N].astype(np.int8),
        probability={"averaged": probability_NK},
        landmark_error_N=np.where(random.random(frames) < 0.2, np.nan, random.random(frames) / 5),
    )


def unit_frames(
    *, seed: int, num_subjects: int = 6, num_folds: int = 3, frames: int = 60
) -> TestedFrames:
    """Two action units, one label in three not coded, probabilities with ties."""
    random = np.random.default_rng(seed)
    return TestedFrames(
        kind="au",
        label_names=("AU1", "AU12"),
        subjects=tuple(f"{index:024x}" for index in range(num_subjects)),
        fold_S=np.arange(num_subjects) % num_folds,
        subject_N=np.arange(frames) % num_subjects,
        video_N=np.arange(frames) % num_subjects,
        truth=random.integers(-1, 2, (frames, 2)).astype(np.int8),
        probability={
            variant: np.round(random.random((frames, 2)), 2).astype(np.float32)
            for variant in ("averaged", "local", "whole")
        },
        landmark_error_N=random.random(frames) / 5,
    )


def repeated(tested: TestedFrames, times: Sequence[int]) -> TestedFrames:
    """The frames of each subject written down so often, as other people's: a slow resampling."""
    copies = [(subject, copy) for subject, count in enumerate(times) for copy in range(count)]
    rows = [np.flatnonzero(tested.subject_N == subject) for subject, _ in copies]
    lengths = [len(part) for part in rows]
    all_rows = np.concatenate(rows)
    new_subject_N = np.repeat(np.arange(len(copies)), lengths)
    return TestedFrames(
        kind=tested.kind,
        label_names=tested.label_names,
        subjects=tuple(f"{index:024x}" for index in range(len(copies))),
        fold_S=np.array([tested.fold_S[subject] for subject, _ in copies]),
        subject_N=new_subject_N,
        video_N=tested.video_N[all_rows] + 1000 * new_subject_N,
        truth=tested.truth[all_rows],
        probability={name: value[all_rows] for name, value in tested.probability.items()},
        landmark_error_N=tested.landmark_error_N[all_rows],
    )
