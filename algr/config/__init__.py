"""Configuration as values: sections, presets, files, search spaces, the data home.

Knows neither torch, ray, mlflow nor optuna, so that `algr --help` and `algr config` are instant.
"""

from algr.config.home import DataHome, start_key, start_sha256
from algr.config.loader import (
    ResolvedConfig,
    config_hash,
    flatten,
    keys_since,
    resolve_config,
    with_values,
)
from algr.config.sections import (
    Config,
    CvConfig,
    DataConfig,
    LossConfig,
    ModelConfig,
    TrainConfig,
    TuneConfig,
)
from algr.config.spaces import (
    Parameter,
    SearchSpace,
    check_point,
    load_points,
    load_search_space,
)

__all__ = [
    "Config",
    "CvConfig",
    "DataConfig",
    "DataHome",
    "LossConfig",
    "ModelConfig",
    "Parameter",
    "ResolvedConfig",
    "SearchSpace",
    "TrainConfig",
    "TuneConfig",
    "check_point",
    "config_hash",
    "flatten",
    "keys_since",
    "load_points",
    "load_search_space",
    "resolve_config",
    "start_key",
    "start_sha256",
    "with_values",
]
