"""Figures and files for people: what a model saw in a face, and how well folds were scored.

Computes nothing about networks; writes only where it is told to.
"""

from algr.reports.explained import ClassMap, ExplainedFace, ExplainedRegion, ModelWords
from algr.reports.explanation_figure import draw_explanation, explanation_figure
from algr.reports.explanation_json import explanation_json
from algr.reports.statistics_figure import confusion_figure, draw_statistics, reliability_figure
from algr.reports.study_plots import DrawnPlots, draw_plots

__all__ = [
    "ClassMap",
    "DrawnPlots",
    "ExplainedFace",
    "ExplainedRegion",
    "ModelWords",
    "confusion_figure",
    "draw_explanation",
    "draw_plots",
    "draw_statistics",
    "explanation_figure",
    "explanation_json",
    "reliability_figure",
]
