"""The weights that a command starts from: kept by content, checked for leaks, and reported."""

import hashlib
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from algr.bundle import EarlierPeople, StartOrigin
from algr.compose.requests import Material, TrainingRequest
from algr.compose.sources import read_source
from algr.config import start_key, start_sha256, with_values
from algr.data import FoldPlan
from algr.durable import write_whole
from algr.engine import StartFile, TrainedOn, network_for, read_start, write_start
from algr.errors import ConfigError, IntegrityError
from algr.models import NetworkSpec, StartReport, load_start

RECORD_FILE = "start.json"
_DISFA = ("AU1", "AU2", "AU4", "AU6", "AU9", "AU12", "AU25", "AU26")


@dataclass(frozen=True, kw_only=True)
class StartInUse:
    """What a command starts from.

    Attributes:
        path: In the data home.
        sha256: Of the file.
        origin: In words without paths.
        is_by_fold: Whether fold k has weights of its own.
        fingerprints: Of the datasets that went into the weights, as far as they are known.
        people: Of those among them whose pictures are noted.
        report: What became of them in the network.
        landmarks_win: Whether loaded landmarks take the place of `train.landmark_start`.
        reference_sha256: Of what the user typed; the text itself may be a path.
    """

    path: Path
    sha256: str
    origin: str
    is_by_fold: bool
    fingerprints: tuple[str, ...]
    people: tuple[EarlierPeople, ...]
    report: StartReport
    landmarks_win: bool
    reference_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """The entry `init` of `algr cv --json` and `algr tune --json`."""
        return {
            "origin": self.origin,
            "sha256": self.sha256,
            "by_fold": self.is_by_fold,
            **self.report.to_dict(),
        }

    @property
    def tags(self) -> dict[str, str]:
        """For the tracker."""
        return {"algr.init": self.origin, "algr.init_sha256": self.sha256}

    def as_origin(self) -> StartOrigin:
        """What a model that comes of it says of it."""
        return StartOrigin(
            origin=self.origin,
            sha256=self.sha256,
            fingerprints=self.fingerprints,
            people=self.people,
        )

    def record(self, directory: Path) -> None:
        """Note in the folder of a run or study what its `--init-from` became.

        A resumed command finds the weights by it although the file that was named has gone.
        """
        tree = {"reference": self.reference_sha256, "init_from": start_key(self.sha256)}
        directory.mkdir(parents=True, exist_ok=True)
        write_whole(directory / RECORD_FILE, json.dumps(tree, indent=2) + "\n")


@dataclass(frozen=True, kw_only=True)
class StartNotice:
    """What a user should know before the training begins."""

    start: StartInUse | None
    remarks: tuple[str, ...]


StartListener = Callable[[StartNotice], None]
"""Told once, before anything is started."""


class StartSettler(Protocol):
    """`settle_start`, or `check_start`, which writes nothing."""

    def __call__(
        self, request: TrainingRequest, material: Material, *, directory: Path, refits: bool
    ) -> tuple[TrainingRequest, StartNotice]:
        """See `settle_start`."""


def check_start(
    request: TrainingRequest, material: Material, *, directory: Path, refits: bool
) -> tuple[TrainingRequest, StartNotice]:
    """`settle_start` for a look ahead: the weights are read, checked and named, and not kept.

    Raises:
        AlgrError: As `settle_start`.
    """
    with tempfile.TemporaryDirectory() as folder:
        request, notice = _settle(
            request, material, directory=directory, refits=refits, starts=Path(folder)
        )
    return request, replace(notice, start=None)


def settle_start(
    request: TrainingRequest, material: Material, *, directory: Path, refits: bool
) -> tuple[TrainingRequest, StartNotice]:
    """Put the content of the weights to start from in the place of their name.

    Args:
        request: As it was typed.
        material: Dataset and folds.
        directory: Of the run or study.
        refits: Whether a training on all subjects follows.

    Returns:
        The request, whose `train.init_from` names a file of the data home by its checksum, and what
        the user should know.

    Raises:
        ConfigError: The weights have seen test subjects, or do not fit.
        AlgrError: See `read_source`.
    """
    return _settle(
        request, material, directory=directory, refits=refits, starts=request.home.starts
    )


