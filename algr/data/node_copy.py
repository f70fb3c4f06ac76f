"""The dataset of a job on the machine on which a worker runs: one verified copy per machine.

A worker is told where the command has the dataset, and its place if it was named by one. On a
machine that does not see that folder, or keeps copies of its own, the first worker pulls the
dataset under a lock; the others wait for it and open the same files.
"""

import os
from pathlib import Path

from algr.config import DataHome
from algr.data.description import DESCRIPTION_FILE, Description
from algr.data.remote import pull_dataset
from algr.data.store import PreparedDataset

NODE_CACHE = "ALGR_NODE_CACHE"
"""Folder of a machine for its copies; where it is set, they are read in any case."""
_DEFAULT = Path("~/.cache/algr")
_NAME_LENGTH = 24


def open_on_node(directory: Path, *, place: str, fingerprint: str) -> PreparedDataset:
    """Open the dataset in the folder of the command, or a copy of this machine's own.

    Args:
        directory: Where the machine that was typed on has it.
        place: What it was named by there, such as s3://lab/bp4d; empty if by its name.
        fingerprint: Of the dataset.

    Raises:
        DataError: The folder is not seen here and the place cannot be reached, or holds another
            dataset now.
        IntegrityError: A file at the place is damaged.
    """
    if place and (os.environ.get(NODE_CACHE) or not (directory / DESCRIPTION_FILE).is_file()):
        directory = _copy_of(place, fingerprint=fingerprint)
    return PreparedDataset.open(directory)


def _copy_of(place: str, *, fingerprint: str) -> Path:
    """The folder of this machine's copy; it is made if it is not there."""
    cache = DataHome(Path(os.environ.get(NODE_CACHE) or _DEFAULT).expanduser().absolute())
    name = fingerprint[:_NAME_LENGTH]
    directory = cache.dataset(name)
    if not _is_here(directory, fingerprint=fingerprint):
        pull_dataset(cache, place, name=name, replace=True)
    return directory


def _is_here(directory: Path, *, fingerprint: str) -> bool:
    is_there = (directory / DESCRIPTION_FILE).is_file()
    return is_there and Description.read(directory).fingerprint == fingerprint
