"""Runs of one dataset's experiment, as the driver of a command writes them.

Every record goes to the ledger first and is sent by a thread, so that a store that goes away
costs neither time nor records. Only the driver tracks; workers know nothing of it.
"""

import functools
import getpass
import logging
import subprocess
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import algr
from algr.config import DataHome
from algr.durable import write_whole
from algr.errors import Interrupted, TrackingError
from algr.tracking import records
from algr.tracking.apply import RecordWriter
from algr.tracking.ledger import Header, LedgerFile, LedgerWriter, Record, list_ledgers
from algr.tracking.records import STATE_TAG, RunKind, RunStatus
from algr.tracking.sender import Sender
from algr.tracking.store import Store, open_store, unreachable
from algr.versions import library_versions

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

_CLOSE_TIMEOUT_S = 20.0
_RUN_ID_TIMEOUT_S = 20.0


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """The dataset that a run is about."""

    name: str
    kind: str
    fingerprint: str
    simulated: bool
    num_subjects: int
    num_frames: int


def context_tags(
    *, protocol: str, folds_hash: str, seed: int, study: str | None = None
) -> dict[str, str]:
    """The tags that a run and all below it share."""
    tags = {"algr.protocol": protocol, "algr.folds": folds_hash, "algr.seed": str(seed)}
    return tags if study is None else tags | {"algr.study": study}


def run_key(folder: Path) -> str:
    """The key under which the run of a study or cross-validation folder is found again.

    Made at the first call and kept in the folder, which must exist.
    """
    path = folder / "run.key"
    if not path.exists():
        write_whole(path, uuid.uuid4().hex + "\n")
    return path.read_text(encoding="ascii").strip()


class RunHandle:
    """One run. A context manager: it ends as FINISHED, FAILED, or KILLED when interrupted."""

    def __init__(
        self, tracker: "Tracker", *, key: str, kind: RunKind, shared_tags: Mapping[str, str]
    ) -> None:
        self._tracker = tracker
        self.key = key
        self.kind = kind
        self.shared_tags = dict(shared_tags)

    @property
    def run_id(self) -> str | None:
        """The store's id; `None` while the store does not answer."""
        return self._tracker.run_id(self.key)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record flat parameters; they cannot change later."""
        self._tracker.put(records.params_record(self.key, params))

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags."""
        self._tracker.put(records.tags_record(self.key, tags))

    def log_metrics(self, metrics: Mapping[str, float | None], *, step: int) -> None:
        """Record the metrics of one step, in one batch; undefined ones are left out."""
        self._tracker.put(records.metrics_record(self.key, metrics, step=step))

    def log_artifact(self, path: Path, *, folder: str | None = None) -> None:
        """Upload a file or folder, which must stay until it is sent."""
        self._tracker.put(
            records.artifact_record(self.key, path=str(path.absolute()), folder=folder)
        )

    def end(self, *, status: RunStatus = "FINISHED", state: str | None = None) -> None:
        """End the run.

        Args:
            status: MLflow's word.
            state: algr's word, where it says more: PRUNED, FAIL, INTERRUPTED.
        """
        self.set_tags({STATE_TAG: state or status})
        self._tracker.put(records.end_record(self.key, status=status))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.end()
        elif issubclass(kind, (KeyboardInterrupt, Interrupted)):
            self.end(status="KILLED", state="INTERRUPTED")
        else:
            self.end(status="FAILED", state="FAIL")


