"""Results of folds as files in the run's folder: from the worker that has them to the driver."""

from pathlib import Path

import torch

from algr.cv import FoldsJob
from algr.engine import FoldResult, FramePredictions
from algr.engine.checkpoint import load_tensors, save_atomically
from algr.errors import IntegrityError
from algr.metrics import EvaluationCounts


def result_file(job: FoldsJob, fold: int) -> Path:
    """Where the result of a fold lies until the driver takes it."""
    return job.run_directory / "results" / f"fold-{fold}.pt"


def write_result(job: FoldsJob, result: FoldResult) -> None:
    """Write one fold's result: tensors and plain values."""
    counts, predictions = result.counts, result.predictions
    tree = {
        "identity": job.identity,
        "fold": result.fold,
        "chosen_epoch": result.chosen_epoch,
        "test": dict(result.test),
        "test_subjects": result.test_subjects,
        "counts": None
        if counts is None
        else {
            "kind": counts.kind,
            "label_names": list(counts.label_names),
            "sums": torch.from_numpy(counts.to_array()),
        },
        "predictions": None
        if predictions is None
        else {
            name: torch.from_numpy(value)
            for name, value in vars(predictions).items()
            if value is not None
        },
    }
    save_atomically(result_file(job, result.fold), tree)


def take_results(job: FoldsJob) -> tuple[FoldResult, ...]:
    """Read the results of all folds of a job, in its order, and remove their files.

    Raises:
        IntegrityError: One is missing or of another job.
    """
    results = tuple(_read(job, fold) for fold in job.folds)
    for fold in job.folds:
        result_file(job, fold).unlink()
    result_file(job, 0).parent.rmdir()
    return results


def _read(job: FoldsJob, fold: int) -> FoldResult:
    file = result_file(job, fold)
    if not file.exists():
        raise IntegrityError(
            f"the worker of fold {fold} left no {file}",
            expected="a run folder that the driver and all workers see",
            advice="put the data home on storage that every node mounts, and repeat with --resume",
        )
    tree = load_tensors(file)
    if tree["identity"] != job.identity:
        raise IntegrityError(f"{file} belongs to another run", advice="delete it and use --resume")
    counts, predictions = tree["counts"], tree["predictions"]
    return FoldResult(
        fold=tree["fold"],
        chosen_epoch=tree["chosen_epoch"],
        test=tree["test"],
        test_subjects=tree["test_subjects"],
        counts=None
        if counts is None
        else EvaluationCounts.from_array(
            counts["sums"].numpy(), kind=counts["kind"], label_names=counts["label_names"]
        ),
        predictions=None
        if predictions is None
        else FramePredictions(**{name: tensor.numpy() for name, tensor in predictions.items()}),
    )
