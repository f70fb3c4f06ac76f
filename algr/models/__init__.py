"""Networks and losses: tensors only, on one device.

Knows nothing of training loops, files or other processes.
"""

from algr.models.ablations import ABLATIONS, Ablation
from algr.models.baselines import FollowsEpochs, has_regions
from algr.models.build import (
    build_model,
    check_model,
    parameter_groups,
    recompute_regions,
    start_at_face,
)
from algr.models.explain import (
    CellGrid,
    ClassMaps,
    Explanation,
    RegionPlaces,
    explain_network,
    on_crop,
)
from algr.models.losses import LossParts, Targets, compute_loss
from algr.models.output import NetworkOutput
from algr.models.rules import RegionCentre, RegionRule, RegionTable, regions_for
from algr.models.start import ModuleStart, Start, StartReport, load_start
from algr.models.transfer import NetworkSpec, map_regions

__all__ = [
    "ABLATIONS",
    "Ablation",
    "CellGrid",
    "ClassMaps",
    "Explanation",
    "FollowsEpochs",
    "LossParts",
    "ModuleStart",
    "NetworkOutput",
    "NetworkSpec",
    "RegionCentre",
    "RegionPlaces",
    "RegionRule",
    "RegionTable",
    "Start",
    "StartReport",
    "Targets",
    "build_model",
    "check_model",
    "compute_loss",
    "explain_network",
    "has_regions",
    "load_start",
    "map_regions",
    "on_crop",
    "parameter_groups",
    "recompute_regions",
    "regions_for",
    "start_at_face",
]
