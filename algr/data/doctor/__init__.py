"""Whether a source can be used as it lies on the disk, and what to type if it can."""

from algr.data.doctor.examine import DEFAULT_SAMPLE, Examination, examine
from algr.data.doctor.labels import RATES_SOURCE, TOO_FEW_RATES
from algr.data.doctor.source import examine_source

__all__ = [
    "DEFAULT_SAMPLE",
    "RATES_SOURCE",
    "TOO_FEW_RATES",
    "Examination",
    "examine",
    "examine_source",
]
