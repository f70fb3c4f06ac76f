"""A hyperparameter search: Ray Tune runs the trials, the study decides and remembers."""

import errno
import logging
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algr.cv import record_numerics
from algr.distributed.executor import MAX_RESTARTS
from algr.distributed.listener import SearchListener
from algr.distributed.numerics import worker_numerics
from algr.distributed.room import NEXT_TO_NOTHING, room_of, trials_at_once
from algr.distributed.runner import FoldsRunnerFactory, RunnerFactory
from algr.distributed.search_job import SearchJob, SearchOutcome
from algr.distributed.session import cluster_devices
from algr.errors import AlgrError, ClusterError, Interrupted, StudyError
from algr.tune import (
    Budget,
    Clock,
    Halt,
    Pace,
    StudyStore,
    forget,
    has_begun,
    open_study,
)

if TYPE_CHECKING:
    from algr.distributed.conductor import Conductor
    from algr.distributed.mesh_trial import RunGuard
    from algr.distributed.worker import SeatRunFactory

logger = logging.getLogger(__name__)

_DISK_TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)


def run_search(
    job: SearchJob,
    *,
    listener: SearchListener,
    factory: RunnerFactory | None = None,
    open_run: "SeatRunFactory | None" = None,
    clock: Clock = time.time,
) -> SearchOutcome:
    """Run the missing trials of a study, within `ray_session`.

    Args:
        job: What to search.
        listener: Told everything that happens, in this process.
        factory: How a trial of one worker is trained; by default all folds by the engine.
        open_run: How each worker of a trial of several trains; by default its folds by the engine.
        clock: The time, for the limits.

    Raises:
        StudyError: The study exists and is not resumed, is about something else or in another
            precision, is in use, or no trial succeeded.
        UsageError: One trial is too large for the session, or its workers cannot be shared out.
        Interrupted: The user stopped or paused it, or a limit came before any result; what is half
            done goes on with `resume`.
        AlgrError: What a worker asks the user to mend; the study can be resumed afterwards.
    """
    resources = room_of(job, cluster_devices())
    numerics = worker_numerics(
        job.config, replicas=job.identity.replicas, with_gpu=resources.get("gpu", 0) > 0
    )
    with open_study(
        job.study_directory,
        identity=job.identity,
        dataset=job.plan.dataset,
        trials=job.trials,
        resume=job.resume,
        storage_url=job.storage_url,
        adopted=() if job.warm is None else job.warm.observed,
    ) as store:
        record_numerics(job.study_directory, numerics, is_begun=has_begun(store.records()))
        listener.on_begin()
        store.enqueue((*job.points, *(job.warm.points if job.warm is not None else ())))
        halt = None
        budget = Budget(job.limits, gpus_per_trial=resources.get("gpu", 0), clock=clock)
        if not store.is_complete:
            with _carried(
                job, store, resources=resources, factory=factory, open_run=open_run
            ) as carrier:
                halt = _run_trials(job, store, listener, carrier, budget)
        _warn_of_contradictions(store)
        best = store.best()
        if best is None and (halt is None or store.is_complete):
            raise _no_result(store)
        if reached := budget.refusal(0.0):  # nothing may follow, although the trials are done
            halt = halt or Halt("limit", reached)
        if halt is not None and (best is None or halt.kind == "pause"):
            raise _interrupted(store, halt)
        assert best is not None, "a search without any result was told"
        return SearchOutcome(
            store.records(),
            best,
            halt,
            store.objectives,
            gpu_hours=budget.gpu_hours,
            is_complete=store.is_complete,
        )


@dataclass(frozen=True)
class _Carrier:
    """How trials are trained, and what Tune has to know of it."""

    factory: RunnerFactory
    resources: Mapping[str, float]
    """Of one trial."""
    scratch: Path
    """For what Ray writes and nobody reads."""
    guard: "RunGuard | None" = None
    """Of trials of several workers. Their devices are held by Ray Train, not by Tune's actor."""


@contextmanager
def _carried(
    job: SearchJob,
    store: StudyStore,
    *,
    resources: Mapping[str, float],
    factory: RunnerFactory | None,
    open_run: "SeatRunFactory | None",
) -> Iterator[_Carrier]:
    """What trains the trials; nothing of it is left afterwards."""
    with _scratch_folder(store.directory) as scratch:
        if job.workers_per_trial == 1:
            folds_factory = FoldsRunnerFactory(
                job.dataset_directory, job.plan, job.start_file, job.objectives, job.dataset_place
            )
            yield _Carrier(factory or folds_factory, resources, scratch)
            return
        from algr.distributed.mesh_trial import RunGuard, mesh_factory

        made = mesh_factory(job, devices=cluster_devices(), scratch=scratch, open_run=open_run)
        guard = RunGuard(made)
        try:
            yield _Carrier(made, resources, scratch, guard)
        finally:
            guard.end_all()


