"""What a preparation that is refused takes back: nothing that was not there before stays."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from algr.errors import AlgrError, DataError, Interrupted


class BrokenOffError(DataError):
    """Room or memory was short: the same command goes on where this one stood."""


RESUMABLE = (Interrupted, BrokenOffError)
"""Errors after which finished work is kept; all others are refusals."""


@contextmanager
def no_folders_after_refusal(*folders: Path) -> Iterator[None]:
    """Remove those of the folders and of their parents that were made within and are empty."""
    chain = {path for folder in folders for path in (folder, *folder.parents)}
    absent = [path for path in chain if not path.exists()]
    try:
        yield
    except RESUMABLE:
        raise
    except AlgrError:
        for path in sorted(absent, key=lambda path: len(path.parts), reverse=True):
            with suppress(OSError):  # somebody else has put something into it
                path.rmdir()
        raise
