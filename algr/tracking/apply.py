"""Writing ledger records to an MLflow store so that writing them twice changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from algr.tracking.ledger import Record
from algr.tracking.records import KEY_TAG
from algr.tracking.store import first_line

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_PARENT_TAG = "mlflow.parentRunId"
_REFUSALS = ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS")


class RefusedRecord(Exception):  # noqa: N818 - what it is, not how it is raised
    """The store will never take this record; sending it again is of no use."""


@dataclass
class _KnownRun:
    run_id: str
    params: dict[str, str]
    metrics: frozenset[str]
    """Keys that had values before this process wrote to the run."""
    history: dict[str, dict[int, float]] = field(default_factory=dict)
    """Of those keys: last value per step, read when first needed."""


class RecordWriter:
    """Applies records to one experiment. Runs are found by their key, never made twice.

    Args:
        client: Of the store.
        experiment_id: Of the experiment.
    """

    def __init__(self, client: "MlflowClient", *, experiment_id: str) -> None:
        self._client = client
        self._experiment_id = experiment_id
        self._known: dict[str, _KnownRun] = {}

    def apply(self, record: Record) -> None:
        """Write one record.

        Raises:
            RefusedRecord: The store will never take it.
            MlflowException: The store does not answer now.
            OSError: Likewise.
        """
        from mlflow.exceptions import MlflowException

        try:
            getattr(self, f"_apply_{record['op']}")(record)
        except MlflowException as error:
            if error.error_code in _REFUSALS:
                self._known.pop(record["run"], None)
                raise RefusedRecord(first_line(error)) from error
            raise

    def run_id(self, key: str) -> str | None:
        """The store's id of a run that was written."""
        known = self._known.get(key)
        return None if known is None else known.run_id

    def _apply_run(self, record: Record) -> None:
        key = record["run"]
        found = self._find(key)
        tags = dict(record["tags"]) | {KEY_TAG: key}
        if record["parent"] is not None:
            tags[_PARENT_TAG] = self._resolve(record["parent"]).run_id
        if found is None:
            run = self._client.create_run(
                self._experiment_id, start_time=record["at"], tags=tags, run_name=record["name"]
            )
        else:
            run = found
            self._set_tags(run.info.run_id, tags)
            if run.info.status != "RUNNING":
                self._client.update_run(run.info.run_id, status="RUNNING")
        self._known[key] = _known_run(run)
        if record["dataset"] is not None:
            self._log_dataset(run.info.run_id, record["dataset"])

    def _apply_params(self, record: Record) -> None:
        from mlflow.entities import Param

        run = self._resolve(record["run"])
        new = {name: text for name, text in record["params"].items() if name not in run.params}
        if new:
            params = [Param(name, text) for name, text in new.items()]
            self._client.log_batch(run.run_id, params=params, synchronous=True)
            run.params.update(new)
        changed = [
            name for name, text in record["params"].items() if run.params[name] != text[:6000]
        ]
        if changed:
            raise RefusedRecord(
                f"parameters of a run cannot change, and it has others for {', '.join(changed)}"
            )

    def _apply_tags(self, record: Record) -> None:
        self._set_tags(self._resolve(record["run"]).run_id, record["tags"])

    def _apply_metrics(self, record: Record) -> None:
        from mlflow.entities import Metric

        run = self._resolve(record["run"])
        step = record["step"]
        new = {
            name: value
            for name, value in record["metrics"].items()
            if self._old_values(run, name).get(step) != value
        }
        if not new:
            return
        metrics = [Metric(name, value, record["at"], step) for name, value in new.items()]
        self._client.log_batch(run.run_id, metrics=metrics, synchronous=True)

    def _apply_artifact(self, record: Record) -> None:
        run = self._resolve(record["run"])
        try:
            self._client.log_artifact(run.run_id, record["path"], record["folder"])
        except FileNotFoundError as error:
            raise RefusedRecord(f"{record['path']} is gone") from error

    def _apply_end(self, record: Record) -> None:
        run = self._resolve(record["run"])
        self._client.set_terminated(run.run_id, status=record["status"], end_time=record["at"])

    def _old_values(self, run: _KnownRun, name: str) -> dict[int, float]:
        """What the run had for a metric before this process, so that a resumed run adds nothing."""
        if name not in run.metrics:
            return {}
        if name not in run.history:
            rows = self._client.get_metric_history(run.run_id, name)
            run.history[name] = {row.step: row.value for row in rows}
        return run.history[name]

    def _resolve(self, key: str) -> _KnownRun:
        if key not in self._known:
            run = self._find(key)
            if run is None:
                raise RefusedRecord(f"there is no run {key!r}; it was deleted or never made")
            self._known[key] = _known_run(run)
        return self._known[key]

    def _find(self, key: str) -> "Run | None":
        runs: Sequence[Run] = self._client.search_runs(
            [self._experiment_id],
            filter_string=f"tags.`{KEY_TAG}` = '{key}'",
            max_results=1,
            order_by=["attributes.start_time ASC"],
        )
        return runs[0] if runs else None

    def _set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        from mlflow.entities import RunTag

        entities = [RunTag(name, text) for name, text in tags.items()]
        self._client.log_batch(run_id, tags=entities, synchronous=True)

    def _log_dataset(self, run_id: str, values: Mapping[str, str]) -> None:
        from mlflow.entities import Dataset, DatasetInput

        dataset = Dataset(
            name=values["name"],
            digest=values["digest"],
            source_type="algr",
            source=values["source"],
            profile=values["profile"],
        )
        self._client.log_inputs(run_id, datasets=[DatasetInput(dataset)])


def _known_run(run: "Run") -> _KnownRun:
    return _KnownRun(
        run_id=run.info.run_id,
        params=dict(run.data.params),
        metrics=frozenset(run.data.metrics),
    )
