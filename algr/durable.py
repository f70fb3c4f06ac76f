"""Files that are whole or not there at all, also after a power cut; checksums; and locks."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


def write_whole(path: Path, text: str) -> None:
    """Write a text file (UTF-8) so that readers find the old one or the whole new one.

    What breaks the writing off leaves the old file; only a kill can leave a hidden draft beside it.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    sync(path.parent)


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def held(lock: Path, *, otherwise: Exception) -> Iterator[None]:
    """Hold a lock file; the kernel lets go of it when the process dies.

    Args:
        lock: The file; made if it is not there.
        otherwise: Raised where another process holds it.
    """
    file_lock = FileLock(lock, timeout=0)
    try:
        file_lock.acquire()
    except Timeout:
        raise otherwise from None
    try:
        yield
    finally:
        file_lock.release()
