"""A study on disk: opened by one process at a time, continued by the next as if nothing had been.

`study.json` says what the study is about and is written once; `study.journal` is Optuna's log of
trials and the only truth about them; `lock` is held, by the kernel, while a search runs;
`trials/NUMBER/` holds the checkpoint of a trial.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage

from algr.durable import held
from algr.errors import StudyError
from algr.tune import signals
from algr.tune.folder import (
    HALT,
    HEADER_FILE,
    LOCK_FILE,
    WANTED,
    StudyHeader,
    has_traces,
    lost_trials,
    open_database,
    open_storage,
    read_header,
    refuse_other_study,
    write_header,
)
from algr.tune.identity import StudyIdentity
from algr.tune.objectives import HEADLINE, Objective
from algr.tune.records import (
    ADOPTED,
    EPOCH,
    REASON,
    SECONDS,
    VERDICT,
    WALL_SECONDS,
    TrialRecord,
    best_of,
    epoch_values,
    record_of,
)
from algr.tune.signals import Halt
from algr.tune.strategies import (
    NumberedSampler,
    build_pruner,
    distributions,
    is_finite,
    point_values,
    suggest,
)

_LOCK_WAIT_S = 1.0


@dataclass(frozen=True)
class StartedTrial:
    """A trial that is to be run now."""

    number: int
    params: Mapping[str, Any]
    """By configuration key."""
    is_resumed: bool
    """Whether an earlier process began it."""
    epochs: int = 0
    """That are noted already."""


class StudyStore:
    """An open study. Trials are named by their numbers; epochs count from 0."""

    def __init__(
        self,
        directory: Path,
        *,
        name: str,
        storage: BaseStorage,
        identity: StudyIdentity,
        adopted: Sequence[optuna.trial.FrozenTrial] = (),
    ) -> None:
        tune = identity.config.tune
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.directory = directory
        self.identity = identity
        """As the version of algr had it that began the study."""
        self._space = identity.space
        self.objectives = tuple(map(Objective, identity.objectives)) or (HEADLINE,)
        """The first one names the best trial."""
        self._study = optuna.create_study(
            storage=storage,
            study_name=name,
            directions=[one.direction for one in self.objectives],
            load_if_exists=True,
            pruner=build_pruner(tune),
            sampler=NumberedSampler(seed=identity.config.seed, startup_trials=tune.startup_trials),
        )
        self._adopt(adopted)  # first, so that no point is tried that they have tried
        self.enqueue(identity.space.enqueue)
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
        return int(self._study.user_attrs.get(WANTED, 0))

    def want(self, trials: int) -> None:
        """Set how many trials the study shall have; those that began are finished anyway."""
        if trials != self.wanted:
            self._study.set_user_attr(WANTED, trials)

    def note_halt(self, halt: Halt | None, *, at: float) -> None:
        """Say in the study why it ended before its trials did; None when it goes on."""
        noted = None if halt is None else halt.to_dict(at=at)
        if noted != self._study.user_attrs.get(HALT):
            self._study.set_user_attr(HALT, noted)

    @property
    def is_complete(self) -> bool:
        """Whether all trials have ended."""
        states = [record.state for record in self.records()]
        return "RUNNING" not in states and self._num_begun() >= self.wanted

    @property
    def has_more(self) -> bool:
        """Whether `take` would give a trial."""
        return bool(self._left_running) or self._num_begun() < self.wanted

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
        epochs = self.record(trial.number).epochs if is_resumed else 0
        return StartedTrial(trial.number, suggest(trial, self._space), is_resumed, epochs)

    def report(
        self,
        number: int,
        *,
        epoch: int,
        value: float,
        figures: Mapping[str, float] | None = None,
    ) -> bool:
        """Note the value of an epoch; an epoch that is noted already keeps its value.

        Args:
            number: Of the trial.
            epoch: 0-based.
            value: Of the first objective.
            figures: Of the others, as far as this epoch has them.

        Returns:
            Whether the trial should stop; never with several objectives. Asked again after a
            crash, the last epoch gets the same answer, whatever others have reported since; those
            before it were passed.
        """
        assert is_finite(value), f"epoch {epoch} of trial {number}: {value}"
        trial = self._open[number]
        step = epoch + 1
        if len(self.objectives) > 1:
            name = f"{EPOCH}{step}"
            if name not in self._frozen(number).user_attrs:
                trial.set_user_attr(name, {"value": value, **(figures or {})})
            return False
        known = self._frozen(number).last_step or 0
        if step < known:
            return False
        if step > known:
            trial.report(value, step)
        noted = self._frozen(number).user_attrs.get(VERDICT, {})
        if noted.get("step") == step:
            return bool(noted["stop"])
        stop = bool(trial.should_prune())
        trial.set_user_attr(VERDICT, {"step": step, "stop": stop})
        return stop

    def complete(self, number: int, *, seconds: float, wall_s: float | None = None) -> TrialRecord:
        """End a trial that ran all its epochs; its value is its best epoch's.

        Further validation scores are those of that epoch, costs those of the last one.

        Args:
            number: Of the trial.
            seconds: Spent in its epochs, over all folds.
            wall_s: From its begin to its end; `seconds` where folds take turns.
        """
        frozen = self._frozen(number)
        values = epoch_values(frozen)
        best = max(values, key=lambda step: (self.objectives[0].key(values[step]), -step))
        if len(self.objectives) == 1:
            return self._tell(number, seconds, wall_s, value=values[best], state=None)
        at_best = frozen.user_attrs[f"{EPOCH}{best}"]
        at_end = frozen.user_attrs[f"{EPOCH}{max(values)}"]
        others = [
            float((at_best if one.is_score else at_end)[one.name]) for one in self.objectives[1:]
        ]
        return self._tell(number, seconds, wall_s, value=[values[best], *others], state=None)

    def prune(self, number: int, *, seconds: float, wall_s: float | None = None) -> TrialRecord:
        """End a trial that was stopped early; see `complete`."""
        pruned = optuna.trial.TrialState.PRUNED
        return self._tell(number, seconds, wall_s, value=None, state=pruned)

    def fail(
        self, number: int, *, reason: str, seconds: float, wall_s: float | None = None
    ) -> TrialRecord:
        """End a trial that has no result; see `complete`."""
        self._open[number].set_user_attr(REASON, reason)
        failed = optuna.trial.TrialState.FAIL
        return self._tell(number, seconds, wall_s, value=None, state=failed)

    def records(self) -> tuple[TrialRecord, ...]:
        """All trials by number."""
        return tuple(
            record_of(trial, self.objectives) for trial in self._study.get_trials(deepcopy=False)
        )

    def record(self, number: int) -> TrialRecord:
        """One trial."""
        return record_of(self._frozen(number), self.objectives)

    def best(self) -> TrialRecord | None:
        """The complete trial with the best first objective, the earlier one of equals."""
        return best_of(self.records(), self.objectives[0])

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

    def enqueue(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Try these points before others; those that were tried or wait already are left out."""
        for point in points:
            self._study.enqueue_trial(point_values(point, self._space), skip_if_exists=True)

    def _adopt(self, trials: Sequence[optuna.trial.FrozenTrial]) -> None:
        """Take finished trials of another study as if they were ours.

        Those that are here already are left out, ours that come back from another study, and those
        whose point we have tried or are about to try: it would count twice.
        """
        records = self.records()
        here = {record.adopted for record in records}
        tried = [dict(one.params) for one in records if not one.adopted and one.state != "FAIL"]
        ours = f"{self.directory.name}/"
        for trial in trials:
            origin = trial.user_attrs[ADOPTED]
            if origin in here or origin.startswith(ours) or trial.params in tried:
                continue
            self._study.add_trial(trial)

    def _num_begun(self) -> int:
        """Own trials that are not waiting."""
        return sum(record.state != "WAITING" and not record.adopted for record in self.records())

    def _frozen(self, number: int) -> optuna.trial.FrozenTrial:
        return self._study.get_trials(deepcopy=False)[number]

    def _tell(
        self,
        number: int,
        seconds: float,
        wall_s: float | None,
        *,
        value: float | list[float] | None,
        state: optuna.trial.TrialState | None,
    ) -> TrialRecord:
        trial = self._open.pop(number)
        trial.set_user_attr(SECONDS, seconds)
        if wall_s is not None:
            trial.set_user_attr(WALL_SECONDS, wall_s)
        self._study.tell(trial, value, state=state)
        self.sweep()
        return self.record(number)


