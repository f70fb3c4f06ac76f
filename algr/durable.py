"""Files and folders that are whole or not there at all, also after a power cut; and locks."""

import errno
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_SWAP_ATTEMPTS = 10
_RETIRED = ".retired"


def write_whole(path: Path, text: str) -> None:
    """Write a text file (UTF-8) so that readers find the old one or the whole new one.

    What breaks the writing off leaves the old file; only a kill can leave a hidden draft beside it.
    """
    write_whole_bytes(path, text.encode())


def write_whole_bytes(path: Path, content: bytes) -> None:
    """As `write_whole`, for what is no text."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with draft.open("xb") as stream:
            stream.write(content)
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


def swap_folder(new: Path, place: Path) -> None:
    """Put a finished folder in the place of another one, or where nothing is.

    A folder that is not empty cannot be renamed over, so that for a moment nothing is in its
    place: the old folder has the name `.NAME.retired` until the new one is there. After a kill in
    that moment `recover_folder` brings the old one back. All lie on one file system.
    """
    retired = _retired(place)
    for attempt in range(1, _SWAP_ATTEMPTS + 1):
        recover_folder(place)
        try:
            if place.exists():
                shutil.rmtree(retired, ignore_errors=True)
                place.rename(retired)
            new.rename(place)
            break
        except OSError as error:
            recover_folder(place)
            # Somebody who looked in that moment has brought the old folder back.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _SWAP_ATTEMPTS:
                raise
    shutil.rmtree(retired, ignore_errors=True)
    sync(place.parent)


def recover_folder(place: Path) -> None:
    """Bring back the folder that a swap had taken away when it was killed."""
    if not place.exists() and _retired(place).is_dir():
        with suppress(OSError):  # then nothing is there, which the caller says better
            _retired(place).rename(place)


def recover_folders(parent: Path) -> None:
    """`recover_folder` for whatever belongs into `parent`."""
    for retired in parent.glob(f".*{_RETIRED}"):
        recover_folder(parent / retired.name.removesuffix(_RETIRED).removeprefix("."))


def _retired(place: Path) -> Path:
    return place.with_name(f".{place.name}{_RETIRED}")


def sha256_of(path: Path) -> str:
    """Checksum of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def held(lock: Path, *, otherwise: Exception, wait_s: float = 0.0) -> Iterator[None]:
    """Hold a lock file; the kernel lets go of it when the process dies.

    Args:
        lock: The file; made if it is not there.
        otherwise: Raised where another process holds it.
        wait_s: How long to wait for it, since `is_held` shares it with other lookers for a moment.
    """
    file_lock = FileLock(lock, timeout=wait_s)
    try:
        file_lock.acquire()
    except Timeout:
        raise otherwise from None
    try:
        yield
    finally:
        file_lock.release()


def is_held(lock: Path) -> bool:
    """Whether a process holds the lock file.

    The look asks for a share of the lock, which others who look can have at the same time.
    """
    try:
        descriptor = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)  # with its share
    return False