def _run_trials(
    job: SearchJob,
    store: StudyStore,
    listener: SearchListener,
    carrier: _Carrier,
    budget: Budget,
) -> Halt | None:
    """Run what is missing.

    Returns:
        Why it ended before that, if it did.
    """
    from ray import tune

    from algr.distributed import conductor as parts
    from algr.distributed.trainable import SearchTrainable

    resources = carrier.resources
    fits = trials_at_once(resources, cluster_devices())
    if job.max_concurrent is not None and job.max_concurrent > fits:
        logger.warning("%d trials fit at once, not %d", fits, job.max_concurrent)
    conductor = parts.Conductor(
        store,
        config=job.config,
        identity_of=store.identity.trial_digest,
        max_concurrent=min(job.max_concurrent or fits, fits),
        listener=listener,
        pace=Pace(budget),
    )
    store.note_halt(None, at=budget.clock())
    trainable = tune.with_resources(
        tune.with_parameters(SearchTrainable, factory=carrier.factory),
        dict(resources) if carrier.guard is None else dict(NEXT_TO_NOTHING),
    )
    callbacks = [parts.Interruption(conductor), *([carrier.guard] if carrier.guard else [])]
    with _interruptible(conductor, store):
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(
                search_alg=parts.StudySearcher(conductor),
                scheduler=parts.StudyScheduler(conductor),
                num_samples=-1,
                reuse_actors=True,
            ),
            run_config=tune.RunConfig(
                name="search",
                storage_path=str(carrier.scratch / "tune"),
                failure_config=tune.FailureConfig(max_failures=MAX_RESTARTS),
                checkpoint_config=tune.CheckpointConfig(
                    checkpoint_frequency=0, checkpoint_at_end=False
                ),
                callbacks=callbacks,
                stop=parts.EndOfSearch(conductor),
                verbose=0,
            ),
        )
        _fit(tuner)
    if conductor.error is not None:
        raise _as_disk_trouble(conductor.error, store) or conductor.error
    halt = conductor.ended_early
    if halt is not None:
        store.note_halt(halt, at=budget.clock())
        forget(store.directory)
        return halt
    if not store.is_complete:
        raise _interrupted(store)
    return None


def _fit(tuner: Any) -> None:
    """Run Tune.

    Raises:
        ClusterError: Ray ended a worker because memory was short. Tune takes that for a defect.
    """
    try:
        tuner.fit()
    except RuntimeError as error:
        if "running low on memory" not in str(error):
            raise
        raise ClusterError(
            "a machine ran low on memory, and Ray ended a worker there",
            expected="room for all trials that run at once (`algr tune --dry-run` measures one)",
            advice="lower --max-concurrent or train.batch_size, or end what else runs there, then "
            "repeat with --resume",
        ) from None


@contextmanager
def _scratch_folder(study: Path) -> Iterator[Path]:
    """A folder for what Tune writes and nobody reads; its leftovers of a dead process go first."""
    # on a full disk Tune would show a traceback for these files beside the error that counts
    logging.getLogger("ray.tune.execution.experiment_state").setLevel(logging.CRITICAL)
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
        Interrupted: In place of what ended Tune's loop, unless that was a limit.
    """
    from algr.distributed.conductor import CutOffError

    in_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)

    def ask_to_stop(signum: int, frame: object) -> None:  # noqa: ARG001 - the signal's signature
        conductor.interrupted = True
        signal.signal(signal.SIGINT, before)

    if in_main_thread:
        signal.signal(signal.SIGINT, ask_to_stop)
    try:
        yield
    except (KeyboardInterrupt, CutOffError):
        if conductor.halt is None:
            raise _interrupted(store) from None
    finally:
        if in_main_thread:
            signal.signal(signal.SIGINT, before)


def _interrupted(store: StudyStore, halt: Halt | None = None) -> Interrupted:
    records = store.records()
    running = sum(record.state == "RUNNING" for record in records)
    ended = sum(record.state not in ("RUNNING", "WAITING") for record in records)
    name = store.directory.name
    because = "" if halt is None else f" by {halt.reason}"
    return Interrupted(
        f"study {name!r} stopped{because} with {ended} of {store.wanted} trials done, {running} "
        "half done",
        advice=f"go on with `algr resume {name}`",
    )


def _as_disk_trouble(error: Exception, store: StudyStore) -> StudyError | None:
    """What the user has to mend where the disk takes no more; None for any other error."""
    if not isinstance(error, OSError) or error.errno not in _DISK_TROUBLE:
        return None
    return StudyError(
        f"study {store.directory.name!r} cannot be written: {error.strerror}",
        expected=f"room in {store.directory}",
        advice="make room there, then repeat the command with --resume --name "
        f"{store.directory.name}",
    )


def _warn_of_contradictions(store: StudyStore) -> None:
    records = [record for record in store.records() if record.state != "WAITING"]
    untrained = [record for record in records if record.is_contradictory]
    if untrained:
        logger.warning(
            "%d of %d trials were not trained, as trial %d: %s; a `when` in the search space keeps "
            "such points out",
            *(len(untrained), len(records), untrained[0].number, untrained[0].reason),
        )


def _no_result(store: StudyStore) -> AlgrError:
    records = store.records()
    return StudyError(
        f"none of the {len(records)} trials has a result",
        problems=[f"trial {record.number}: {record.reason}" for record in records if record.reason],
        advice="mend the cause and begin another study with a new --name",
    )
