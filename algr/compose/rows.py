"""The rows of a comparison: which there are, what a user chose, what became of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from algr.compose.start import StartInUse
from algr.config import Config, ModelConfig, flatten
from algr.config.loader import did_you_mean
from algr.cv import FinishedRun
from algr.durable import write_whole
from algr.engine import FoldFailure
from algr.errors import ConfigError, IntegrityError, UsageError
from algr.models import ABLATIONS

FAILURE_FILE = "failure.json"


@dataclass(frozen=True)
class ComparedRow:
    """One configuration of several that are compared.

    Attributes:
        name: To be typed.
        title: As the paper prints it.
        values: What it sets in the configuration that all rows share.
    """

    name: str
    title: str
    values: Mapping[str, object]


@dataclass(frozen=True)
class RowTable:
    """A table of the paper to be repeated.

    Attributes:
        kind: What is compared.
        rows: In the order of the paper.
        reference: Name of the row to which the others are compared.
        varied: Keys in which the rows differ, so that a user cannot set them.
    """

    kind: Literal["ablation", "models"]
    rows: tuple[ComparedRow, ...]
    reference: str
    varied: tuple[str, ...]

    def row(self, name: str) -> ComparedRow:
        """One row by its name."""
        return next(row for row in self.rows if row.name == name)


ABLATION = RowTable(
    kind="ablation",
    rows=tuple(ComparedRow(row.name, row.title, row.values) for row in ABLATIONS),
    reference="full",
    varied=("model.kind", "model.adaptive", "model.bilstm", "model.fusion"),
)
_TITLES = {
    "resnet18": "ResNet18",
    "resnet50": "ResNet50",
    "transformer": "Transformer",
    "jaanet": "JÂA-Net",
    "algrnet": "ALGRNet",
}
MODELS = RowTable(
    kind="models",
    rows=tuple(
        ComparedRow(kind, title, MappingProxyType({"model.kind": kind}))
        for kind, title in _TITLES.items()
    ),
    reference="algrnet",
    varied=("model.kind",),
)
"""In the order of Table 7."""


@dataclass(frozen=True, kw_only=True)
class PlannedRow:
    """A row that is to be cross-validated."""

    row: ComparedRow
    run: str
    """Name of its cross-validation."""
    config: Config
    start: StartInUse | None


@dataclass(frozen=True, kw_only=True)
class RowOutcome:
    """What became of a row: figures, or why there are none."""

    row: ComparedRow
    run: str
    finished: FinishedRun | None
    failure: FoldFailure | None


def choose_rows(comparison: RowTable, chosen: Sequence[str] | None) -> tuple[ComparedRow, ...]:
    """The rows that were asked for, in the order of the paper; all of them for None.

    Raises:
        UsageError: Unknown rows, or none.
    """
    if chosen is None:
        return comparison.rows
    known = [row.name for row in comparison.rows]
    unknown = [name for name in chosen if name not in known]
    if unknown or not chosen:
        raise UsageError(
            "--rows names no row" if not chosen else f"--rows: {len(unknown)} unknown",
            problems=[f"{name!r}{did_you_mean(name, known)}" for name in unknown],
            expected=f"some of {','.join(known)}",
        )
    return tuple(row for row in comparison.rows if row.name in chosen)


def refuse_varied(config: Config, comparison: RowTable) -> None:
    """Refuse values of the keys that the rows set.

    Raises:
        ConfigError: With all of them.
    """
    default, own = flatten(Config()), flatten(config)
    problems = [
        f"{key}: {own[key]} is set, and every row sets it"
        for key in comparison.varied
        if own[key] != default[key]
    ]
    if problems:
        raise ConfigError(
            "the rows differ in keys that were set",
            problems=problems,
            advice="leave them out, and choose rows with --rows; one configuration: algr cv",
        )


def write_failure(directory: Path, failure: FoldFailure) -> None:
    """Note that a row cannot be trained."""
    write_whole(directory / FAILURE_FILE, json.dumps(asdict(failure), indent=2) + "\n")


def read_failure(directory: Path) -> FoldFailure | None:
    """Why a row cannot be trained, if it was tried.

    Raises:
        IntegrityError: The file cannot be read.
    """
    path = directory / FAILURE_FILE
    if not path.is_file():
        return None
    try:
        return FoldFailure(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise IntegrityError(f"{path} cannot be read", advice="delete it and use --resume") from (
            error
        )


def network_title(model: ModelConfig) -> str:
    """What a configuration builds, in the paper's words."""
    if model.kind != "algrnet":
        return _TITLES[model.kind]
    switches = {"model.adaptive": model.adaptive, "model.bilstm": model.bilstm}
    switches["model.fusion"] = model.fusion
    same = [row for row in ABLATIONS if switches.items() <= row.values.items()]
    return same[0].title if same else "ALGRNet, changed"
