"""Figures, tables and files for people: what a model saw, how folds scored, what is published.

Computes nothing about networks; writes only where it is told to.
"""

from algr.reports.comparison import ComparisonReport, Difference, ReportedRow, paired_difference
from algr.reports.comparison_tables import comparison_text, write_report
from algr.reports.explained import ClassMap, ExplainedFace, ExplainedRegion, ModelWords
from algr.reports.explanation_figure import draw_explanation, explanation_figure
from algr.reports.explanation_json import explanation_json
from algr.reports.published import (
    DATASET_TITLES,
    PUBLISHED,
    PublishedDataset,
    PublishedRow,
    PublishedTable,
    published_dataset,
    published_table,
    tables_of,
)
from algr.reports.results_tables import OwnRun, ResultsView, results_dict, results_text
from algr.reports.statistics_figure import confusion_figure, draw_statistics, reliability_figure
from algr.reports.study_plots import DrawnPlots, draw_plots

__all__ = [
    "DATASET_TITLES",
    "PUBLISHED",
    "ClassMap",
    "ComparisonReport",
    "Difference",
    "DrawnPlots",
    "ExplainedFace",
    "ExplainedRegion",
    "ModelWords",
    "OwnRun",
    "PublishedDataset",
    "PublishedRow",
    "PublishedTable",
    "ReportedRow",
    "ResultsView",
    "comparison_text",
    "confusion_figure",
    "draw_explanation",
    "draw_plots",
    "draw_statistics",
    "explanation_figure",
    "explanation_json",
    "paired_difference",
    "published_dataset",
    "published_table",
    "reliability_figure",
    "results_dict",
    "results_text",
    "tables_of",
    "write_report",
]
