"""Figures and files for people: what a model saw in a face, drawn and as numbers.

Computes nothing about networks; writes only where it is told to.
"""

from algr.reports.explained import ClassMap, ExplainedFace, ExplainedRegion, ModelWords
from algr.reports.explanation_figure import draw_explanation, explanation_figure
from algr.reports.explanation_json import explanation_json

__all__ = [
    "ClassMap",
    "ExplainedFace",
    "ExplainedRegion",
    "ModelWords",
    "draw_explanation",
    "explanation_figure",
    "explanation_json",
]
