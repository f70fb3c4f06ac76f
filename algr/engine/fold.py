"""Training of one fold, on one device, possibly together with other replicas."""

import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from algr.config import Config
from algr.data import (
    CropBatch,
    Fold,
    PreparedDataset,
    augment_batch,
    center_batch,
    class_weights,
)
from algr.engine.batches import (
    FrameSource,
    LoadedBatch,
    Rows,
    open_frames,
    prefetched,
    share_slice,
    shuffled,
    split_batches,
)
from algr.engine.checks import check_buildable, check_fold, check_replicas_equal
from algr.engine.device import cpu_threads, pick_arithmetic, seeded
from algr.engine.failures import out_of_memory
from algr.engine.ports import Collectives, SoloCollectives
from algr.engine.records import (
    FoldEpoch,
    FoldFailedError,
    FoldFailure,
    FoldResult,
    Scores,
)
from algr.engine.schedule import learning_rate
from algr.engine.scoring import Scored, score_rows
from algr.engine.steps import LossLog, StepRules, average_buffers, targets_of, train_step
from algr.errors import StudyError
from algr.metrics import headline, scores
from algr.models import build_model, parameter_groups, regions_for
from algr.seeding import derive_seed

_STEPS_PER_LOOK = {"cpu": 1}
_STEPS_PER_LOOK_ACCELERATOR = 16


class FoldTrainer:
    """Trains and scores one fold; its numbers depend on the configuration, the data and the fold.

    Which subjects choose the epoch: under `honest` the validation subjects, under `paper` the test
    subjects. A fold without either is a refit, whose model is that of the last epoch.

    Args:
        config: What to train and how.
        dataset: The frames.
        fold: Its subjects.
        protocol: Who chooses the epoch.
        device: Where to compute.
        collectives: The replicas that share each batch.
        frames: The dataset as the device reads it, where several folds share that; else it is
            opened here.

    Raises:
        ConfigError: The configuration asks for what is not built.
        DataError: A part of the fold holds nothing to train on or to choose by.
    """

    def __init__(
        self,
        *,
        config: Config,
        dataset: PreparedDataset,
        fold: Fold,
        protocol: Literal["honest", "paper"],
        device: torch.device,
        collectives: Collectives | None = None,
        frames: FrameSource | None = None,
    ) -> None:
        self._collectives: Collectives = collectives or SoloCollectives()
        check_buildable(config, protocol=protocol, replicas=self._collectives.size)
        check_fold(fold, dataset, protocol=protocol, replicas=self._collectives.size)
        self.config, self.dataset, self.fold, self.device = config, dataset, fold, device
        self.epoch = 0
        self._train_rows = dataset.indices_of(fold.train)
        choosing = fold.test if protocol == "paper" else fold.validation
        self._choosing_rows = dataset.indices_of(choosing)
        self._test_rows = dataset.indices_of(fold.test)
        self._frames = frames or open_frames(dataset, device=device)
        weights = class_weights(dataset, self._train_rows, mode=config.loss.class_weights)
        self._rules = StepRules(
            loss=config.loss,
            class_weight=torch.from_numpy(weights).to(device),
            arithmetic=pick_arithmetic(config.train.precision, device=device),
            clip_norm=config.train.clip_norm,
        )
        self._model = self._fresh_model()
        self._optimizer = torch.optim.SGD(
            parameter_groups(self._model, train=config.train),
            lr=config.train.learning_rate,
            momentum=config.train.momentum,
            nesterov=config.train.momentum > 0,
            weight_decay=config.train.weight_decay,
            fused=True,
        )
        self._best_epoch: int | None = None
        self._best_value: float | None = None
        self._best_model: dict[str, Tensor] | None = None
        self._result: FoldResult | None = None
        check_replicas_equal(self._model, collectives=self._collectives)

    def run_epoch(self) -> FoldEpoch:
        """Train on every frame once, score the choosing subjects, keep the weights if best.

        Raises:
            FoldFailedError: The loss stopped being finite, or memory ran out.
        """
        started = time.monotonic()
        batches = self._plan_batches()
        log = LossLog(
            steps_per_look=_STEPS_PER_LOOK.get(self.device.type, _STEPS_PER_LOOK_ACCELERATOR)
        )
        with cpu_threads(self.config.train.threads_per_fold), self._drawing("dropout") as _:
            with out_of_memory(self._failure, batch_size=self.config.train.batch_size) as memory:
                self._train(batches, log=log)
                average_buffers(self._model, collectives=self._collectives)
                scored = self._score(self._choosing_rows)
        ...
