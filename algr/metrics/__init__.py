"""Scores: counts that add up, figures from their sums, and how far they can be trusted.

Knows arrays only: no networks, no datasets, no processes.
"""

from algr.metrics.agreement import CUT_OFFS, grade_f1
from algr.metrics.bootstrap import (
    DRAWS,
    LEVEL,
    Interval,
    Resampled,
    can_resample,
    draw_weights,
    holm,
    intervals,
    percentile_interval,
    resample,
    two_sided_p,
)
from algr.metrics.calibration import NUM_BINS
from algr.metrics.counts import VARIANTS, EvaluationCounts, count_batch, landmark_errors
from algr.metrics.evidence import DetectedUnits, Evidence, GradedItems
from algr.metrics.gather import TestedFrames, gather_evidence
from algr.metrics.permutation import PermutationInterval, permutation_interval
from algr.metrics.scores import headline, scores

__all__ = [
    "CUT_OFFS",
    "DRAWS",
    "LEVEL",
    "NUM_BINS",
    "VARIANTS",
    "DetectedUnits",
    "EvaluationCounts",
    "Evidence",
    "GradedItems",
    "Interval",
    "PermutationInterval",
    "Resampled",
    "TestedFrames",
    "can_resample",
    "count_batch",
    "draw_weights",
    "gather_evidence",
    "grade_f1",
    "headline",
    "holm",
    "intervals",
    "landmark_errors",
    "percentile_interval",
    "permutation_interval",
    "resample",
    "scores",
    "two_sided_p",
]
