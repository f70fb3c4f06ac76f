"""Reading and verifying a model bundle: one folder, every file with its checksum, no pickle."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import algr
from algr.bundle.golden import GoldenReport, compare_golden
from algr.bundle.runtime import OnnxNetwork
from algr.bundle.spec import Kind, Score, StartOrigin
from algr.config import Config
from algr.durable import recover_folder, sha256_of, swap_folder
from algr.errors import IntegrityError, UsageError

SCHEMA = 1
INDEX = "bundle.json"
INTERVALS = "95 %, bootstrap over test subjects"
"""Entry `intervals`; bundles of earlier versions have none, and t intervals over folds."""
REGISTERED = "registered.json"
"""Beside a pulled bundle: its version. Not part of the bundle, and not covered by its checksums."""
REQUIRED_FILES = (
    "model.onnx",
    "weights.safetensors",
    "config.json",
    "card.md",
    "golden.safetensors",
    "pyfunc_model.py",
)


_KEYS = (
    "name",
    "dataset",
    "kind",
    "labels",
    "thresholds",
    "regions",
    "fingerprint",
    "folds_hash",
    "protocol",
    "simulated",
    "metric",
    "scores",
    "versions",
    "files",
)


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk whose files were checked."""

    directory: Path
    sha256: str
    """Of `bundle.json`, which holds those of all other files."""
    name: str
    """The name in the registry, `algr-<dataset>`."""
    dataset: str
    kind: Kind
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    regions: tuple[str, ...]
    fingerprint: str
    folds_hash: str
    protocol: str
    simulated: bool
    metric: str
    scores: Mapping[str, Score]
    files: Mapping[str, str]
    """SHA-256 of every other file, by name."""
    versions: Mapping[str, str]
    """Of the libraries that exported it."""
    start: StartOrigin | None
    """What the weights started from; `None` for scratch."""
    pictures: tuple[str, ...]
    """Digests of some pictures of each subject; empty in older bundles."""
    version: int | None
    """In the registry that it was pulled from; `None` if it was not."""

    @property
    def onnx_path(self) -> Path:
        """The exported network."""
        return self.directory / "model.onnx"

    def read_config(self) -> Config:
        """What the model was trained with."""
        text = (self.directory / "config.json").read_text(encoding="utf-8")
        return Config.model_validate_json(text)

    def open_network(self, *, threads: int | None = None) -> OnnxNetwork:
        """An ONNX Runtime session."""
        return OnnxNetwork(self.onnx_path, kind=self.kind, threads=threads)


def read_bundle(directory: Path, *, expected_sha256: str | None = None) -> Bundle:
    """Read a bundle and verify the checksum of every file.

    Args:
        directory: Of the bundle.
        expected_sha256: What the registry recorded for `bundle.json`, if anything.

    Raises:
        UsageError: There is no bundle.
        IntegrityError: A file is missing, altered, or of an unknown schema.
    """
    recover_folder(directory)
    index_path = directory / INDEX
    if not index_path.is_file():
        raise UsageError(
            f"{directory} holds no model bundle",
            expected=f"a folder with {INDEX}",
            advice="fetch a model with `algr models pull NAME@champion --out DIR`",
        )
    content = index_path.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    index = _parse_index(index_path, content)
    if expected_sha256 is not None and sha256 != expected_sha256:
        raise _altered([f"{INDEX}: sha256 {sha256[:12]}…, registered is {expected_sha256[:12]}…"])
    _verify_files(directory, index["files"])
    return Bundle(
        directory=directory,
        sha256=sha256,
        name=index["name"],
        dataset=index["dataset"],
        kind=index["kind"],
        labels=tuple(index["labels"]),
        thresholds=tuple(index["thresholds"]),
        regions=tuple(index["regions"]),
        fingerprint=index["fingerprint"],
        folds_hash=index["folds_hash"],
        protocol=index["protocol"],
        simulated=index["simulated"],
        metric=index["metric"],
        scores={
            name: Score.from_dict(score, has_interval=index.get("intervals") == INTERVALS)
            for name, score in index["scores"].items()
        },
        files=index["files"],
        versions=index["versions"],
        start=StartOrigin.from_dict(index["start"]) if index.get("start") else None,
        pictures=tuple(index.get("pictures", ())),
        version=_registered_version(directory / REGISTERED, sha256=sha256),
    )


def check_golden(bundle: Bundle, *, threads: int | None = None) -> GoldenReport:
    """Run the golden inputs through the exported network on this machine.

    Raises:
        IntegrityError: It computes other values than where it was exported.
    """
    return compare_golden(
        bundle.directory / "golden.safetensors", bundle.open_network(threads=threads)
    )


def note_version(directory: Path, *, version: int, sha256: str) -> None:
    """Write beside a pulled bundle which version it is."""
    text = json.dumps({"version": version, "sha256": sha256})
    (directory / REGISTERED).write_text(text + "\n", encoding="ascii")


def refuse_foreign_folder(directory: Path) -> None:
    """Refuse to replace anything but an empty folder or a bundle.

    Raises:
        UsageError: The path is a file, or a folder with something else in it.
    """
    recover_folder(directory)
    if not directory.exists():
        return
    if directory.is_dir() and ((directory / INDEX).is_file() or not any(directory.iterdir())):
        return
    raise UsageError(
        f"{directory} exists and is not a model bundle",
        expected="a new or empty folder, or a bundle that may be replaced",
        advice="choose another folder, or move this one away",
    )


def replace_folder(partial: Path, directory: Path) -> None:
    """Put a finished folder in its place, with the rights of an ordinary one; see `swap_folder`."""
    partial.chmod(0o755)
    swap_folder(partial, directory)


def _parse_index(path: Path, content: bytes) -> dict[str, Any]:
    try:
        index = json.loads(content)
        schema = index["schema"]
    except (ValueError, KeyError, TypeError) as error:
        raise _altered([f"{INDEX}: not readable as JSON with a schema"]) from error
    if schema != SCHEMA:
        raise IntegrityError(
            f"{path}: schema {schema!r}",
            expected=f"schema {SCHEMA}, which algr {algr.__version__} reads",
            advice="use the algr version that wrote the bundle, or export the model again",
        )
    missing = [f"{INDEX}: has no entry {key!r}" for key in _KEYS if key not in index]
    missing += [
        f"{INDEX}: names no checksum for {name}"
        for name in REQUIRED_FILES
        if name not in index.get("files", ())
    ]
    if missing:
        raise _altered(missing)
    assert isinstance(index, dict)
    return index


def _registered_version(path: Path, *, sha256: str) -> int | None:
    try:
        noted = json.loads(path.read_bytes())
        return int(noted["version"]) if noted["sha256"] == sha256 else None
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _verify_files(directory: Path, files: Mapping[str, str]) -> None:
    problems = []
    for name, recorded in files.items():
        path = directory / name
        if Path(name).name != name:
            problems.append(f"{INDEX}: {name!r} is not the name of a file in this folder")
        elif not path.is_file():
            problems.append(f"{path}: missing")
        elif (found := sha256_of(path)) != recorded:
            problems.append(f"{path}: sha256 {found[:12]}…, recorded is {recorded[:12]}…")
    if problems:
        raise _altered(problems)


def _altered(problems: list[str]) -> IntegrityError:
    return IntegrityError(
        "the model bundle is not what was written",
        problems=problems,
        expected="the checksums of bundle.json and of the registry",
        advice="fetch the model again with `algr models pull`; do not use this copy",
    )