def _settle(
    request: TrainingRequest, material: Material, *, directory: Path, refits: bool, starts: Path
) -> tuple[TrainingRequest, StartNotice]:
    """`settle_start`, keeping the weights in the folder `starts`."""
    reference = request.config.train.init_from
    if reference is None:
        return request, StartNotice(start=None, remarks=_remarks_without(material))
    digest = hashlib.sha256(reference.encode()).hexdigest()
    home = request.home
    init_from = _known_content(reference, digest, directory=directory, resume=request.resume)
    if init_from is None:
        file = read_source(reference, home=home, tracking_uri=request.tracking_uri)
    else:
        file = read_start(home.start(init_from))
    refuse_leaks(file, material.plan)
    if refits and file.is_by_fold:
        raise _no_set_for_all(file, protocol=material.plan.protocol)
    report = _tried(file, material, request=request)
    init_from = init_from or start_key(write_start(starts, file))
    config = with_values(request.config, {"train.init_from": init_from})
    start = StartInUse(
        path=home.start(init_from),
        sha256=start_sha256(init_from) or "",
        origin=file.origin,
        is_by_fold=file.is_by_fold,
        fingerprints=tuple(dict.fromkeys(one.fingerprint for one in file.trained_on)),
        people=_people(file),
        report=report,
        landmarks_win=config.train.landmark_start == "mean" and report.takes("landmark_head"),
        reference_sha256=digest,
    )
    return replace(request, config=config), StartNotice(
        start=start, remarks=remarks_with(file, material)
    )


def refuse_leaks(file: StartFile, plan: FoldPlan) -> None:
    """Refuse weights that have seen subjects on whom they would be tested.

    Raises:
        ConfigError: They have, or it cannot be ruled out; or a fold has no weights.
    """
    if file.is_by_fold and len(file.sets) != len(plan.folds):
        raise ConfigError(
            f"train.init_from: {file.origin}, has {len(file.sets)} folds, this run has "
            f"{len(plan.folds)}",
            expected="as many folds, since each starts from its own",
            advice=f"set cv.num_folds={len(file.sets)}",
        )
    for trained in file.trained_on:
        if trained.fingerprint == plan.fingerprint:
            _refuse_same_dataset(file, trained, plan)
        else:
            _refuse_same_subjects(file, trained, plan)


def _refuse_same_dataset(file: StartFile, trained: TrainedOn, plan: FoldPlan) -> None:
    how = "was" if trained is file.trained_on[0] else "comes from weights that were"
    if trained.is_by_fold:
        problems = []
        if trained.folds_hash != plan.folds_hash:
            problems.append(f"folds {trained.folds_hash[:12]} there, {plan.folds_hash[:12]} here")
        if trained.protocol != plan.protocol:
            problems.append(f"protocol {trained.protocol} there, {plan.protocol} here")
        if not problems:
            return
        raise ConfigError(
            f"train.init_from: {file.origin}, {how} trained on this dataset with other folds, so "
            "that it may have seen test subjects of a fold that starts from it",
            problems=problems,
            expected="a run with the same folds and protocol, of which fold k has never seen the "
            "test subjects of fold k",
            advice="repeat with the seed, cv.num_folds, cv.validation_fraction and cv.protocol of "
            "that run, or start from weights of another dataset",
        )
    raise ConfigError(
        f"train.init_from: {file.origin}, {how} trained on this dataset (fingerprint "
        f"{plan.fingerprint[:12]}), subjects among them on whom it would be tested",
        expected="weights that have not seen the test subjects of a fold that starts from them",
        advice="start from weights of another dataset, or fold by fold (run:NAME, with algr cv) "
        "from a run with the same folds and protocol",
    )


def _refuse_same_subjects(file: StartFile, trained: TrainedOn, plan: FoldPlan) -> None:
    """The same person can stand in two datasets: in one that has grown, or was labelled anew.

    A person is known by one picture in common among those that both sides note, or by all pictures,
    landmarks and labels together.
    """
    problems = []
    for place, fold in enumerate(plan.folds):
        index = place if file.is_by_fold else 0
        seen = set(trained.seen[index]) if trained.seen is not None else set()
        pictures = set(trained.pictures[index]) if trained.pictures is not None else set()
        for part, subjects in (("test", fold.test), ("validation", fold.validation)):
            known = [
                one
                for one in subjects
                if one in seen or not pictures.isdisjoint(plan.pictures.get(one, ()))
            ]
            if known:
                problems.append(
                    f"fold {fold.index}: {len(known)} of {len(subjects)} {part} subjects"
                )
    if problems:
        there = f"dataset {trained.dataset!r}" if trained.dataset else "another dataset"
        raise ConfigError(
            f"train.init_from: {file.origin}, has seen test or validation subjects of dataset "
            f"{plan.dataset!r}: {there} holds the same pictures of them",
            problems=problems,
            expected="weights that have not seen the test subjects of a fold that starts from "
            "them, nor those that choose its epoch",
            advice="start from weights of other people",
        )


