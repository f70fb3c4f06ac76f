"""The folder of a study, for those who only look: what it is about, and how far it is.

Its trials are in `study.journal` beside it, or in a database whose address `study.json` names.
"""

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalStorage

from algr import __version__
from algr.durable import is_held, write_whole
from algr.errors import IntegrityError, StudyError, UsageError
from algr.tune import signals
from algr.tune.identity import StudyIdentity
from algr.tune.objectives import Objective, recorded_objectives
from algr.tune.records import TrialRecord, record_of

HEADER_FILE = "study.json"
LOCK_FILE = "lock"
WANTED = "wanted_trials"
HALT = "halt"
_JOURNAL = "study.journal"
_SCHEMES = ("postgresql", "postgresql+psycopg", "mysql+pymysql", "sqlite")


@dataclass(frozen=True)
class StudyHeader:
    """What `study.json` says."""

    name: str
    dataset: str
    identity: Mapping[str, Any]
    """As `StudyIdentity.to_dict()` gave it."""
    digest: str
    storage: str | None = None
    """Address of the database that holds the trials; None for the journal."""


@dataclass(frozen=True)
class StudyProgress:
    """How far a study is."""

    wanted: int
    """Trials it shall have."""
    records: tuple[TrialRecord, ...]
    objectives: tuple[Objective, ...]
    halt: Mapping[str, str] | None
    """Why it ended before its trials did: kind, reason, at."""
    holder: Mapping[str, Any] | None
    """Host, process and start of whoever works on it."""
    is_held: bool
    last_activity: float
    """Seconds since 1970."""


def read_header(directory: Path) -> StudyHeader:
    """What a study is about, without opening it.

    Raises:
        StudyError: There is no such study.
        IntegrityError: `study.json` cannot be read.
    """
    file = directory / HEADER_FILE
    try:
        tree = json.loads(file.read_text(encoding="utf-8"))
        return StudyHeader(
            name=tree["name"],
            dataset=tree["dataset"],
            identity=tree["identity"],
            digest=tree["digest"],
            storage=tree.get("storage"),
        )
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


def refuse_other_study(
    directory: Path, *, identity: StudyIdentity, resume: bool, storage_url: str | None = None
) -> None:
    """Refuse to go on with a study that exists where that is not what was asked for.

    Args:
        directory: Of the study, which need not exist.
        identity: What the study shall be about.
        resume: Go on with one that exists.
        storage_url: The database in which its trials shall be; None for wherever they are.

    Raises:
        StudyError: It exists and `resume` is false, or it is about something else.
        IntegrityError: `study.json` cannot be read.
    """
    if not (directory / HEADER_FILE).exists():
        return
    name = directory.name
    if not resume:
        raise StudyError(
            f"study {name!r} exists",
            expected="a new --name, or --resume",
            advice=f"go on with it: add --resume --name {name}",
        )
    header = read_header(directory)
    differences = identity.differences(header.identity)
    if storage_url is not None and storage_url != header.storage:
        place = header.storage or "the study's folder"
        differences.append(f"storage: {place} in the study, {storage_url} now")
    if differences:
        raise StudyError(
            f"study {name!r} is about something else",
            problems=differences,
            expected="the same configuration, search space, dataset, folds and storage",
            advice="repeat the options of the first start, or begin another study with --name",
        )


def read_records(directory: Path) -> tuple[TrialRecord, ...]:
    """The trials of a study, also while another process works on it.

    Raises:
        StudyError: There is no such study.
        IntegrityError: Its files cannot be read.
    """
    return read_progress(directory).records


def read_progress(directory: Path) -> StudyProgress:
    """How far a study is, also while another process works on it.

    Raises:
        StudyError: There is no such study.
        IntegrityError: Its files cannot be read, or its trials are gone.
    """
    header = read_header(directory)
    objectives = recorded_objectives(header.identity)
    attrs, trials = _look_at_trials(directory, header)
    is_held_now = is_held(directory / LOCK_FILE)
    return StudyProgress(
        wanted=int(attrs.get(WANTED, 0)),
        records=tuple(record_of(trial, objectives) for trial in trials),
        objectives=objectives,
        halt=attrs.get(HALT),
        holder=signals.holder(directory) if is_held_now else None,
        is_held=is_held_now,
        last_activity=_last_activity(directory, trials),
    )


def _look_at_trials(
    directory: Path, header: StudyHeader
) -> tuple[Mapping[str, Any], list[optuna.trial.FrozenTrial]]:
    """What the study says of itself, and its trials; nothing of one that has just been begun."""
    journal = directory / _JOURNAL
    if header.storage is not None or journal.exists():  # a look would make an empty file
        storage = look_into(directory)
        with contextlib.suppress(KeyError):
            study_id = storage.get_study_id_from_name(header.name)
            trials = storage.get_all_trials(study_id, deepcopy=False)
            return storage.get_study_user_attrs(study_id), trials
    if has_traces(directory):
        raise lost_trials(directory)
    return {}, []


