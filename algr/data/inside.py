"""Whether what a manifest names lies below its folder.

A folder that holds all of its files can be copied, examined and purged as one, and gives the same
dataset elsewhere; and a manifest from somebody else names no file of yours.
"""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

EXPECTED = "a path below the folder"
ADVICE = (
    "copy or move the file there, or put the manifest into a folder that is above it and name the "
    "path from there"
)


def goes_outside(name: str) -> bool:
    """Whether a path, with slashes, names nothing below the folder, as far as its text tells."""
    path = PurePosixPath(name)
    is_folder_itself = bool(name) and not path.parts
    is_up = path.is_absolute() or ".." in path.parts
    return is_folder_itself or is_up or bool(PureWindowsPath(name).drive)


class Links:
    """Finds links that lead out of a folder; the folder itself may be reached through one.

    Args:
        folder: The folder.
    """

    def __init__(self, folder: Path) -> None:
        self._root = Path(os.path.realpath(folder))
        self._leave: dict[Path, bool] = {}

    def lead_out(self, path: Path) -> bool:
        """Whether the file, or a folder on the way to it, is a link to somewhere else."""
        parent = path.parent
        if parent not in self._leave:
            self._leave[parent] = self._is_elsewhere(parent)
        return self._leave[parent] or (_is_link(path) and self._is_elsewhere(path))

    def _is_elsewhere(self, path: Path) -> bool:
        return not Path(os.path.realpath(path)).is_relative_to(self._root)


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # such as a name that is too long; what reads the file says so
        return False
