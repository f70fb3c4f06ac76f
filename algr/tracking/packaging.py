"""The bundle as an MLflow model: models from code over ONNX, nothing pickled."""

import shutil
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algr.bundle import Bundle, Kind
from algr.tracking.environment import without_advice
from algr.tracking.records import dataset_digest, now_ms

if TYPE_CHECKING:
    from mlflow import MlflowClient

ARTIFACT_NAME = "bundle"
BUNDLE_FOLDER = f"artifacts/{ARTIFACT_NAME}"
"""Where the bundle lies in the MLflow model."""
_REQUIREMENTS = ("mlflow", "numpy", "onnxruntime", "pandas", "pillow")


def log_bundle(
    client: "MlflowClient",
    bundle: Bundle,
    *,
    experiment_id: str,
    run_id: str | None,
    tags: Mapping[str, str],
) -> str:
    """Upload the bundle as a logged model.

    Args:
        client: Of the store.
        bundle: Read, hence verified.
        experiment_id: Of the dataset's experiment.
        run_id: Of the run that trained it, if it is known.
        tags: Of the logged model.

    Returns:
        The id of the logged model.
    """
    from mlflow.entities import LoggedModelOutput

    model = client.create_logged_model(
        experiment_id,
        name=bundle.name,
        source_run_id=run_id,
        tags=dict(tags),
        model_type=bundle.kind,
    )
    status = "FAILED"
    try:
        with tempfile.TemporaryDirectory(prefix="algr-model-") as folder:
            path = Path(folder) / "model"
            save_pyfunc(bundle, path, model_id=model.model_id, run_id=run_id)
            client.log_model_artifacts(model.model_id, str(path))
        status = "READY"
    finally:
        client.finalize_logged_model(model.model_id, status)
    if run_id is not None:
        client.log_outputs(run_id, [LoggedModelOutput(model.model_id, step=0)])
        _log_scores(client, bundle, model_id=model.model_id, run_id=run_id)
    return str(model.model_id)


def save_pyfunc(bundle: Bundle, path: Path, *, model_id: str, run_id: str | None) -> None:
    """Write the MLflow model folder, with the bundle as its one artifact."""
    with without_advice():
        import mlflow.pyfunc
        from mlflow.models import Model

    # MLflow writes down where artifacts came from and names them after their folder; a temporary
    # copy keeps the paths of this machine out of the registry.
    with tempfile.TemporaryDirectory(prefix="algr-bundle-") as folder, without_advice():
        source = Path(folder) / ARTIFACT_NAME
        source.mkdir()
        for name in ("bundle.json", *bundle.files):
            shutil.copyfile(bundle.directory / name, source / name)
        mlflow.pyfunc.save_model(
            path=str(path),
            python_model=str(source / "pyfunc_model.py"),
            artifacts={ARTIFACT_NAME: str(source)},
            signature=signature(bundle.kind),
            pip_requirements=pinned_requirements(),
            mlflow_model=Model(model_uuid=model_id, model_id=model_id, run_id=run_id),
            model_config={"threads": 0},
        )


def signature(kind: Kind) -> Any:
    """An image file per row in; the columns of `pyfunc_model.py` out."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array

    numbers = Array(DataType.double)
    outputs = [ColSpec(numbers, f"{kind}_probability")]
    if kind == "grade":
        outputs = [
            ColSpec(DataType.string, "grade"),
            ColSpec(DataType.long, "grade_index"),
            *outputs,
        ]
    outputs.append(ColSpec(numbers, "landmarks", required=False))
    return ModelSignature(
        inputs=Schema([ColSpec(DataType.binary, "image")]),
        outputs=Schema(outputs),
        params=ParamSchema([ParamSpec("landmarks", DataType.boolean, default=True)]),
    )


def pinned_requirements() -> list[str]:
    """What `pyfunc_model.py` imports, in the versions of this environment."""
    return [f"{name}=={metadata.version(name).partition('+')[0]}" for name in _REQUIREMENTS]


def _log_scores(client: "MlflowClient", bundle: Bundle, *, model_id: str, run_id: str) -> None:
    """Show the scores on the model's page, beside the dataset they were measured on."""
    from mlflow.entities import Metric

    metrics = [
        Metric(
            f"cv/{name}_mean",
            score.mean,
            now_ms(),
            0,
            model_id=model_id,
            dataset_name=bundle.dataset,
            dataset_digest=dataset_digest(bundle.fingerprint),
            run_id=run_id,
        )
        for name, score in bundle.scores.items()
        if score.mean is not None
    ]
    client.log_batch(run_id, metrics=metrics, synchronous=True)
