"""Looking after studies: list them, look into one, ask it to end, go on with it."""

import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from algr.compose.requests import TrainingRequest
from algr.compose.search import SearchOptions
from algr.compose.study import STUDY_FILE
from algr.config import Config, DataHome, SearchSpace, with_values
from algr.errors import AlgrError, StudyError, UsageError
from algr.tune import (
    Objective,
    StudyHeader,
    StudyProgress,
    TrialRecord,
    Wish,
    ask,
    best_of,
    front_of,
    iso,
    read_header,
    read_progress,
    storage_address,
)

StudyState = Literal[
    "running", "paused", "stopped", "interrupted", "searched", "finished", "damaged"
]


@dataclass(frozen=True)
class StudySummary:
    """One line of `algr studies`."""

    name: str
    state: StudyState
    dataset: str
    wanted: int
    trials: Mapping[str, int]
    """By state."""
    best: float | None
    last_activity: str
    damage: str = ""
    """What is missing or cannot be read; nothing else is known of the study then."""

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "name": self.name,
            "state": self.state,
            "dataset": self.dataset,
            "wanted": self.wanted,
            "trials": dict(self.trials),
            "best": self.best,
            "last_activity": self.last_activity,
            **({"damage": self.damage} if self.damage else {}),
        }


@dataclass(frozen=True)
class StudyStatus:
    """What `algr status` shows."""

    summary: StudySummary
    records: tuple[TrialRecord, ...]
    best: TrialRecord | None
    num_epochs: int
    objectives: tuple[Objective, ...]
    halt: Mapping[str, str] | None
    holder: Mapping[str, Any] | None
    left_s: float | None
    """About how long the rest of the search takes; None where nothing tells."""
    resumes_alone: bool = True
    """Whether `algr resume` goes on with it: not with the search of one outer fold."""

    @property
    def front(self) -> tuple[TrialRecord, ...]:
        """The complete trials that no other one beats; of a study with several objectives."""
        return front_of(self.records, self.objectives) if len(self.objectives) > 1 else ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            **self.summary.to_dict(),
            "trials": [record.to_dict() for record in self.records],
            "best": None
            if self.best is None
            else {
                "number": self.best.number,
                "params": dict(self.best.params),
                "value": self.best.value,
            },
            "epochs": self.num_epochs,
            "objectives": [one.name for one in self.objectives],
            "pareto": [one.number for one in self.front],
            "stopped": None if self.halt is None else dict(self.halt),
            "holder": None if self.holder is None else dict(self.holder),
            "left_seconds": None if self.left_s is None else round(self.left_s),
        }


def list_studies(home: DataHome) -> tuple[StudySummary, ...]:
    """All studies of a data home, the last one worked on first; damaged ones are listed as such."""
    found = []
    for directory in (path.parent for path in home.studies.glob(f"*/{STUDY_FILE}")):
        try:
            header, progress = read_header(directory), read_progress(directory)
        except AlgrError as error:
            found.append(
                StudySummary(directory.name, "damaged", "", 0, {}, None, "", damage=error.found)
            )
        else:
            found.append(_summary(home, directory, header, progress))
    return tuple(sorted(found, key=lambda one: one.last_activity, reverse=True))


def study_status(home: DataHome, name: str) -> StudyStatus:
    """One study, also while it runs.

    Raises:
        StudyError: There is no such study.
        IntegrityError: It is damaged; says what is missing.
    """
    directory = home.study(name)
    header, progress = read_header(directory), read_progress(directory)
    num_epochs = int(header.identity["config"]["train.num_epochs"])
    return StudyStatus(
        summary=_summary(home, directory, header, progress),
        records=progress.records,
        best=best_of(progress.records, progress.objectives[0]),
        num_epochs=num_epochs,
        objectives=progress.objectives,
        halt=progress.halt,
        holder=progress.holder,
        left_s=time_left(progress),
        resumes_alone=not _is_of_outer_fold(header),
    )


def ask_study(home: DataHome, name: str, wish: Wish) -> Mapping[str, Any]:
    """Ask whoever searches to end after the running epochs.

    Returns:
        Who that is.

    Raises:
        StudyError: There is no such study, or nobody searches.
    """
    directory = home.study(name)
    progress = read_progress(directory)
    if not progress.is_held:
        raise StudyError(
            f"no search runs on study {name!r}",
            expected="one that does; cross-validation and refit after a search are not asked",
            advice=f"look with `algr status {name}`",
        )
    ask(directory, wish)
    return progress.holder or {}


