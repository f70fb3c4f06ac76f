"""What a training command was asked for, and the names it gives when none was asked for."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from algr.config import Config, DataHome, with_values
from algr.data import FoldPlan, PreparedDataset, open_dataset, plan_folds
from algr.distributed import seats
from algr.engine import FoldEpoch, FoldProgress, check_buildable
from algr.errors import ConfigError, Interrupted, UsageError
from algr.models import regions_for
from algr.tracking import DatasetInfo


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """Options that `algr cv` and `algr tune` share."""

    dataset: str
    home: DataHome
    config: Config
    name: str | None
    resume: bool
    workers: int | None
    """Ray Train workers; None for one per fold, at most one per device."""
    address: str | None
    """A running Ray cluster; None for a local one."""
    tracking_uri: str | None
    dataset_place: str = ""
    """What the dataset was named by, if by its place."""


class EpochDisplay(Protocol):
    """Shows how the training of some folds goes."""

    def on_epoch(self, fold_epochs: Sequence[FoldEpoch]) -> None:
        """All folds have finished an epoch."""

    def on_progress(self, progress: FoldProgress) -> None:
        """A fold is so far within an epoch."""


EpochDisplayFactory = Callable[[str, int, str], EpochDisplay]
"""From a title, the epochs per fold, and the headline's name."""


@dataclass(frozen=True)
class Material:
    """The dataset of a request and the folds planned on it."""

    dataset: PreparedDataset
    plan: FoldPlan
    place: str = ""
    """What the dataset was named by, if by its place."""

    @property
    def info(self) -> DatasetInfo:
        """What the tracker says of the dataset."""
        dataset = self.dataset
        return DatasetInfo(
            name=dataset.name,
            kind=dataset.kind,
            fingerprint=dataset.fingerprint,
            simulated=dataset.simulated,
            num_subjects=len(dataset.subjects),
            num_frames=dataset.num_frames,
        )


def open_material(request: TrainingRequest, *, command: Literal["cv", "tune"] = "cv") -> Material:
    """Open the dataset and plan the folds; everything wrong with a request shows here first.

    Raises:
        ConfigError: What was asked for is not built, or contradicts itself.
        UsageError: The workers cannot be shared out over the folds.
        DataError: No such dataset, or one that cannot be cut into folds.
    """
    check_settings(request.config, workers=request.workers, command=command)
    dataset = open_dataset(request.home, request.dataset)
    regions_for(
        kind=dataset.kind,
        label_names=dataset.label_names,
        palsy_regions=request.config.model.palsy_regions,
    )
    plan = plan_folds(dataset, cv=request.config.cv, seed=request.config.seed)
    _check_workers(request.config, workers=request.workers, num_folds=len(plan.folds))
    return Material(dataset, plan, request.dataset_place)


def check_settings(
    config: Config, *, workers: int | None, command: Literal["cv", "tune"] = "cv"
) -> None:
    """Refuse what contradicts itself, before data are opened.

    Raises:
        ConfigError: What was asked for is not built, or contradicts itself.
        UsageError: The workers cannot be shared out over the folds.
    """
    _check_protocol(config, command=command)
    if config.cv.scheme == "kfold":
        _check_workers(config, workers=workers, num_folds=config.cv.num_folds)


def drawn_anew(material: Material, config: Config) -> tuple[Material, ...]:
    """The dataset with the folds of each repeat; the first one is the material itself."""
    later = (
        plan_folds(material.dataset, cv=config.cv, seed=config.seed, repeat=repeat)
        for repeat in range(1, config.cv.repeats)
    )
    return (material, *(replace(material, plan=plan) for plan in later))


def _check_protocol(config: Config, *, command: Literal["cv", "tune"]) -> None:
    cv = config.cv
    problems = []
    if command == "cv" and cv.protocol == "nested":
        problems.append(
            "cv.protocol: nested searches the hyperparameters of each fold, which `algr cv` does "
            "not; use `algr tune --protocol nested`"
        )
    if command == "tune" and cv.repeats > 1:
        problems.append(
            f"cv.repeats: {cv.repeats}; a search has one drawing of the folds; use 1, and "
            "`algr cv --repeats` with what it finds"
        )
    if cv.scheme == "loso" and cv.repeats > 1:
        problems.append(
            f"cv.repeats: {cv.repeats}; with cv.scheme=loso there is one way to draw the folds; "
            "use 1"
        )
    if problems:
        raise ConfigError("configuration that contradicts itself", problems=problems)


def _check_workers(config: Config, *, workers: int | None, num_folds: int) -> None:
    """Nested folds have configurations of their own and are trained one after the other."""
    folds = range(1 if config.cv.protocol == "nested" else num_folds)
    seated = seats(folds, workers=workers or len(folds))
    replicas = max(len(seat.replicas) for seat in seated)
    fresh = with_values(config, {"train.init_from": None})  # settled by `settle_start`
    check_buildable(fresh, replicas=replicas)


@contextmanager
def goes_on_as(name: str, *, command: str = "") -> Iterator[None]:
    """Name the whole, not the part that was under way, when the user stops a command.

    Args:
        name: Of the whole.
        command: What goes on with it; the same one with --resume if none is given.
    """
    way = f"`{command}`" if command else f"the same command and --resume --name {name}"
    try:
        yield
    except Interrupted as stopped:
        raise Interrupted(stopped.found, advice=f"go on with {way}") from None


def free_name(folder: Path, stem: str) -> str:
    """`stem-1`, or the next number that nothing in the folder has."""
    number = 1
    while (folder / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def last_name(folder: Path, stem: str, *, marker: str) -> str | None:
    """The name `stem-NUMBER` whose marker file is the newest; None if there is none."""
    found = [
        path
        for path in folder.glob(f"{stem}-*/{marker}")
        if path.parent.name.removeprefix(f"{stem}-").isdigit()
    ]
    newest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
    return newest.parent.name if newest else None


def refuse_existing(directory: Path, *, resume: bool) -> None:
    """A run's folder must be new unless the run is to be resumed.

    Raises:
        UsageError: It exists.
    """
    if directory.exists() and not resume:
        raise UsageError(
            f"run {directory.name!r} exists",
            expected="a new --name, or --resume",
            advice=f"go on with it: add --resume --name {directory.name}",
        )
