"""A hyperparameter search: Ray Tune runs the trials, the study decides and remembers."""

import logging
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algr.config import Config, SearchSpace
from algr.data import FoldPlan
from algr.distributed.listener import SearchListener
from algr.distributed.runner import FoldsRunnerFactory, RunnerFactory
from algr.distributed.session import Devices, cluster_devices
from algr.errors import AlgrError, ClusterError, Interrupted, StudyError
from algr.tune import StudyIdentity, StudyStore, TrialRecord, open_study

if TYPE_CHECKING:
    from algr.distributed.conductor import Conductor

logger = logging.getLogger(__name__)

_MAX_RESTARTS = 3


@dataclass(frozen=True)
class SearchJob:
    """What is searched, on what, and where it is kept."""

    config: Config
    """What every trial has in common."""
    space: SearchSpace
    plan: FoldPlan
    dataset_directory: Path
    study_directory: Path
    """Its last part is the study's name; on a cluster all nodes must see it."""
    trials: int | None
    """In all; None for as many as an earlier start wanted."""
    max_concurrent: int | None = None
    """Trials at once; None for one per device."""
    resume: bool = False
    start_file: Path | None = None
    """What `train.init_from` names; on a cluster all nodes must see it."""

    @property
    def identity(self) -> StudyIdentity:
        """What the study is about."""
        return StudyIdentity(
            config=self.config,
            space=self.space,
            folds_hash=self.plan.folds_hash,
            fingerprint=self.plan.fingerprint,
        )


@dataclass(frozen=True)
class SearchOutcome:
    """A finished search."""

    trials: tuple[TrialRecord, ...]
    best: TrialRecord


def run_search(
    job: SearchJob, *, listener: SearchListener, factory: RunnerFactory | None = None
) -> SearchOutcome:
    """Run the missing trials of a study, within `ray_session`.

    Args:
        job: What to search.
        listener: Told everything that happens, in this process.
        factory: How a trial is trained; by default all folds of the plan by the engine.

    Raises:
        StudyError: The study exists and is not resumed, is about something else, is in use, or no
            trial succeeded.
        Interrupted: The user stopped it; what is half done goes on with `resume`.
        AlgrError: What a worker asks the user to mend; the study can be resumed afterwards.
    """
    with open_study(
        job.study_directory,
        identity=job.identity,
        dataset=job.plan.dataset,
        trials=job.trials,
        resume=job.resume,
    ) as store:
        if not store.is_complete:
            runner_factory = factory or FoldsRunnerFactory(
                job.dataset_directory, job.plan, job.start_file
            )
            _run_trials(job, store, listener, runner_factory)
        best = store.best()
        if best is None:
            raise _no_result(store)
        return SearchOutcome(store.records(), best)


def _run_trials(
    job: SearchJob, store: StudyStore, listener: SearchListener, factory: RunnerFactory
) -> None:
    from ray import tune

    from algr.distributed import conductor as parts
    from algr.distributed.trainable import SearchTrainable

    resources = trial_resources(job.config, cluster_devices())
    fits = trials_at_once(resources, cluster_devices())
    if job.max_concurrent is not None and job.max_concurrent > fits:
        logger.warning("%d trials fit at once, not %d", fits, job.max_concurrent)
    conductor = parts.Conductor(
        store,
        config=job.config,
        identity_of=job.identity.trial_digest,
        max_concurrent=min(job.max_concurrent or fits, fits),
        listener=listener,
    )
    trainable = tune.with_resources(
        tune.with_parameters(SearchTrainable, factory=factory), dict(resources)
    )
    with _scratch_folder(store.directory) as scratch, _interruptible(conductor, store):
        tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=parts.StudySearcher(conductor),
                scheduler=parts.StudyScheduler(conductor),
                num_samples=-1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="search",
                storage_path=str(scratch),
                failure_config=tune.FailureConfig(max_failures=_MAX_RESTARTS),
                checkpoint_config=tune.CheckpointConfig(
                    checkpoint_frequency=0, checkpoint_at_end=False
                ),
                callbacks=[parts.Interruption(conductor)],
                stop=parts.EndOfSearch(conductor),
                verbose=0,
            ),
        ).fit()
    if conductor.error is not None:
        raise conductor.error
    if not store.is_complete:
        raise _interrupted(store)


def trial_resources(config: Config, devices: Devices) -> dict[str, float]:
    """What one trial holds."""
    if devices.cpus < 1:
        raise ClusterError("the Ray cluster has no CPUs", expected="at least one node with a CPU")
    cpus = min(config.train.threads_per_fold, devices.cpus)
    return {"cpu": cpus, "gpu": 1} if devices.gpus else {"cpu": cpus}


def trials_at_once(resources: dict[str, float], devices: Devices) -> int:
    """How many trials a session has room for."""
    fits = int(devices.cpus // resources["cpu"])
    return min(fits, devices.gpus) if devices.gpus else fits


@contextmanager
def _scratch_folder(study: Path) -> Iterator[Path]:
    """A folder for what Tune writes and nobody reads; its leftovers of a dead process go first."""
    parent = study / "tune"
    shutil.rmtree(parent, ignore_errors=True)
    parent.mkdir()
    try:
        yield Path(tempfile.mkdtemp(dir=parent))
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextmanager
def _interruptible(conductor: "Conductor", store: StudyStore) -> Iterator[None]:
    """Let Ctrl-C end the search between two steps; a second one ends it at once.

    Raises:
        Interrupted: In place of KeyboardInterrupt.
    """
    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)

    def ask_to_stop(signum: int, frame: object) -> None:  # noqa: ARG001 - the signal's signature
        conductor.interrupted = True
        signal.signal(signal.SIGINT, before)

    if in_main_thread:
        signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield
    except KeyboardInterrupt:
        raise _interrupted(store) from None
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, before)


def _interrupted(store: StudyStore) -> Interrupted:
    records = store.records()
    running = sum(record.state == "RUNNING" for record in records)
    ended = sum(record.state not in ("RUNNING", "WAITING") for record in records)
    name = store.directory.name
    return Interrupted(
        f"study {name!r} stopped with {ended} of {store.wanted} trials done, {running} half done",
        advice=f"go on with the same command and --resume --name {name}",
    )


def _no_result(store: StudyStore) -> AlgrError:
    records = store.records()
    return StudyError(
        f"none of the {len(records)} trials has a result",
        problems=[f"trial {record.number}: {record.reason}" for record in records if record.reason],
        advice="mend the cause and begin another study with a new --name",
    )
