"""The folders of a source down to a small depth: which there are, and what stands in them."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import Pattern

from algr.data.adapters.collect import Collector, one_line
from algr.data.presence import why_no_file
from algr.errors import DataError

_DEPTH = 4
_MAX_FOLDERS = 2000


@dataclass(frozen=True, kw_only=True)
class Folder:
    """A folder and the names in it, sorted."""

    path: Path
    folders: tuple[str, ...]
    files: tuple[str, ...]
    broken: tuple[str, ...] = ()
    """Links that lead nowhere."""

    def matching_folders(self, pattern: Pattern[str]) -> tuple[str, ...]:
        """Names of subfolders that match as a whole."""
        return tuple(name for name in self.folders if pattern.fullmatch(name))

    def matching_files(self, pattern: Pattern[str]) -> tuple[str, ...]:
        """Names of files that match as a whole."""
        return tuple(name for name in self.files if pattern.fullmatch(name))


def list_folder(path: Path) -> Folder:
    """The names in one folder; hidden ones are left out.

    Raises:
        OSError: It cannot be read.
    """
    folders, files, broken = [], [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                is_folder, is_file = entry.is_dir(), entry.is_file()
            except OSError:  # a link to itself
                is_folder = is_file = False
            if is_folder:
                folders.append(entry.name)
            elif is_file:
                files.append(entry.name)
            elif entry.is_symlink():
                broken.append(entry.name)
    return Folder(
        path=path,
        folders=tuple(sorted(folders)),
        files=tuple(sorted(files)),
        broken=tuple(sorted(broken)),
    )


def report_no_files(
    folder: Folder, *, are_meant: Callable[[str], object], findings: Collector
) -> None:
    """Warn of folders and broken links whose names are those of files.

    Args:
        folder: Where files are expected.
        are_meant: Whether a name is that of such a file.
        findings: Takes what is wrong.
    """
    for name in (*folder.folders, *folder.broken):
        if are_meant(name):
            path = folder.path / name
            findings.warn("no_file", f"{why_no_file(path)}; it is not used", at=path)


def scan_folders(
    source: Path, *, leaves: Pattern[str], findings: Collector | None = None
) -> tuple[Folder, ...]:
    """The source and its subfolders, the uppermost first; each real folder once.

    Args:
        source: Where to begin.
        leaves: Names of folders that hold the data of one subject: they are not entered.
        findings: Told of folders that cannot be read.

    Raises:
        DataError: The source itself cannot be read.
    """
    found: list[Folder] = []
    seen: set[str] = set()
    level = [source]
    for _ in range(_DEPTH):
        below: list[Path] = []
        for path in level:
            real = os.path.realpath(path)
            if real in seen or len(found) >= _MAX_FOLDERS:
                continue
            seen.add(real)
            folder = _listed(path, source=source, findings=findings)
            if folder:
                found.append(folder)
                below += [path / name for name in folder.folders if not leaves.fullmatch(name)]
        level = below
    return tuple(found)


def _listed(path: Path, *, source: Path, findings: Collector | None) -> Folder | None:
    try:
        return list_folder(path)
    except OSError as error:
        if path == source:
            raise DataError(
                f"--source {source}: {error.strerror or error}",
                expected="a folder that can be read",
                advice="name the folder that holds the data set",
            ) from error
        if findings:
            findings.warn(
                "folder_unreadable", f"cannot be read ({error.strerror or error})", at=path
            )
        return None


def folder_named(folders: Iterable[Folder], pattern: Pattern[str]) -> tuple[Folder, ...]:
    """Those whose own name matches as a whole."""
    return tuple(folder for folder in folders if pattern.fullmatch(folder.path.name))


def names_in_words(names: Sequence[str], *, limit: int = 12) -> str:
    """A list of names for a message, cut where it is long."""
    shown = ", ".join(one_line(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown
