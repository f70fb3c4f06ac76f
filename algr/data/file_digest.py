"""What a source file holds, as one number."""

import hashlib
from pathlib import Path

from algr.errors import DataError


def file_digest(path: Path) -> bytes:
    """SHA-256 of a file.

    Raises:
        DataError: It is not there or cannot be read.
    """
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").digest()
    except FileNotFoundError as error:
        raise DataError(f"{path.name}: no such file") from error
    except OSError as error:
        raise DataError(f"{path.name}: cannot be read ({error.strerror or error})") from error
