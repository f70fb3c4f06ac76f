"""Training of one fold, on one device, possibly together with other replicas."""

import math
import time
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from algr.config import Config
from algr.data import (
    CropBatch,
    Fold,
    PreparedDataset,
    center_batch,
    class_weights,
    crop_batch,
)
from algr.engine.batches import (
    CropDraws,
    FrameSource,
    LoadedBatch,
    Rows,
    draw_crops,
    open_frames,
    prefetched,
    share_slice,
    shuffled,
    split_batches,
)
from algr.engine.checks import (
    SMALLEST_SHARE,
    check_buildable,
    check_fold,
    check_replicas_equal,
)
from algr.engine.device import cpu_threads, is_out_of_memory, pick_arithmetic, seeded
from algr.engine.first_model import first_model, fresh_model
from algr.engine.kept import KeptWeights, cpu_copy
from algr.engine.memory import keep_freed_memory
from algr.engine.ports import (
    Collectives,
    FoldProgress,
    ProgressListener,
    SoloCollectives,
    unheard,
)
from algr.engine.recipe import learning_rate, make_optimizer, set_learning_rate
from algr.engine.records import (
    FoldEpoch,
    FoldFailedError,
    FoldFailure,
    FoldResult,
    Scores,
)
from algr.engine.scoring import Scored, score_rows
from algr.engine.steps import LossLog, StepRules, average_buffers, targets_of, train_step
from algr.engine.timing import TimedSteps, seconds_each
from algr.errors import StudyError
from algr.metrics import headline, scores
from algr.models import FollowsEpochs, Start, recompute_regions, share_norms
from algr.seeding import derive_seed

_STEPS_PER_LOOK = 16
"""On an accelerator."""