def has_traces(directory: Path) -> bool:
    """Whether trials have left something in the study's folder."""
    return any(any(directory.glob(f"{name}/*")) for name in ("trials", "errors", "plots"))


def lost_trials(directory: Path) -> IntegrityError:
    """What to say where a study has traces of trials and no trials."""
    file = directory / _JOURNAL
    address = storage_address(directory)
    is_gone = address == str(file) and not file.exists()
    return IntegrityError(
        f"the trials of study {directory.name!r} are gone"
        + (f": there is no {file}" if is_gone else f" from {address}"),
        expected="the journal or database in which it was begun",
        advice="restore it from a backup, or begin another study with a new --name",
    )


def look_into(directory: Path) -> BaseStorage:
    """The study's storage, while another process may work with it.

    Raises:
        StudyError: There is no such study, or its database does not answer.
        IntegrityError: Its journal cannot be read.
    """
    url = read_header(directory).storage
    if url is not None:
        return open_database(url)
    return _read_journal(directory / _JOURNAL)


def storage_address(directory: Path) -> str:
    """Where the trials are, as Optuna's own programs take it: a file or a database.

    Raises:
        StudyError: There is no such study.
    """
    return read_header(directory).storage or str(directory / _JOURNAL)


def load_study(directory: Path) -> optuna.Study:
    """The study as Optuna's own functions take it, to read.

    Raises:
        StudyError: There is no such study.
    """
    return optuna.load_study(study_name=read_header(directory).name, storage=look_into(directory))


def open_storage(directory: Path, url: str | None) -> BaseStorage:
    """The study's storage, for its only user."""
    return _open_journal(directory) if url is None else open_database(url)


def check_storage(url: str) -> str:
    """The address of a database, if studies may be kept there.

    Raises:
        UsageError: It is none, or holds a password, which would stand in `study.json`.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except ArgumentError:
        parsed = None
    if parsed is None or parsed.drivername not in _SCHEMES:
        raise UsageError(
            "--storage is not the address of a database",
            expected=f"one that begins with {', '.join(f'{one}://' for one in _SCHEMES)}",
        )
    file = parsed.database or ""
    if parsed.drivername == "sqlite" and not Path(file).is_absolute():
        raise UsageError(
            f"--storage {url} is another file, or none, in another folder",
            expected="the whole path of the file, as in sqlite:////data/studies.db",
        )
    if parsed.password is not None:
        raise UsageError(
            "--storage holds a password, which would be written to study.json",
            expected="an address without one",
            advice="put it into PGPASSWORD, ~/.pgpass or what your database's client reads",
        )
    return url


def open_database(url: str) -> BaseStorage:
    """Optuna's tables in a database, made if they are not there.

    Raises:
        StudyError: It does not answer, or its driver is not installed.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return RDBStorage(url)
    except (SQLAlchemyError, ImportError, optuna.exceptions.StorageInternalError) as error:
        raise StudyError(
            f"the study storage {url} cannot be used: {str(error).splitlines()[0]}",
            expected="a database that answers, and its driver (`pip install algr[postgres]`)",
            advice="mend it and repeat the command with --resume",
        ) from None


def _last_activity(directory: Path, trials: list[optuna.trial.FrozenTrial]) -> float:
    times = [path.stat().st_mtime for path in directory.glob("study.*") if path.is_file()]
    moments = [trial.datetime_complete or trial.datetime_start for trial in trials]
    seconds: list[float] = [moment.timestamp() for moment in moments if moment is not None]
    return max(times + seconds)


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
    return _read_journal(file)


def _read_journal(file: Path) -> JournalStorage:
    try:
        return JournalStorage(JournalFileBackend(str(file)))
    except (ValueError, KeyError) as error:
        raise IntegrityError(
            f"{file} cannot be read: {error}",
            expected="the journal that `algr tune` wrote",
            advice="restore it from a backup, or begin another study with --name",
        ) from None


def write_header(
    directory: Path, identity: StudyIdentity, dataset: str, *, storage: str | None
) -> None:
    """Say what the study is about, once."""
    tree = {
        "name": directory.name,
        "dataset": dataset,
        "version": __version__,
        "digest": identity.digest,
        "identity": identity.to_dict(),
        **({} if storage is None else {"storage": storage}),
    }
    write_whole(directory / HEADER_FILE, json.dumps(tree, indent=1))


def _advice_names(studies: Path) -> str:
    names = sorted(path.parent.name for path in studies.glob(f"*/{HEADER_FILE}"))
    if not names:
        return "begin one: algr tune --dataset NAME --trials 50"
    return f"there is: {', '.join(names)}"
