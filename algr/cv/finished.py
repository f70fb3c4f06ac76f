"""`result.json` of a finished cross-validation: its figures, and what they are figures of."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from algr.cv.results import CrossValidation
from algr.durable import write_whole
from algr.errors import IntegrityError

RESULT_FILE = "result.json"


@dataclass(frozen=True, kw_only=True)
class FinishedRun:
    """A cross-validation that was finished, now or earlier.

    Attributes:
        result: Its figures.
        dataset: Name of the dataset.
        kind: Of the dataset.
        label_names: Action units or grades.
        simulated: Whether the faces are drawn.
        init: Where the weights came from that it started from; None if from scratch.
        fold_seconds: Time of training and validating, added up over epochs and folds.
    """

    result: CrossValidation
    dataset: str
    kind: Literal["au", "grade"]
    label_names: tuple[str, ...]
    simulated: bool
    init: str | None
    fold_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """What the file holds."""
        return {
            **self.result.to_dict(),
            "dataset": self.dataset,
            "kind": self.kind,
            "label_names": list(self.label_names),
            "simulated": self.simulated,
            "init": self.init,
            "fold_seconds": self.fold_seconds,
        }


def write_finished(directory: Path, finished: FinishedRun) -> None:
    """Write `result.json`, the last file of a run."""
    write_whole(directory / RESULT_FILE, json.dumps(finished.to_dict(), indent=2) + "\n")


def read_finished(directory: Path) -> FinishedRun | None:
    """The result in a run's folder; None if the run is not finished.

    Raises:
        IntegrityError: The file cannot be read.
    """
    path = directory / RESULT_FILE
    if not path.is_file():
        return None
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        return FinishedRun(
            result=CrossValidation.from_dict(tree),
            dataset=tree["dataset"],
            kind=tree["kind"],
            label_names=tuple(tree["label_names"]),
            simulated=tree["simulated"],
            init=tree["init"],
            fold_seconds=tree["fold_seconds"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(
            f"{path} cannot be read",
            expected="the file as algr wrote it",
            advice=f"write it again: repeat the run with --resume --name {directory.name}",
        ) from error