def resume_study(
    home: DataHome,
    name: str,
    *,
    options: SearchOptions,
    workers: int | None,
    address: str | None,
    tracking_uri: str | None,
) -> tuple[TrainingRequest, SearchOptions]:
    """The request and options with which a study was begun, from its own folder.

    Args:
        home: Of the study.
        name: Of the study.
        options: What may differ this time; the space is the study's.
        workers: For what follows the search.
        address: Where to run.
        tracking_uri: Where to record.

    Raises:
        StudyError: There is no such study, or it belongs to a nested search.
        ConfigError: It was begun by a version of algr with other keys.
    """
    header = read_header(home.study(name))
    if _is_of_outer_fold(header):
        whole = name.rpartition("-outer-")[0]
        raise StudyError(
            f"study {name!r} is the search of one outer fold",
            expected="a search of its own",
            advice="go on with the whole: repeat `algr tune --protocol nested` with its options, "
            f"--resume and --name {whole}",
        )
    request = TrainingRequest(
        dataset=header.dataset,
        home=home,
        config=with_values(Config(), header.identity["config"]),
        name=name,
        resume=True,
        workers=workers,
        address=address,
        tracking_uri=tracking_uri,
    )
    space = SearchSpace.model_validate(header.identity["space"])
    return request, SearchOptions(
        trials=options.trials,
        max_concurrent=options.max_concurrent,
        space=space,
        objectives=tuple(header.identity.get("objectives", ())),
        points=options.points,
        warm_start=options.warm_start,
        gpus_per_trial=options.gpus_per_trial,
        workers_per_trial=options.workers_per_trial,
        replicas=header.identity.get("replicas", 1),
        limits=options.limits,
        gate=options.gate,
    )


@dataclass(frozen=True)
class DashboardCommand:
    """How Optuna's dashboard is started on a study."""

    argv: tuple[str, ...]
    url: str
    is_installed: bool


def dashboard_command(home: DataHome, name: str, *, host: str, port: int) -> DashboardCommand:
    """The command, whether it can be run here or not.

    Raises:
        StudyError: There is no such study.
    """
    program = shutil.which("optuna-dashboard", path=Path(sys.executable).parent) or shutil.which(
        "optuna-dashboard"
    )
    return DashboardCommand(
        argv=(
            program or "optuna-dashboard",
            storage_address(home.study(name)),
            "--host",
            host,
            "--port",
            str(port),
        ),
        url=f"http://{host}:{port}",
        is_installed=program is not None,
    )


def run_dashboard(command: DashboardCommand) -> int:
    """Run it until it is stopped.

    Returns:
        Its exit status.

    Raises:
        UsageError: It is not installed.
    """
    if not command.is_installed:
        raise UsageError(
            "optuna-dashboard is not installed",
            expected="the extra `dashboard`",
            advice=f"pip install 'algr[dashboard]', or elsewhere: {shlex.join(command.argv)}",
        )
    return subprocess.run(command.argv, check=False).returncode  # noqa: S603


def time_left(progress: StudyProgress) -> float | None:
    """Seconds that the rest takes if its trials take as long as the ended ones did on average.

    That is time by the clock: a trial whose folds are trained beside each other is as long as the
    longest of them, with the start of its workers.
    """
    ended = [
        one for one in progress.records if one.state in ("COMPLETE", "PRUNED") and not one.adopted
    ]
    running = [one for one in progress.records if one.state == "RUNNING"]
    epochs = sum(one.epochs for one in ended)
    if not epochs:
        return None
    begun = sum(one.state != "WAITING" and not one.adopted for one in progress.records)
    mean_s = sum(one.wall_s for one in ended) / len(ended)
    epoch_s = sum(one.wall_s for one in ended) / epochs
    rest_s = max(progress.wanted - begun, 0) * mean_s
    rest_s += sum(max(mean_s - one.epochs * epoch_s, 0) for one in running)
    return rest_s / max(len(running), 1)


def _is_of_outer_fold(header: StudyHeader) -> bool:
    return bool(header.identity["config"].get("cv.protocol") == "nested")


def _summary(
    home: DataHome, directory: Path, header: StudyHeader, progress: StudyProgress
) -> StudySummary:
    best = best_of(progress.records, progress.objectives[0])
    return StudySummary(
        name=directory.name,
        state=_state(home, directory.name, progress),
        dataset=header.dataset,
        wanted=progress.wanted,
        trials=dict(Counter(record.state for record in progress.records)),
        best=None if best is None else best.value,
        last_activity=iso(progress.last_activity),
    )


def _state(home: DataHome, name: str, progress: StudyProgress) -> StudyState:
    if progress.is_held:
        return "running"
    begun = [
        record for record in progress.records if record.state != "WAITING" and not record.adopted
    ]
    if 0 < progress.wanted <= len(begun) and all(record.state != "RUNNING" for record in begun):
        best = best_of(progress.records, progress.objectives[0])
        refit = None if best is None else home.run(f"{name}-refit-{best.number}")
        is_refitted = refit is not None and (refit / "bundle" / "bundle.json").exists()
        return "finished" if is_refitted else "searched"
    match (progress.halt or {}).get("kind"):
        case "pause":
            return "paused"
        case "stop" | "limit":
            return "stopped"
        case _:
            return "interrupted"