def _no_set_for_all(file: StartFile, *, protocol: str) -> ConfigError:
    lacking = (
        "inner folds"
        if protocol == "nested"
        else "the refit on all subjects with which algr tune ends"
    )
    return ConfigError(
        f"train.init_from: {file.origin}, has no weights for {lacking}",
        expected="one set of weights for everything that algr tune trains",
        advice="name one fold of a run on other people (run:NAME:K), a registered model or a file; "
        "or use algr cv, whose folds can each start from their own",
    )


def _known_content(
    reference: str, reference_sha256: str, *, directory: Path, resume: bool
) -> str | None:
    """The content's key, where the source of the weights need not be looked at."""
    if start_sha256(reference) is not None:
        return reference
    return _recorded(directory, reference_sha256) if resume else None


def _recorded(directory: Path, reference_sha256: str) -> str | None:
    """What the same reference became when the run or study was begun."""
    path = directory / RECORD_FILE
    if not path.is_file():
        return None
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        same, init_from = tree["reference"] == reference_sha256, str(tree["init_from"])
    except (ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"{path} cannot be read", expected="the file as algr wrote it") from (
            error
        )
    return init_from if same and start_sha256(init_from) is not None else None


def _tried(file: StartFile, material: Material, *, request: TrainingRequest) -> StartReport:
    """What the first fold takes; every fold takes the same tensors of its own set."""
    dataset, model = material.dataset, request.config.model
    spec = NetworkSpec(kind=dataset.kind, label_names=dataset.label_names, model=model)
    network = network_for(model, kind=dataset.kind, label_names=dataset.label_names)
    return load_start(network, file.for_fold(0), spec=spec)


def remarks_with(file: StartFile, material: Material) -> tuple[str, ...]:
    """What cannot be known of the people whom the weights have seen."""
    others = [one for one in file.trained_on if one.fingerprint != material.plan.fingerprint]
    unnoted = _remarks_on_unnoted(others, material.plan)
    if file.spec.label_names != material.dataset.label_names:
        return unnoted
    if not file.trained_on:
        return (
            "the weights come from outside and have the labels of this dataset: if they were "
            "trained on its people, the scores are not those of unseen people",
        )
    if not others:
        return ()
    return (
        *unnoted,
        "the weights were trained on another dataset with the labels of this one: if it holds the "
        "same people in other pictures, or prepared in another way, that cannot be seen, and the "
        "scores are not those of unseen people",
    )


def _remarks_on_unnoted(others: Sequence[TrainedOn], plan: FoldPlan) -> tuple[str, ...]:
    """Where people cannot be compared by their pictures, since an older version noted none."""
    lacking = []
    if any(one.pictures is None for one in others):
        lacking.append("the weights come from a file that notes no digests of pictures")
    if others and not plan.pictures:
        lacking.append(f"dataset {plan.dataset!r} notes no digests of pictures")
    if not lacking:
        return ()
    return (
        " and ".join(lacking) + " (an older version of algr wrote it): people are compared by "
        "pictures and labels together as far as those are known, so that the same people with "
        "other labels are not found",
    )


def _people(file: StartFile) -> tuple[EarlierPeople, ...]:
    """Everybody who went into one of the sets, by dataset."""
    return tuple(
        EarlierPeople(
            fingerprint=one.fingerprint,
            dataset=one.dataset,
            pictures=tuple(sorted({digest for part in one.pictures for digest in part})),
        )
        for one in file.trained_on
        if one.pictures is not None
    )


def _remarks_without(material: Material) -> tuple[str, ...]:
    if material.dataset.label_names != _DISFA:
        return ()
    return (
        "these are DISFA's action units: published figures on DISFA start from a BP4D model "
        "(--init-from); this run starts from scratch",
    )
