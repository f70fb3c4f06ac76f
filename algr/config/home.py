"""The folder in which algr keeps prepared datasets, studies, runs and models."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from algr.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_STARTS = "models/start"
_START = re.compile(rf"{_STARTS}/(?P<sha256>[0-9a-f]{{64}})\.safetensors")


def check_name(name: str, *, what: str) -> str:
    """The name itself, if it can be a folder on every file system.

    Raises:
        UsageError: The name is empty, too long, or holds other characters than letters, digits,
            dot, dash and underscore.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{what} {name!r} cannot be used as a name",
            expected="letters, digits, '.', '_' and '-', starting with a letter or digit, "
            "at most 100",
        )
    return name


def start_key(sha256: str) -> str:
    """The value of `train.init_from` that names weights by their content."""
    return f"{_STARTS}/{sha256}.safetensors"


def start_sha256(init_from: str) -> str | None:
    """The checksum in a value of `start_key`; None for any other text."""
    match = _START.fullmatch(init_from)
    return None if match is None else match["sha256"]


@dataclass(frozen=True)
class DataHome:
    """Paths below the data home. Building one creates nothing."""

    root: Path

    @classmethod
    def locate(cls, option: Path | None = None) -> "DataHome":
        """From `--data-home`, else `ALGR_HOME`, else `~/.local/share/algr`."""
        chosen = option or os.environ.get("ALGR_HOME") or Path.home() / ".local/share/algr"
        return cls(Path(chosen).expanduser().absolute())

    @property
    def datasets(self) -> Path:
        """Prepared datasets, a folder each."""
        return self.root / "datasets"

    @property
    def studies(self) -> Path:
        """Searches, a folder each."""
        return self.root / "studies"

    @property
    def runs(self) -> Path:
        """Cross-validations and refits, a folder each."""
        return self.root / "runs"

    @property
    def tracking(self) -> Path:
        """The embedded tracking store, its artifacts, and the ledger."""
        return self.root / "tracking"

    @property
    def models(self) -> Path:
        """Pulled model bundles."""
        return self.root / "models"

    @property
    def starts(self) -> Path:
        """Weights that runs started from, each file named by its checksum."""
        return self.root / _STARTS

    def start(self, init_from: str) -> Path:
        """The file that a value of `start_key` names."""
        assert start_sha256(init_from) is not None, init_from
        return self.root / init_from

    def dataset(self, name: str) -> Path:
        """The folder of one prepared dataset."""
        return self.datasets / check_name(name, what="dataset")

    def study(self, name: str) -> Path:
        """The folder of one search."""
        return self.studies / check_name(name, what="study")

    def run(self, name: str) -> Path:
        """The folder of one cross-validation or refit."""
        return self.runs / check_name(name, what="run")
