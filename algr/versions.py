"""Which versions of algr, Python and the libraries do the work, and a file that remembers them."""

import functools
import json
import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from algr import __version__
from algr.durable import write_whole
from algr.errors import IntegrityError

ENVIRONMENT_FILE = "environment.json"
LIBRARIES = ("torch", "ray", "optuna", "mlflow", "numpy", "pyarrow")


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


def record_versions(directory: Path) -> None:
    """Add what is installed to the folder's `environment.json`, unless it was the last entry.

    The file has one entry for each set of versions that worked in the folder, in their order: a
    run that is resumed after an upgrade has two.

    Raises:
        IntegrityError: The file cannot be read.
    """
    file = directory / ENVIRONMENT_FILE
    entries = _read(file) if file.exists() else []
    now = {"algr": __version__} | library_versions()
    if entries and entries[-1] == now:
        return
    write_whole(file, json.dumps([*entries, now], indent=2) + "\n")


def _read(file: Path) -> list[dict[str, str]]:
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise IntegrityError(f"{file} cannot be read: {error}") from error
    if not isinstance(entries, list):
        raise IntegrityError(f"{file} holds a {type(entries).__name__}", expected="a list")
    return entries
