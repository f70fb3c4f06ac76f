"""Cross-validations made by hand."""

from collections.abc import Callable, Sequence

import pytest

from algr.config import Config
from algr.cv import CrossValidation, FinishedRun, FoldScores
from algr.cv.results import sample_deviation
from algr.engine import FoldFailure, mean_defined
from algr.faces import GRADES
from algr.reports import ComparisonReport, ReportedRow
from algr.reports.published import BP4D_UNITS

DIVERGED = FoldFailure(1, 2, 30, "diverged", "the training loss is not finite")


def finished_run(
    headline: Sequence[float | None],
    *,
    kind: str = "grade",
    labels: Sequence[str] = GRADES,
    name: str = "run",
    **others: object,
) -> FinishedRun:
    """A run whose labels all score as the headline does, fold by fold."""
    main = "f1_macro" if kind == "grade" else "f1_mean"
    per_fold = [
        dict.fromkeys((main, *(f"f1_{label.lower()}" for label in labels)), value)
        | {"landmark_error": 4.0 + fold}
        for fold, value in enumerate(headline)
    ]
    keys = list(per_fold[0])
    columns = {key: [metrics[key] for metrics in per_fold] for key in keys}
    result = CrossValidation(
        run_id="r",
        name=name,
        protocol=str(others.pop("protocol", "honest")),
        fingerprint="f" * 64,
        folds_hash="a" * 64,
        folds=tuple(FoldScores(fold, 2, fold, metrics) for fold, metrics in enumerate(per_fold)),
        mean={key: mean_defined(column) for key, column in columns.items()},
        sd={key: sample_deviation(column) for key, column in columns.items()},
        pooled={key: mean_defined(column) for key, column in columns.items()},
        defined_folds={
            key: sum(value is not None for value in column) for key, column in columns.items()
        },
    )
    values: dict[str, object] = {"simulated": False, "init": None, "fold_seconds": 90.0}
    return FinishedRun(
        result=result, dataset="clinic", kind=kind, label_names=tuple(labels), **(values | others)
    )


@pytest.fixture
def make_report() -> Callable[..., ComparisonReport]:
    """Two models on grades: JÂA-Net 50, 60, 70 and ALGRNet 60, 60, 90 percent."""

    def make(**changes: object) -> ComparisonReport:
        rows = (
            ReportedRow(
                name="jaanet",
                title="JÂA-Net",
                run="first-jaanet",
                finished=finished_run((0.5, 0.6, 0.7)),
                failure=None,
            ),
            ReportedRow(
                name="algrnet",
                title="ALGRNet",
                run="first-algrnet",
                finished=finished_run((0.6, 0.6, 0.9)),
                failure=None,
            ),
        )
        values: dict[str, object] = {
            "name": "first",
            "run_id": "parent",
            "comparison": "models",
            "dataset": "clinic",
            "kind": "grade",
            "label_names": GRADES,
            "simulated": False,
            "protocol": "honest",
            "fingerprint": "f" * 64,
            "folds_hash": "a" * 64,
            "reference": "algrnet",
            "config": Config(),
            "rows": rows,
        }
        return ComparisonReport(**(values | changes))

    return make


@pytest.fixture
def ablation(make_report: Callable[..., ComparisonReport]) -> ComparisonReport:
    """Two rows on the action units of BP4D, of which one failed."""
    full = finished_run((0.6, 0.7, 0.65), kind="au", labels=BP4D_UNITS)
    return make_report(
        comparison="ablation",
        dataset="bp4d",
        kind="au",
        label_names=BP4D_UNITS,
        reference="full",
        rows=(
            ReportedRow(
                name="plain-bilstm",
                title="w/Bi",
                run="first-plain-bilstm",
                finished=None,
                failure=DIVERGED,
            ),
            ReportedRow(
                name="full", title="ALGRNet", run="first-full", finished=full, failure=None
            ),
        ),
    )