class FoldTrainer:
    """Trains and scores one fold; its numbers depend on the configuration, the data and the fold.

    On the CPU they do so bit for bit; kernels of accelerators may add in another order each time.

    Which subjects choose the epoch: under `honest` and `nested` the validation subjects, under
    `paper` the test subjects. A fold that has neither is a refit: its model is that of the last
    epoch.

    Every draw comes from a seed of (seed, fold, purpose, epoch), so an epoch needs no random state
    from the one before. Replicas draw for the whole batch and use what falls on their share.

    Args:
        config: What to train and how.
        dataset: The frames.
        fold: Its subjects.
        protocol: Who chooses the epoch.
        device: Where to compute.
        collectives: The replicas that share each batch; alone by default.
        frames: The dataset as the device reads it, where several folds share that; else it is
            opened here.
        start: The weights that `train.init_from` names; None where it names none.
        on_progress: Told how far an epoch is.

    Raises:
        ConfigError: The configuration asks for what is not built, or the weights do not fit.
        DataError: A part of the fold holds nothing to learn from or to choose by.
    """

    def __init__(
        self,
        *,
        config: Config,
        dataset: PreparedDataset,
        fold: Fold,
        protocol: Literal["honest", "paper", "nested"],
        device: torch.device,
        collectives: Collectives | None = None,
        frames: FrameSource | None = None,
        start: Start | None = None,
        on_progress: ProgressListener = unheard,
    ) -> None:
        self._on_progress = on_progress
        self._collectives: Collectives = collectives or SoloCollectives()
        check_buildable(config, replicas=self._collectives.size)
        check_fold(fold, dataset, protocol=protocol, replicas=self._collectives.size)
        assert (start is None) == (config.train.init_from is None), config.train.init_from
        self.fold = fold
        self.epoch = 0
        """Finished epochs."""
        self._config, self._dataset, self._device = config, dataset, device
        self._train_rows = dataset.indices_of(fold.train)
        choosing = fold.test if protocol == "paper" else fold.validation
        self._choosing_rows = dataset.indices_of(choosing)
        self._frames = frames or open_frames(dataset, device=device)
        weights = class_weights(dataset, self._train_rows, mode=config.loss.class_weights)
        self._rules = StepRules(
            loss=config.loss,
            class_weight=torch.from_numpy(weights).to(device),
            arithmetic=pick_arithmetic(config.train.precision, device=device),
            clip_norm=config.train.clip_norm,
        )
        if device.type == "cpu":
            keep_freed_memory()
        first = first_model(
            config,
            dataset,
            train_rows=self._train_rows,
            seed=self._seed("weights"),
            start=start,
        )
        self._model = first.to(device)
        if config.train.recompute == "regions":
            recompute_regions(self._model)
        if config.train.sync_batch_norm and self._collectives.size > 1:
            share_norms(self._model, self._collectives.sum_)
        self._optimizer = make_optimizer(self._model, train=config.train)
        self._kept = KeptWeights()
        self._result: FoldResult | None = None
        check_replicas_equal(self._model, collectives=self._collectives)

    def run_epoch(self) -> FoldEpoch:
        """Train on every frame once, score the choosing subjects, keep the weights if best.

        Raises:
            FoldFailedError: The loss stopped being finite, or memory ran out.
        """
        started = time.monotonic()
        log = LossLog(steps_per_look=1 if self._device.type == "cpu" else _STEPS_PER_LOOK)
        batches = self._plan_batches()
        failure = None
        try:
            with cpu_threads(self._config.train.threads_per_fold):
                self._train(batches, log=log)
                validation = self._validate(step=log.steps)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            failure = self._out_of_memory(step=log.steps)
        if failure is not None:  # not in the handler: its traceback would keep the tensors alive
            raise FoldFailedError(failure, advice="lower train.batch_size or model.width")
        entry = FoldEpoch(
            fold=self.fold.index,
            epoch=self.epoch,
            train=log.means() | {"learning_rate": self._rate(len(batches) - 1, len(batches))},
            validation=validation,
            seconds=time.monotonic() - started,
        )
        if validation:
            value = validation[headline(self._dataset.kind)]
            self._kept.offer(self._model, epoch=self.epoch, value=value)
        self.epoch += 1
        return entry

    def rehearse(self) -> TimedSteps:
        """Time some training steps and scoring batches; the fold is of no use afterwards.

        Raises:
            FoldFailedError: The loss stopped being finite, or memory ran out.
        """
        try:
            with cpu_threads(self._config.train.threads_per_fold):
                return TimedSteps(self._time_training(), self._time_scoring())
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        raise FoldFailedError(self._out_of_memory(step=0), advice="lower train.batch_size")

    def _time_training(self) -> float:
        batches = self._plan_batches()

        def train(some: list[Rows]) -> None:
            self._train(some, log=LossLog(steps_per_look=_STEPS_PER_LOOK))

        return seconds_each(train, batches)

    def _time_scoring(self) -> float:
        size = self._config.train.batch_size
        batches = split_batches(self._choosing_rows, batch_size=size, smallest=1)

        def score(some: list[Rows]) -> None:
            self._score(self._model, np.concatenate(some))

        return seconds_each(score, batches) if len(self._choosing_rows) else 0.0

    def state(self) -> dict[str, Any]:
        """Everything that the next epoch depends on: tensors on the CPU and plain values."""
        return {
            "model": cpu_copy(self._model.state_dict()),
            "optimizer": cpu_copy(self._optimizer.state_dict()),
            "rng": {"seed": self._config.seed, "fold": self.fold.index, "epoch": self.epoch},
            **self._kept.state(),
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was taken, as if there had been no interruption.

        Raises:
            StudyError: It is the state of another fold or seed.
        """
        rng = state["rng"]
        if (rng["seed"], rng["fold"]) != (self._config.seed, self.fold.index):
            raise StudyError(
                f"the checkpoint holds fold {rng['fold']} of seed {rng['seed']}",
                expected=f"fold {self.fold.index} of seed {self._config.seed}",
                advice="repeat the options of the first start, or start under a new --name",
            )
        self._model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._kept.load_state(state)
        self.epoch = rng["epoch"]
        self._result = None
        check_replicas_equal(self._model, collectives=self._collectives)

    @property
    def chosen_epoch(self) -> int:
        """0-based; the last one of a refit."""
        return self.epoch - 1 if self._kept.epoch is None else self._kept.epoch

    def final_model(self) -> nn.Module:
        """A network with the chosen epoch's weights, in evaluation mode."""
        assert self.epoch > 0, "nothing is trained yet"
        model = fresh_model(self._config, self._dataset, seed=self._seed("weights"))
        model = model.to(self._device)
        model.load_state_dict(self._kept.weights or self._model.state_dict())
        return model.eval()

    def score_test(self) -> FoldResult:
        """The test subjects' scores with the chosen epoch's weights; computed once."""
        if self._result is None:
            self._result = self._score_test()
        return self._result

    def _score_test(self) -> FoldResult:
        rows_N = self._dataset.indices_of(self.fold.test)
        if not len(rows_N):
            return FoldResult(self.fold.index, self.chosen_epoch, {}, 0, None, None)
        with cpu_threads(self._config.train.threads_per_fold):
            scored = self._score(self.final_model(), rows_N)
        return FoldResult(
            fold=self.fold.index,
            chosen_epoch=self.chosen_epoch,
            test=scores(scored.counts),
            test_subjects=len(self.fold.test),
            counts=scored.counts,
            predictions=scored.predictions(rows_N),
        )

    def _plan_batches(self) -> list[Rows]:
        return split_batches(
            shuffled(self._train_rows, seed=self._seed("shuffle", self.epoch)),
            batch_size=self._config.train.batch_size,
            smallest=SMALLEST_SHARE * self._collectives.size,
        )

    def _train(self, batches: list[Rows], *, log: LossLog) -> None:
        rank, size = self._collectives.rank, self._collectives.size
        shares = [share_slice(len(batch), rank=rank, size=size) for batch in batches]
        own_rows = [batch[share] for batch, share in zip(batches, shares, strict=True)]
        augmenting = torch.Generator().manual_seed(self._seed("augment", self.epoch))
        self._model.train()
        if isinstance(self._model, FollowsEpochs):
            self._model.start_epoch(self.epoch)
        with seeded(self._seed("dropout", self.epoch, rank), device=self._device):
            for step, batch in enumerate(prefetched(self._frames, own_rows)):
                set_learning_rate(self._optimizer, self._rate(step, len(batches)))
                draws = draw_crops(len(batches[step]), generator=augmenting)
                crops = self._training_crops(batch, draws=draws.part(shares[step]))
                values_P = train_step(
                    self._model,
                    self._optimizer,
                    crops.images_BCHW,
                    targets_of(batch, crops),
                    rules=self._rules,
                    collectives=self._collectives,
                )
                log.add(values_P, images=len(batches[step]))
                self._check_finite(log)
                self._on_progress(
                    FoldProgress(self.fold.index, self.epoch, log.images, len(self._train_rows))
                )
        log.look()
        self._check_finite(log)
        average_buffers(self._model, collectives=self._collectives)

    def _training_crops(self, batch: LoadedBatch, *, draws: CropDraws) -> CropBatch:
        images_BHWC, landmarks_BL2 = batch.images_BHWC, batch.landmarks_BL2
        input_size = self._config.model.input_size
        if not self._config.data.augment:
            return center_batch(images_BHWC, landmarks_BL2, input_size=input_size)
        return crop_batch(
            images_BHWC,
            landmarks_BL2,
            offsets_B2=draws.offsets_B2,
            mirrored_B=draws.mirrored_B,
            input_size=input_size,
        )

    def _validate(self, *, step: int) -> Scores:
        if not len(self._choosing_rows):
            return {}
        scored = self._score(self._model, self._choosing_rows)
        if not math.isfinite(scored.counts.loss_sum):
            raise self._diverged(step, "the validation loss is not finite")
        return scores(scored.counts)

    def _score(self, model: nn.Module, rows_N: Rows) -> Scored:
        return score_rows(
            model,
            rows_N,
            dataset=self._dataset,
            frames=self._frames,
            rules=self._rules,
            input_size=self._config.model.input_size,
            batch_size=self._config.train.batch_size,
            collectives=self._collectives,
        )

    def _check_finite(self, log: LossLog) -> None:
        if log.first_bad_step is not None:
            raise self._diverged(log.first_bad_step, "the training loss is not finite")

    def _diverged(self, step: int, reason: str) -> FoldFailedError:
        rate = self._config.train.learning_rate
        failure = FoldFailure(self.fold.index, self.epoch, step, "diverged", reason)
        return FoldFailedError(
            failure, advice=f"lower train.learning_rate ({rate:g}) or set train.clip_norm"
        )

    def _out_of_memory(self, *, step: int) -> FoldFailure:
        reason = (
            f"out of memory on {self._device} with train.batch_size {self._config.train.batch_size}"
        )
        return FoldFailure(self.fold.index, self.epoch, step, "out_of_memory", reason)

    def _rate(self, step: int, steps_per_epoch: int) -> float:
        return learning_rate(
            self._config.train, epoch=self.epoch, step=self.epoch * steps_per_epoch + step
        )

    def _seed(self, *purpose: str | int) -> int:
        return derive_seed(self._config.seed, "fold", self.fold.index, *purpose)