class Tracker:
    """The runs of one dataset. A context manager; leaving it sends what is left.

    Made by `Tracker.connect`.
    """

    def __init__(
        self, store: Store, *, dataset: DatasetInfo, experiment_id: str, ledger_folder: Path
    ) -> None:
        self.store = store
        self.dataset = dataset
        self.experiment_id = experiment_id
        header = Header(store=store.label, experiment=experiment_name(dataset.name))
        older = [
            ledger
            for ledger in list_ledgers(ledger_folder)
            if ledger.header == header and ledger.num_sent < ledger.num_records
        ]
        self._ledger = LedgerWriter(ledger_folder, header=header)
        self._sender = Sender(
            RecordWriter(store.client(), experiment_id=experiment_id),
            older=older,
            own=LedgerFile(self._ledger.path, header),
            label=store.label,
        )
        self._sender.start()

    @classmethod
    def connect(cls, home: DataHome, *, dataset: DatasetInfo, uri: str | None = None) -> "Tracker":
        """Open the store and the dataset's experiment.

        Args:
            home: Of the embedded store and the ledger.
            dataset: Named in the experiment.
            uri: Of a server; else `MLFLOW_TRACKING_URI`, else the embedded store.

        Raises:
            TrackingError: The store cannot be used or does not answer within seconds.
        """
        store = open_store(home, uri=uri)
        experiment_id = ensure_experiment(store, dataset.name)
        return cls(
            store,
            dataset=dataset,
            experiment_id=experiment_id,
            ledger_folder=home.tracking / "ledger",
        )

    def start_run(
        self,
        kind: RunKind,
        *,
        name: str,
        key: str,
        parent: RunHandle | None = None,
        tags: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
    ) -> RunHandle:
        """Start a run, or go on with the one that has this key.

        Args:
            kind: Level of the run.
            name: For people.
            key: For finding it again; letters, digits, `-` and `/`.
            parent: The run above it, whose shared tags it takes over.
            tags: Further tags, which the runs below it share.
            params: Flat parameters.
        """
        assert "'" not in key, key
        inherited = {} if parent is None else parent.shared_tags
        shared = {**inherited, **(tags or {})}
        run = RunHandle(self, key=key, kind=kind, shared_tags=shared)
        self.put(
            records.run_record(
                key,
                name=name,
                parent=None if parent is None else parent.key,
                tags={**_origin_tags(), **self._dataset_tags(), **shared, "algr.kind": kind},
                dataset=self._dataset_input(),
            )
        )
        if params:
            run.log_params(params)
        return run

    def put(self, record: Record) -> None:
        """Write a record to the ledger and have it sent."""
        self._ledger.append(record)
        self._sender.put(record)

    def run_id(self, key: str) -> str | None:
        """The store's id of a run; waits a little until the run is written."""
        return self._sender.run_id(key, timeout_s=_RUN_ID_TIMEOUT_S)

    def flush(self, *, timeout_s: float = _CLOSE_TIMEOUT_S) -> int:
        """Wait until everything is sent; the number of records that are not."""
        return self._sender.flush(timeout_s=timeout_s)

    def close(self, *, timeout_s: float = _CLOSE_TIMEOUT_S) -> int:
        """Send what is left, for at most so long; the number of records kept for later."""
        unsent = self._sender.close(timeout_s=timeout_s)
        self._ledger.close()
        if unsent:
            logger.warning(
                "%d records did not reach the tracking store %s and are kept in %s; send them "
                "with `algr sync`, or by the next command on this dataset",
                unsent,
                self.store.label,
                self._ledger.path,
            )
        return unsent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _dataset_tags(self) -> dict[str, str]:
        return {
            "algr.fingerprint": self.dataset.fingerprint,
            "algr.simulated": str(self.dataset.simulated).lower(),
        }

    def _dataset_input(self) -> dict[str, str]:
        dataset = self.dataset
        return {
            "name": dataset.name,
            "digest": records.dataset_digest(dataset.fingerprint),
            "source": f'{{"dataset": "{dataset.name}"}}',
            "profile": f'{{"kind": "{dataset.kind}", "num_subjects": {dataset.num_subjects}, '
            f'"num_rows": {dataset.num_frames}}}',
        }


def experiment_name(dataset: str) -> str:
    """The experiment of a dataset."""
    return f"algr/{dataset}"


def ensure_experiment(store: Store, dataset: str) -> str:
    """The id of the dataset's experiment, made if there is none.

    Raises:
        TrackingError: It was deleted in MLflow, or cannot be made.
    """
    from mlflow.exceptions import MlflowException

    client = store.client()
    name = experiment_name(dataset)
    try:
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            return _create_experiment(client, store, name)
    except (MlflowException, OSError) as error:
        raise unreachable(store, error) from error
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"the experiment {name!r} of {store.label} is deleted",
            expected="an active experiment",
            advice="restore it with `mlflow experiments restore --experiment-id "
            f"{experiment.experiment_id}`, or prepare the dataset under another name",
        )
    return str(experiment.experiment_id)


def _create_experiment(client: "MlflowClient", store: Store, name: str) -> str:
    from mlflow.exceptions import MlflowException

    location = None if store.artifact_root is None else str(store.artifact_root / name)
    try:
        return str(client.create_experiment(name, artifact_location=location))
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return str(client.get_experiment_by_name(name).experiment_id)


def _origin_tags() -> dict[str, str]:
    tags = {
        "algr.version": algr.__version__,
        **{f"algr.version.{name}": number for name, number in library_versions().items()},
        "mlflow.user": _user(),
        "mlflow.source.name": "algr",
        "mlflow.source.type": "LOCAL",
    }
    commit = _commit()
    return tags if commit is None else tags | {"mlflow.source.git.commit": commit}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@functools.cache
def _commit() -> str | None:
    """The commit of algr's own source, when it runs from a git checkout."""
    root = Path(algr.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            ["git", "-C", str(root), "rev-parse", "HEAD"],  # noqa: S607 - git of the user's path
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
