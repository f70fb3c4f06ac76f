"""A study on disk: opened by one process at a time, continued by the next as if nothing had been.

`study.json` says what the study is about and is written once; `study.journal` is Optuna's log of
trials and the only truth about them; `lock` is held, by the kernel, while a search runs;
`trials/NUMBER/` holds the checkpoint of a trial.
"""

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import optuna
from optuna.storages.journal import JournalFileBackend, JournalStorage

from algr import __version__
from algr.durable import held, is_held, write_whole
from algr.errors import IntegrityError, StudyError
from algr.tune import signals
from algr.tune.identity import StudyIdentity
from algr.tune.records import REASON, SECONDS, TrialRecord, best_of, record_of
from algr.tune.signals import Halt
from algr.tune.strategies import (
    NumberedSampler,
    build_pruner,
    distributions,
    is_finite,
    point_values,
    suggest,
)

_HEADER = "study.json"
_JOURNAL = "study.journal"
_LOCK = "lock"
_WANTED = "wanted_trials"
_HALT = "halt"
_LOCK_WAIT_S = 1.0


@dataclass(frozen=True)
class StartedTrial:
    """A trial that is to be run now."""

    number: int
    params: Mapping[str, Any]
    """By configuration key."""
    is_resumed: bool
    """Whether an earlier process began it."""


@dataclass(frozen=True)
class StudyHeader:
    """What `study.json` says."""

    name: str
    dataset: str
    identity: Mapping[str, Any]
    """As `StudyIdentity.to_dict()` gave it."""
    digest: str


@dataclass(frozen=True)
class StudyProgress:
    """How far a study is."""

    wanted: int
    """Trials it shall have."""
    records: tuple[TrialRecord, ...]
    halt: Mapping[str, str] | None
    """Why it ended before its trials did: kind, reason, at."""
    holder: Mapping[str, Any] | None
    """Host, process and start of whoever works on it."""
    is_held: bool
    last_activity: float
    """Seconds since 1970."""


