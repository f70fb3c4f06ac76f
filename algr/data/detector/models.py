"""The two model files of the detector: which they are, where they lie, how they get there.

They are not part of algr. A user who has the wheel of MediaPipe 0.10.21 takes them out of it once;
nothing is ever fetched.
"""

import hashlib
import os
import zipfile
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Any

from algr.config import DataHome
from algr.durable import write_whole_bytes
from algr.errors import DataError, IntegrityError, UsageError

FACE_MODEL = "face_detection_short_range.tflite"
MESH_MODEL = "face_landmark.tflite"
MODEL_SHA256 = {
    FACE_MODEL: "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
    MESH_MODEL: "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
}
"""As in the wheels of MediaPipe 0.10.21."""
MODELS_VARIABLE = "ALGR_LANDMARK_MODELS"
EXTRA = "algr[landmarks]"
HOW_TO_GET = (
    "pip download --no-deps mediapipe==0.10.21 (with Python 3.9 to 3.12, on any machine), then "
    "algr landmarks install --from the .whl file"
)
_MAX_MODEL_BYTES = 50_000_000


@dataclass(frozen=True, kw_only=True)
class DetectorStatus:
    """Whether the detector can run, and if not, what is missing."""

    folder: str
    """Where the model files are looked for."""
    models: dict[str, str]
    """File to "intact", "missing" or "altered"."""
    runtime: bool
    """Whether LiteRT is installed."""

    @property
    def is_ready(self) -> bool:
        """Whether the detector can run."""
        return self.runtime and all(state == "intact" for state in self.models.values())

    @property
    def missing(self) -> list[str]:
        """What to do, in the order in which to do it; empty if it is ready."""
        steps = [] if self.runtime else [f"pip install '{EXTRA}'"]
        if any(state != "intact" for state in self.models.values()):
            steps.append(HOW_TO_GET)
        return steps

    def to_dict(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {**asdict(self), "ready": self.is_ready, "to_do": self.missing}


def models_folder(home: DataHome) -> Path:
    """Where the model files belong: `ALGR_LANDMARK_MODELS`, else the data home."""
    named = os.environ.get(MODELS_VARIABLE)
    return Path(named).expanduser().absolute() if named else home.models / "landmarks"


def detector_status(home: DataHome) -> DetectorStatus:
    """What is there of the detector."""
    folder = models_folder(home)
    return DetectorStatus(
        folder=str(folder),
        models={name: _state(folder / name) for name in MODEL_SHA256},
        runtime=find_spec("ai_edge_litert") is not None,
    )


def ready_models(home: DataHome) -> Path | None:
    """The folder of the model files if the detector can run, else None.

    Raises:
        IntegrityError: They are there, but are not those that were installed.
    """
    status = detector_status(home)
    if status.runtime:
        for name, state in status.models.items():
            if state == "altered":
                read_model(Path(status.folder), name)
    return Path(status.folder) if status.is_ready else None


def read_model(folder: Path, name: str) -> bytes:
    """The content of an installed model file.

    Raises:
        DataError: It is missing or cannot be read.
        IntegrityError: It is another one.
    """
    try:
        content = (folder / name).read_bytes()
    except OSError as error:
        raise DataError(
            f"{folder / name}: {error.strerror or error}",
            expected="a model file of the landmark detector",
            advice=HOW_TO_GET,
        ) from error
    if _sha256(content) != MODEL_SHA256[name]:
        raise IntegrityError(
            f"{folder / name}: is not the file of MediaPipe 0.10.21",
            expected=f"SHA-256 {MODEL_SHA256[name]}",
            advice=f"install it anew: {HOW_TO_GET}",
        )
    return content


def install_models(source: Path, *, home: DataHome) -> Path:
    """Copy the two model files out of a wheel, or a folder that holds them at any depth.

    Returns:
        The folder in which they lie now.

    Raises:
        UsageError: `source` is neither.
        DataError: A file is not in it, or is another one; nothing is written then.
    """
    contents = {name: _find(source, name) for name in MODEL_SHA256}
    problems = [
        f"{name}: not in it"
        if content is None
        else f"{name}: SHA-256 {_sha256(content)} instead of {MODEL_SHA256[name]}"
        for name, content in contents.items()
        if content is None or _sha256(content) != MODEL_SHA256[name]
    ]
    if problems:
        raise DataError(
            f"--from {source}: not the model files of MediaPipe 0.10.21",
            problems=problems,
            expected=" and ".join(MODEL_SHA256) + " as in that version; others give other points",
            advice=HOW_TO_GET,
        )
    folder = models_folder(home)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            write_whole_bytes(folder / name, content or b"")
    except OSError as error:
        raise DataError(
            f"{folder}: {error.strerror or error}",
            expected="a folder that can be written to",
            advice=f"choose another --data-home, or name one in {MODELS_VARIABLE}",
        ) from error
    return folder


def _find(source: Path, name: str) -> bytes | None:
    if source.is_dir():
        found = next(iter(sorted(source.rglob(name))), None)
        return found.read_bytes() if found else None
    try:
        with zipfile.ZipFile(source) as wheel:
            member = next(
                (part for part in wheel.infolist() if PurePosixPath(part.filename).name == name),
                None,
            )
            if member is None or member.file_size > _MAX_MODEL_BYTES:
                return None
            return wheel.read(member)
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError(
            f"--from {source}: cannot be read ({error})",
            expected="the wheel of MediaPipe 0.10.21 (a .whl file), or a folder with its models",
            advice=HOW_TO_GET,
        ) from error


def _state(path: Path) -> str:
    if not path.is_file():
        return "missing"
    return "intact" if _sha256(path.read_bytes()) == MODEL_SHA256[path.name] else "altered"


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
