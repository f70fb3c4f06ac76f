"""Where weights to start from can come from, and what is known of what they have seen."""

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from algr.bundle import Bundle, StartOrigin, read_bundle
from algr.config import Config, DataHome, start_key, start_sha256
from algr.cv import (
    CHECKPOINT_FILE,
    PLAN_FILE,
    PREDICTIONS_FILE,
    identity_of_run,
    predicted_labels,
    read_run_files,
)
from algr.data import FoldPlan
from algr.engine import Checkpoint, StartFile, TrainedOn, load_checkpoint, read_start
from algr.errors import StudyError, UsageError
from algr.faces import GRADES
from algr.models import NetworkSpec
from algr.models.weights import read_weights
from algr.tracking import is_reference, pull

_FORMS = (
    "a file that `algr models import-jaanet` wrote, for instance ./bp4d.safetensors",
    "the folder of a pulled model, for instance ./model",
    "a registered model: NAME@champion or NAME/VERSION, for instance bp4d@champion",
    "run:NAME, a finished cross-validation of the data home: fold k starts from its fold k",
    "run:NAME:K, fold K of one for all folds",
)


def read_source(reference: str, *, home: DataHome, tracking_uri: str | None) -> StartFile:
    """The weights that the user named.

    Raises:
        UsageError: The reference has none of the forms, or what it names does not exist or is not
            finished.
        DataError: A file holds no weights of algr.
        IntegrityError: A file was altered.
        StudyError: A run is of another version of algr, or its files were changed.
        TrackingError: The registry does not answer, or has no such model.
    """
    path = Path(reference).expanduser()
    has_run = _has_run(home, reference)
    if has_run and path.exists():
        raise UsageError(
            f"--init-from {reference} names a run and a path",
            expected="one of them",
            advice=f"write run:{reference} or ./{reference}",
        )
    if reference.startswith("run:"):
        name, _, fold = reference.removeprefix("run:").partition(":")
        return _of_run(home, name, fold=fold or None)
    if path.is_dir():
        return _of_bundle(read_bundle(path))
    if path.exists():
        return _of_file(path, home=home)
    if has_run:
        return _of_run(home, reference, fold=None)
    if is_reference(reference):
        return _of_registered(reference, home=home, tracking_uri=tracking_uri)
    raise UsageError(
        f"--init-from {reference} names no weights: there is no such file, folder or run",
        problems=[f"can be {form}" for form in _FORMS],
        expected="one of these forms",
        advice="see the registered models with `algr models list`",
    )


def _of_file(path: Path, *, home: DataHome) -> StartFile:
    if path.resolve().parent == home.starts.resolve() and start_sha256(start_key(path.stem)):
        return read_start(path)
    weights = read_weights(path)
    labels = weights.regions if weights.kind == "au" else GRADES
    return StartFile(
        spec=NetworkSpec(kind=weights.kind, label_names=labels, model=weights.model),
        sets=(weights.tensors,),
        is_by_fold=False,
        origin=weights.origin,
        trained_on=(),
    )


def _of_registered(reference: str, *, home: DataHome, tracking_uri: str | None) -> StartFile:
    home.models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".start-", dir=home.models) as folder:
        pulled = pull(reference, home=home, out=Path(folder) / "model", uri=tracking_uri)
        return _of_bundle(pulled.bundle)


def _of_bundle(bundle: Bundle) -> StartFile:
    """The refitted model of a bundle, whose files are verified."""
    from safetensors.torch import load_file

    model = bundle.read_config().model
    return StartFile(
        spec=NetworkSpec(kind=bundle.kind, label_names=bundle.labels, model=model),
        sets=(load_file(bundle.directory / "weights.safetensors"),),
        is_by_fold=False,
        origin=f"model {bundle.name}, bundle {bundle.sha256[:12]}",
        trained_on=(
            _on_all(bundle.fingerprint, dataset=bundle.dataset, pictures=bundle.pictures),
            *_before(bundle.start),
        ),
    )


def _before(start: StartOrigin | None) -> tuple[TrainedOn, ...]:
    """What a bundle's weights started from."""
    if start is None:
        return ()
    noted = {one.fingerprint: (one.dataset, one.pictures) for one in start.people}
    return tuple(
        _on_all(fingerprint, dataset=dataset, pictures=pictures)
        for fingerprint in start.fingerprints
        for dataset, pictures in (noted.get(fingerprint, ("", ())),)
    )


def _on_all(fingerprint: str, *, dataset: str, pictures: tuple[str, ...]) -> TrainedOn:
    return TrainedOn(
        fingerprint=fingerprint,
        folds_hash="",
        protocol="",
        is_by_fold=False,
        seen=None,
        dataset=dataset,
        pictures=(pictures,) if pictures else None,
    )


def _has_run(home: DataHome, name: str) -> bool:
    return Path(name).name == name and (home.runs / name / PLAN_FILE).is_file()