class StudyStore:
    """An open study. Trials are named by their numbers; epochs count from 0."""

    def __init__(
        self, directory: Path, *, name: str, storage: JournalStorage, identity: StudyIdentity
    ) -> None:
        tune = identity.config.tune
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.directory = directory
        self._space = identity.space
        self._study = optuna.create_study(
            storage=storage,
            study_name=name,
            direction="maximize",
            load_if_exists=True,
            pruner=build_pruner(tune),
            sampler=NumberedSampler(seed=identity.config.seed, startup_trials=tune.startup_trials),
        )
        for point in identity.space.enqueue:
            self._study.enqueue_trial(point_values(point, identity.space), skip_if_exists=True)
        study_id = storage.get_study_id_from_name(name)
        self._left_running = [
            storage.get_trial_id_from_study_id_trial_number(study_id, record.number)
            for record in self.records()
            if record.state == "RUNNING"
        ]
        self._open: dict[int, optuna.trial.Trial] = {}

    @property
    def wanted(self) -> int:
        """How many trials the study shall have."""
        return int(self._study.user_attrs.get(_WANTED, 0))

    def want(self, trials: int) -> None:
        """Set how many trials the study shall have; those that began are finished anyway."""
        if trials != self.wanted:
            self._study.set_user_attr(_WANTED, trials)

    def note_halt(self, halt: Halt | None, *, at: float) -> None:
        """Say in the study why it ended before its trials did; None when it goes on."""
        noted = None if halt is None else halt.to_dict(at=at)
        if noted != self._study.user_attrs.get(_HALT):
            self._study.set_user_attr(_HALT, noted)

    @property
    def is_complete(self) -> bool:
        """Whether all trials have ended."""
        states = [record.state for record in self.records()]
        return "RUNNING" not in states and self._num_begun() >= self.wanted

    def take(self) -> StartedTrial | None:
        """The next trial to run: one left over by a dead process, else a new one, else None."""
        is_resumed = bool(self._left_running)
        if is_resumed:
            trial = optuna.trial.Trial(self._study, self._left_running.pop(0))
        elif self._num_begun() < self.wanted:
            trial = self._study.ask()
        else:
            return None
        self._open[trial.number] = trial
        return StartedTrial(trial.number, suggest(trial, self._space), is_resumed)

    def report(self, number: int, *, epoch: int, value: float) -> bool:
        """Note the value of an epoch; an epoch that is noted already keeps its value.

        Returns:
            Whether the trial should stop. Asked again after a crash, the last epoch gets the same
            answer; those before it were passed.
        """
        assert is_finite(value), f"epoch {epoch} of trial {number}: {value}"
        trial = self._open[number]
        step = epoch + 1
        known = self._frozen(number).last_step or 0
        if step < known:
            return False
        if step > known:
            trial.report(value, step)
        return bool(trial.should_prune())

    def complete(self, number: int, *, seconds: float) -> TrialRecord:
        """End a trial that ran all its epochs; its value is its best epoch's."""
        values = self._frozen(number).intermediate_values.values()
        return self._tell(number, seconds, value=max(values), state=None)

    def prune(self, number: int, *, seconds: float) -> TrialRecord:
        """End a trial that was stopped early."""
        return self._tell(number, seconds, value=None, state=optuna.trial.TrialState.PRUNED)

    def fail(self, number: int, *, reason: str, seconds: float) -> TrialRecord:
        """End a trial that has no result."""
        self._open[number].set_user_attr(REASON, reason)
        return self._tell(number, seconds, value=None, state=optuna.trial.TrialState.FAIL)

    def records(self) -> tuple[TrialRecord, ...]:
        """All trials by number."""
        return tuple(record_of(trial) for trial in self._study.get_trials(deepcopy=False))

    def record(self, number: int) -> TrialRecord:
        """One trial."""
        return record_of(self._frozen(number))

    def best(self) -> TrialRecord | None:
        """The complete trial with the highest value, the earlier one of equals."""
        return best_of(self.records())

    def checkpoint(self, number: int) -> Path:
        """Where a trial keeps its state; every worker must see the same file."""
        return self.directory / "trials" / str(number) / "checkpoint.pt"

    def sweep(self) -> None:
        """Delete what ended trials left on disk, but for the best one's checkpoint."""
        best = self.best()
        kept = {best.number} if best else set()
        kept |= {record.number for record in self.records() if record.state == "RUNNING"}
        for folder in (self.directory / "trials").glob("*"):
            if folder.name not in {str(number) for number in kept}:
                shutil.rmtree(folder, ignore_errors=True)

    def _num_begun(self) -> int:
        return sum(record.state != "WAITING" for record in self.records())

    def _frozen(self, number: int) -> optuna.trial.FrozenTrial:
        return self._study.get_trials(deepcopy=False)[number]

    def _tell(
        self,
        number: int,
        seconds: float,
        *,
        value: float | None,
        state: optuna.trial.TrialState | None,
    ) -> TrialRecord:
        trial = self._open.pop(number)
        trial.set_user_attr(SECONDS, seconds)
        self._study.tell(trial, value, state=state)
        self.sweep()
        return self.record(number)


@contextmanager
def open_study(
    directory: Path, *, identity: StudyIdentity, dataset: str, trials: int | None, resume: bool
) -> Iterator[StudyStore]:
    """Begin a study, or go on with it, as its only user.

    Args:
        directory: The study's folder; its last part is the study's name.
        identity: What the study is about.
        dataset: The dataset's name, for the reader of `study.json`.
        trials: How many trials it shall have in all; None for as many as before.
        resume: Go on with a study that exists. One that does not exist is begun either way.

    Raises:
        StudyError: It exists and `resume` is false, or it is about something else, or another
            process works on it.
        IntegrityError: Its files cannot be read.
    """
    distributions(identity.space)
    exists = (directory / _HEADER).exists()
    if exists and not resume:
        raise StudyError(
            f"study {directory.name!r} exists",
            expected="a new name, or --resume",
            advice=f"go on with it: add --resume --name {directory.name}; "
            "or begin another one with a new --name",
        )
    if exists:
        _check_same(directory, identity)
    elif trials is None:
        raise StudyError(
            f"study {directory.name!r} does not exist", advice="say how many --trials it shall have"
        )
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        if not exists:
            _write_header(directory, identity, dataset)
        name = read_header(directory).name
        storage = _open_journal(directory)
        store = StudyStore(directory, name=name, storage=storage, identity=identity)
        if trials is not None:
            store.want(trials)
        store.sweep()
        yield store


