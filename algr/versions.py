"""Which versions of algr, Python and the libraries do the work, and a file that remembers them."""

import functools
import json
import logging
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from algr import __version__
from algr.durable import write_whole
from algr.errors import IntegrityError

logger = logging.getLogger(__name__)

ENVIRONMENT_FILE = "environment.json"
LIBRARIES = ("torch", "ray", "optuna", "mlflow", "numpy", "pyarrow")
MAKERS_OF_NUMBERS = ("algr", "torch")
"""Another version of these can give other numbers from the same settings."""


@functools.cache
def library_versions() -> dict[str, str]:
    """Versions by name, of Python and the libraries that numbers can depend on.

    What a machine lacks is left out. Nothing is imported for it.
    """
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def record_versions(directory: Path, *, device: str | None = None) -> None:
    """Add what is installed to the folder's `environment.json`, unless it was the last entry.

    The file has one entry for each set of versions that worked in the folder, in their order: a
    run that is resumed after an upgrade has two. A warning says so where numbers may change.

    Args:
        directory: Of a run or study.
        device: `cpu` or `cuda`; None for the last entry's.

    Raises:
        IntegrityError: The file cannot be read.
    """
    entries = recorded_versions(directory)
    last = entries[-1] if entries else {}
    now = {"algr": __version__} | library_versions()
    kind = device or last.get("device")
    if kind is not None:
        now["device"] = kind
    if last == now:
        return
    changed = [
        f"{name} {last[name]} before, {now[name]} now"
        for name in MAKERS_OF_NUMBERS
        if last.get(name, now[name]) != now[name]
    ]
    if changed:
        logger.warning(
            "%s goes on with other versions (%s): its numbers may differ from those of an unbroken "
            "run",
            directory.name,
            "; ".join(changed),
        )
    write_whole(directory / ENVIRONMENT_FILE, json.dumps([*entries, now], indent=2) + "\n")


def recorded_versions(directory: Path) -> list[dict[str, str]]:
    """The entries of a folder's `environment.json`; empty if there is none.

    Raises:
        IntegrityError: The file cannot be read.
    """
    file = directory / ENVIRONMENT_FILE
    return _read(file) if file.exists() else []


def _read(file: Path) -> list[dict[str, str]]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{file} cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise IntegrityError(f"{file} holds a {type(entries).__name__}", expected="a list")
    return entries
