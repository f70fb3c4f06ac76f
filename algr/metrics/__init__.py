"""Scores: counts that add up, figures from their sums.

Knows arrays only: no networks, no datasets, no processes.
"""

from algr.metrics.counts import VARIANTS, EvaluationCounts, count_batch, landmark_errors
from algr.metrics.permutation import PermutationInterval, permutation_interval
from algr.metrics.scores import grade_f1, headline, scores

__all__ = [
    "VARIANTS",
    "EvaluationCounts",
    "PermutationInterval",
    "count_batch",
    "grade_f1",
    "headline",
    "landmark_errors",
    "permutation_interval",
    "scores",
]