@contextmanager
def open_study(
    directory: Path,
    *,
    identity: StudyIdentity,
    dataset: str,
    trials: int | None,
    resume: bool,
    storage_url: str | None = None,
    adopted: Sequence[optuna.trial.FrozenTrial] = (),
) -> Iterator[StudyStore]:
    """Begin a study, or go on with it, as its only user.

    Args:
        directory: The study's folder; its last part is the study's name.
        identity: What the study is about.
        dataset: The dataset's name, for the reader of `study.json`.
        trials: How many trials it shall have in all; None for as many as before.
        resume: Go on with a study that exists. One that does not exist is begun either way.
        storage_url: A database for the trials of a new study, see `check_storage`; else a journal.
        adopted: Finished trials of another study that count as this one's.

    Raises:
        StudyError: It exists and `resume` is false, or it is about something else, or another
            process works on it.
        IntegrityError: Its files cannot be read.
    """
    distributions(identity.space)
    header_file = directory / HEADER_FILE
    refuse_other_study(directory, identity=identity, resume=resume, storage_url=storage_url)
    if not header_file.exists() and trials is None:
        raise StudyError(
            f"study {directory.name!r} does not exist", advice="say how many --trials it shall have"
        )
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        # another command may have begun the study since
        refuse_other_study(directory, identity=identity, resume=resume, storage_url=storage_url)
        if not header_file.exists():
            if storage_url is not None:
                _refuse_taken(storage_url, directory.name)
            write_header(directory, identity, dataset, storage=storage_url)
        header = read_header(directory)
        storage = open_storage(directory, header.storage)
        _refuse_lost(directory, header, storage)
        store = StudyStore(
            directory,
            name=header.name,
            storage=storage,
            identity=identity.as_begun(header.identity),
            adopted=adopted,
        )
        if trials is not None:
            store.want(trials)
        store.sweep()
        yield store


def _refuse_taken(url: str, name: str) -> None:
    """A database may hold the studies of several data homes."""
    if name in optuna.get_all_study_names(open_database(url)):
        raise StudyError(
            f"the study storage holds a study {name!r} that this data home does not know",
            expected="a name of its own for each study in a database",
            advice="choose another --name",
        )


def _refuse_lost(directory: Path, header: StudyHeader, storage: BaseStorage) -> None:
    """Trials have left checkpoints, which a study that begins anew would delete."""
    names = {study.study_name for study in storage.get_all_studies()}
    if header.name not in names and has_traces(directory):
        raise lost_trials(directory)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the study; the kernel lets go of it when the process dies."""
    busy = StudyError(
        f"another process works on study {directory.name!r}",
        expected="one search per study",
        advice="wait for it, stop it, or begin another study with --name",
    )
    with held(directory / LOCK_FILE, otherwise=busy, wait_s=_LOCK_WAIT_S):
        signals.sign(directory)
        signals.forget(directory)
        try:
            yield
        finally:
            signals.unsign(directory)