def _of_run(home: DataHome, name: str, *, fold: str | None) -> StartFile:
    """The chosen epoch's weights of every fold of a finished run, or of one fold."""
    directory = home.run(name)
    if not _has_run(home, name):
        known = sorted(path.parent.name for path in home.runs.glob(f"*/{PLAN_FILE}"))
        raise UsageError(
            f"there is no cross-validation run:{name} in the data home",
            expected=f"one of {', '.join(known)}" if known else "a run of `algr cv`",
            advice="a refitted model is named as it is registered, NAME@champion or NAME/VERSION",
        )
    config, plan = read_run_files(directory)
    if plan.protocol == "nested":
        raise UsageError(
            f"run:{name} is nested: each of its folds has a configuration of its own",
            expected="a run of `algr cv`",
            advice="start from another run, or from a registered model",
        )
    folds = _folds(plan, name=name, fold=fold)
    checkpoint = _finished(directory, config, plan)
    labels = predicted_labels(directory / PREDICTIONS_FILE)
    seen = tuple(_seen(plan, index) for index in folds)
    own = TrainedOn(
        fingerprint=plan.fingerprint,
        folds_hash=plan.folds_hash,
        protocol=plan.protocol,
        is_by_fold=fold is None,
        seen=seen,
        dataset=plan.dataset,
        pictures=_each(plan.pictures_of(subjects) for subjects in seen),
    )
    earlier = _earlier(config, home=home, folds=folds)
    return StartFile(
        spec=NetworkSpec(kind=plan.kind, label_names=labels, model=config.model),
        sets=tuple(_chosen(checkpoint.folds[index]) for index in folds),
        is_by_fold=fold is None,
        origin=f"run {name}, " + ("fold by fold" if fold is None else f"fold {fold} for all"),
        trained_on=(
            own,
            *(replace(one, is_by_fold=one.is_by_fold and fold is None) for one in earlier),
        ),
    )


def _folds(plan: FoldPlan, *, name: str, fold: str | None) -> tuple[int, ...]:
    indices = tuple(one.index for one in plan.folds)
    if fold is None:
        return indices
    if fold not in {str(index) for index in indices}:
        raise UsageError(
            f"run:{name}:{fold} names no fold",
            expected=f"run:{name}:K with K one of {', '.join(str(index) for index in indices)}",
        )
    return (int(fold),)


def _finished(directory: Path, config: Config, plan: FoldPlan) -> Checkpoint:
    path, name = directory / CHECKPOINT_FILE, directory.name
    unfinished = UsageError(
        f"run:{name} is not finished",
        expected="a cross-validation that has chosen the epoch of every fold",
        advice=f"finish it: repeat its command with --resume --name {name}",
    )
    if not path.is_file() or not (directory / PREDICTIONS_FILE).is_file():
        raise unfinished
    folds = tuple(fold.index for fold in plan.folds)
    identity = identity_of_run(directory, config, plan, folds)
    try:
        checkpoint = load_checkpoint(path, identity=identity)
    except StudyError as error:
        raise StudyError(
            f"run:{name} cannot be started from: its checkpoint does not belong to its {PLAN_FILE} "
            "and config.json",
            expected="the files of one run, written by this version of algr",
            advice="cross-validate again under a new --name",
        ) from error
    if checkpoint.epoch < config.train.num_epochs:
        raise unfinished
    return checkpoint


def _chosen(state: Mapping[str, Any]) -> Mapping[str, Any]:
    weights: Mapping[str, Any] = state["best_model"] or state["model"]
    return weights


def _seen(plan: FoldPlan, index: int) -> tuple[str, ...]:
    """Subjects by which a fold's weights were trained or chosen."""
    fold = next(one for one in plan.folds if one.index == index)
    chosen_by = fold.test if plan.protocol == "paper" else fold.validation
    return tuple(sorted((*fold.train, *chosen_by)))


def _earlier(config: Config, *, home: DataHome, folds: tuple[int, ...]) -> tuple[TrainedOn, ...]:
    """What the weights that a run itself started from have seen, for each of these folds."""
    init_from = config.train.init_from
    if init_from is None:
        return ()
    first = read_start(home.start(init_from))
    pick: Callable[[int], int] = (lambda fold: fold) if first.is_by_fold else (lambda _: 0)
    return tuple(
        replace(
            one,
            seen=None if one.seen is None else tuple(one.seen[pick(fold)] for fold in folds),
            pictures=None
            if one.pictures is None
            else tuple(one.pictures[pick(fold)] for fold in folds),
        )
        for one in first.trained_on
    )


def _each(lists: Iterable[tuple[str, ...] | None]) -> tuple[tuple[str, ...], ...] | None:
    """All of them, or None where one is not known."""
    known = tuple(lists)
    found = tuple(one for one in known if one is not None)
    return found if len(found) == len(known) else None
