"""Networks and losses: tensors only, on one device.

Knows nothing of training loops, files or other processes.
"""

from algr.models.ablations import ABLATIONS, Ablation
from algr.models.baselines import FollowsEpochs, has_regions
from algr.models.build import build_model, check_model, parameter_groups, start_at_face
from algr.models.losses import LossParts, Targets, compute_loss
from algr.models.output import NetworkOutput
from algr.models.rules import RegionCentre, RegionRule, RegionTable, regions_for
from algr.models.start import ModuleStart, Start, StartReport, load_start
from algr.models.transfer import NetworkSpec, map_regions

__all__ = [
    "ABLATIONS",
    "Ablation",
    "FollowsEpochs",
    "LossParts",
    "ModuleStart",
    "NetworkOutput",
    "NetworkSpec",
    "RegionCentre",
    "RegionRule",
    "RegionTable",
    "Start",
    "StartReport",
    "Targets",
    "build_model",
    "check_model",
    "compute_loss",
    "has_regions",
    "load_start",
    "map_regions",
    "parameter_groups",
    "regions_for",
    "start_at_face",
]
