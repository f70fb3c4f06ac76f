"""The loop: the folds of one configuration, interleaved epoch by epoch."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from algr.config import Config, start_sha256
from algr.data import FoldPlan, PreparedDataset
from algr.engine.batches import FrameSource, open_frames
from algr.engine.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from algr.engine.fold import FoldTrainer
from algr.engine.ports import Collectives, ProgressListener, unheard
from algr.engine.records import FoldEpoch, FoldResult
from algr.engine.start_file import StartFile, read_start
from algr.errors import StudyError


class FoldsRun:
    """Some or all folds of one configuration, one epoch of each per step.

    A run whose checkpoint exists goes on from it: it returns the recorded epochs again, one per
    step, without training, so that a caller that lost reports in a crash gets them after all; then
    it trains the next one. The checkpoint is written after each trained epoch, by replica 0.

    A worker that holds only some folds is given no checkpoint to write: its carrier reads the
    common file and hands it to `resume`, and merges the workers' `snapshot`s into it.

    Args:
        config: What to train and how.
        dataset: The frames.
        plan: All folds.
        folds: Which of them to train here.
        device: Where to compute.
        collectives_of_fold: The replicas of each fold; without an entry a fold is trained alone.
        checkpoint: The file to resume from and to write; None to do neither.
        identity: Hash of what the numbers depend on.
        frames: The dataset as the device reads it; else it is opened here.
        start_file: The file that `train.init_from` names, as this machine sees it; verified.
        on_progress: Told how far the epoch of a fold is.

    Raises:
        StudyError: The checkpoint belongs to something else.
        IntegrityError: The checkpoint or the file to start from is damaged.
    """

    def __init__(
        self,
        *,
        config: Config,
        dataset: PreparedDataset,
        plan: FoldPlan,
        folds: Sequence[int],
        device: torch.device,
        collectives_of_fold: Mapping[int, Collectives] | None = None,
        checkpoint: Path | None = None,
        identity: str,
        frames: FrameSource | None = None,
        start_file: Path | None = None,
        on_progress: ProgressListener = unheard,
    ) -> None:
        shared_frames = frames or open_frames(dataset, device=device)
        start = _open_start(config, start_file)
        by_index = {fold.index: fold for fold in plan.folds}
        self._trainers = {
            index: FoldTrainer(
                config=config,
                dataset=dataset,
                fold=by_index[index],
                protocol=plan.protocol,
                device=device,
                collectives=(collectives_of_fold or {}).get(index),
                frames=shared_frames,
                start=None if start is None else start.for_fold(index),
                on_progress=on_progress,
            )
            for index in folds
        }
        self._num_epochs = config.train.num_epochs
        self._checkpoint, self._identity = checkpoint, identity
        self._leads = all(one.rank == 0 for one in (collectives_of_fold or {}).values())
        self._recorded: list[tuple[FoldEpoch, ...]] = []
        self._returned = 0
        if checkpoint is not None and checkpoint.exists():
            self.resume(load_checkpoint(checkpoint, identity=identity))

    @property
    def is_finished(self) -> bool:
        """Whether `step` has returned every epoch."""
        return self._returned == self._num_epochs

    @property
    def history(self) -> list[tuple[FoldEpoch, ...]]:
        """What `step` has returned so far."""
        return self._recorded[: self._returned]

    def step(self) -> tuple[FoldEpoch, ...]:
        """The next epoch of each fold: the recorded one if there is one, else trained now.

        Raises:
            FoldFailedError: A fold cannot be trained with this configuration.
        """
        assert not self.is_finished, "all epochs are done"
        if self._returned == len(self._recorded):
            self._recorded.append(tuple(fold.run_epoch() for fold in self._trainers.values()))
            self.save()
        self._returned += 1
        return self._recorded[self._returned - 1]

    def save(self) -> None:
        """Write the checkpoint, if there is one to write and this is replica 0."""
        if self._checkpoint is not None and self._leads:
            save_checkpoint(self._checkpoint, self.snapshot())

    def results(self) -> tuple[FoldResult, ...]:
        """The test scores of every fold, each with the weights of its chosen epoch."""
        assert self.is_finished, "some epochs are missing"
        return tuple(fold.score_test() for fold in self._trainers.values())

    def trainer(self, fold: int) -> FoldTrainer:
        """The trainer of one fold, for instance to export its model."""
        return self._trainers[fold]

    def state_of_folds(self) -> dict[int, dict[str, Any]]:
        """The state of each fold held here, after the last trained epoch."""
        return {index: fold.state() for index, fold in self._trainers.items()}

    def snapshot(self) -> Checkpoint:
        """Everything needed to go on, of the folds held here."""
        return Checkpoint(self._identity, tuple(self._recorded), self.state_of_folds())

    def resume(self, checkpoint: Checkpoint) -> None:
        """Take up the folds held here from a checkpoint that may hold others too.

        Raises:
            StudyError: It was written for something else, or lacks a fold.
        """
        if checkpoint.identity != self._identity:
            raise StudyError(
                f"the checkpoint belongs to identity {checkpoint.identity[:12]}",
                expected=f"identity {self._identity[:12]}",
                advice="repeat the options of the first start, or start under a new --name",
            )
        if missing := [index for index in self._trainers if index not in checkpoint.folds]:
            raise StudyError(
                f"the checkpoint lacks folds {missing}",
                expected="a checkpoint of the same folds",
                advice="start under a new --name",
            )
        for index, trainer in self._trainers.items():
            trainer.load_state(checkpoint.folds[index])
        self._recorded = [
            tuple(entry for entry in row if entry.fold in self._trainers)
            for row in checkpoint.history
        ]
        self._returned = 0


def _open_start(config: Config, file: Path | None) -> StartFile | None:
    """The weights that the configuration names; text that names none is refused later."""
    init_from = config.train.init_from
    if init_from is None or start_sha256(init_from) is None:
        return None
    assert file is not None, "no file to start from"
    assert file.stem == start_sha256(init_from), "another file than the configuration names"
    return read_start(file)
