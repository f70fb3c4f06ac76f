"""Figures and files for people: what a model saw in a face, drawn and as numbers.

Computes nothing about networks; writes only where it is told to.
"""

from algr.reports.explained import ClassMap, ExplainedFace, ExplainedRegion, ModelWords
from algr.reports.explanation_figure import draw_explanation, explanation_figure
from algr.reports.explanation_json import explanation_json
from algr.reports.study_plots import DrawnPlots, draw_plots

__all__ = [
    "ClassMap",
    "DrawnPlots",
    "ExplainedFace",
    "ExplainedRegion",
    "ModelWords",
    "draw_explanation",
    "draw_plots",
    "explanation_figure",
    "explanation_json",
]