def read_header(directory: Path) -> StudyHeader:
    """What a study is about, without opening it.

    Raises:
        StudyError: There is no such study.
        IntegrityError: `study.json` cannot be read.
    """
    file = directory / _HEADER
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        return StudyHeader(**{field.name: tree[field.name] for field in fields(StudyHeader)})
    except FileNotFoundError:
        raise StudyError(
            f"study {directory.name!r} does not exist", advice=_advice_names(directory.parent)
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{file} cannot be read: {error!r}",
            expected="the file that `algr tune` wrote",
            advice="begin another study with a new --name",
        ) from None


def read_records(directory: Path) -> tuple[TrialRecord, ...]:
    """The trials of a study, also while another process works on it.

    Raises:
        StudyError: There is no such study.
        IntegrityError: Its files cannot be read.
    """
    name = read_header(directory).name
    storage = JournalStorage(JournalFileBackend(str(directory / _JOURNAL)))
    try:
        trials = storage.get_all_trials(storage.get_study_id_from_name(name), deepcopy=False)
    except KeyError:
        return ()
    return tuple(record_of(trial) for trial in trials)


def read_progress(directory: Path) -> StudyProgress:
    """How far a study is, also while another process works on it.

    Raises:
        StudyError: There is no such study.
    """
    name = read_header(directory).name
    storage = JournalStorage(JournalFileBackend(str(directory / _JOURNAL)))
    try:
        study_id = storage.get_study_id_from_name(name)
        attrs = storage.get_study_user_attrs(study_id)
        trials = storage.get_all_trials(study_id, deepcopy=False)
    except KeyError:
        attrs, trials = {}, []
    is_held_now = is_held(directory / _LOCK)
    return StudyProgress(
        wanted=int(attrs.get(_WANTED, 0)),
        records=tuple(record_of(trial) for trial in trials),
        halt=attrs.get(_HALT),
        holder=signals.holder(directory) if is_held_now else None,
        is_held=is_held_now,
        last_activity=max(
            path.stat().st_mtime for path in directory.glob("study.*") if path.is_file()
        ),
    )


def _check_same(directory: Path, identity: StudyIdentity) -> None:
    differences = identity.differences(read_header(directory).identity)
    if differences:
        raise StudyError(
            f"study {directory.name!r} is about something else",
            problems=differences,
            expected="the same configuration, search space, dataset, folds and version of algr",
            advice="repeat the options of the first start, or begin another study with --name",
        )


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the study; the kernel lets go of it when the process dies."""
    busy = StudyError(
        f"another process works on study {directory.name!r}",
        expected="one search per study",
        advice="wait for it, stop it, or begin another study with --name",
    )
    with held(directory / _LOCK, otherwise=busy, wait_s=_LOCK_WAIT_S):
        signals.sign(directory)
        signals.forget(directory)
        try:
            yield
        finally:
            signals.unsign(directory)


def _open_journal(directory: Path) -> JournalStorage:
    """The journal, without what a process that died while writing left of its last line.

    The caller holds the study's lock, so that a lock of Optuna's own is a dead process's.
    """
    file = directory / _JOURNAL
    (directory / f"{_JOURNAL}.lock").unlink(missing_ok=True)
    if file.exists():
        content = file.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(file, whole)
    try:
        return JournalStorage(JournalFileBackend(str(file)))
    except (ValueError, KeyError) as error:
        raise IntegrityError(
            f"{file} cannot be read: {error}",
            expected="the journal that `algr tune` wrote",
            advice="restore it from a backup, or begin another study with --name",
        ) from None


def _write_header(directory: Path, identity: StudyIdentity, dataset: str) -> None:
    tree = {
        "name": directory.name,
        "dataset": dataset,
        "version": __version__,
        "digest": identity.digest,
        "identity": identity.to_dict(),
    }
    write_whole(directory / _HEADER, json.dumps(tree, indent=1))


def _advice_names(studies: Path) -> str:
    names = sorted(path.parent.name for path in studies.glob(f"*/{_HEADER}"))
    if not names:
        return "begin one: algr tune --dataset NAME --trials 50"
    return f"there is: {', '.join(names)}"
