"""The model bundle: a network exported to ONNX with all that its users need; no pickle.

Knows neither the tracking server nor how predictions are served.
"""

from algr.bundle.card import RESEARCH_USE
from algr.bundle.draws import DRAWS_FILE, read_draws
from algr.bundle.files import (
    REQUIRED_FILES,
    Bundle,
    check_golden,
    note_version,
    read_bundle,
    refuse_foreign_folder,
    replace_folder,
)
from algr.bundle.golden import GoldenReport
from algr.bundle.rebuild import rebuild_network
from algr.bundle.runtime import NetworkValues, OnnxNetwork, owned_cores
from algr.bundle.spec import (
    BundleSpec,
    EarlierPeople,
    Kind,
    Score,
    StartOrigin,
)
from algr.bundle.write import write_bundle

__all__ = [
    "DRAWS_FILE",
    "REQUIRED_FILES",
    "RESEARCH_USE",
    "Bundle",
    "BundleSpec",
    "EarlierPeople",
    "GoldenReport",
    "Kind",
    "NetworkValues",
    "OnnxNetwork",
    "Score",
    "StartOrigin",
    "check_golden",
    "note_version",
    "owned_cores",
    "read_bundle",
    "read_draws",
    "rebuild_network",
    "refuse_foreign_folder",
    "replace_folder",
    "write_bundle",
]
