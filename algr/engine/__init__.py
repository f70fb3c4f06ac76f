"""One fold in one process group: steps, epochs, checkpoints, and the ports to other processes.

Knows neither ray nor mlflow nor how hyperparameters are searched.
"""

from algr.engine.batches import FrameSource, open_frames
from algr.engine.checkpoint import (
    Checkpoint,
    load_checkpoint,
    merge_checkpoints,
    save_checkpoint,
)
from algr.engine.checks import check_buildable
from algr.engine.device import (
    Precision,
    cpu_threads,
    is_out_of_memory,
    pick_device,
    resolved_precision,
)
from algr.engine.export import export_weights, load_exported, network_for
from algr.engine.fold import FoldTrainer
from algr.engine.latency import count_parameters, latency_ms
from algr.engine.ports import (
    Collectives,
    FoldProgress,
    ProgressListener,
    SoloCollectives,
    TorchCollectives,
    unheard,
)
from algr.engine.records import (
    FoldEpoch,
    FoldFailedError,
    FoldFailure,
    FoldResult,
    FramePredictions,
    Scores,
    epoch_value,
    mean_defined,
)
from algr.engine.rehearsal import Rehearsal, rehearse, steps_of
from algr.engine.run import FoldsRun
from algr.engine.start_file import StartFile, TrainedOn, read_start, write_start

__all__ = [
    "Checkpoint",
    "Collectives",
    "FoldEpoch",
    "FoldFailedError",
    "FoldFailure",
    "FoldProgress",
    "FoldResult",
    "FoldTrainer",
    "FoldsRun",
    "FramePredictions",
    "FrameSource",
    "Precision",
    "ProgressListener",
    "Rehearsal",
    "Scores",
    "SoloCollectives",
    "StartFile",
    "TorchCollectives",
    "TrainedOn",
    "check_buildable",
    "count_parameters",
    "cpu_threads",
    "epoch_value",
    "export_weights",
    "is_out_of_memory",
    "latency_ms",
    "load_checkpoint",
    "load_exported",
    "mean_defined",
    "merge_checkpoints",
    "network_for",
    "open_frames",
    "pick_device",
    "read_start",
    "rehearse",
    "resolved_precision",
    "save_checkpoint",
    "steps_of",
    "unheard",
    "write_start",
]
