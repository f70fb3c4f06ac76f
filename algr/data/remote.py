"""Prepared datasets at a place that several machines see: object stores and shared folders.

A place is whatever `pyarrow.fs` opens: `s3://bucket/path`, `gs://bucket/path`, `file:///path`, or a
path. `dataset.json` is written last there and read first, and names every other file with its
checksum. A machine has one local copy, in its data home among the other datasets.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock

from algr.config import DataHome
from algr.data.datasets import open_dataset, verify_dataset
from algr.data.description import DESCRIPTION_FILE, Description, FileEntry
from algr.data.videos import VIDEOS_FILE
from algr.durable import recover_folder, sha256_of, swap_folder, sync
from algr.errors import AlgrError, DataError, IntegrityError

Progress = Callable[[int, int, str], None]
_CHUNK_BYTES = 8 * 2**20
_SECRET = re.compile(r"//[^/@\s]*@")


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What was copied, and what was there already."""

    name: str
    place: str
    """Without the credentials of its address."""
    fingerprint: str
    files_copied: int
    bytes_copied: int
    files_there: int


@dataclass(frozen=True, kw_only=True)
class _Place:
    """A folder of some file system."""

    files: Any
    path: str
    shown: str

    def at(self, name: str) -> str:
        return f"{self.path.rstrip('/')}/{name}"

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name


def is_place(text: str) -> bool:
    """Whether a dataset was named by where it lies, and not by its name."""
    return "://" in text or text.startswith(("/", "~/"))


def push_dataset(
    home: DataHome,
    name: str,
    uri: str,
    *,
    replace: bool = False,
    progress: Progress = lambda *_: None,
) -> Transfer:
    """Copy a dataset to a place; files that are there with the same size stay.

    Args:
        home: Where the dataset lies.
        name: Of the dataset.
        uri: The folder to be.
        replace: Replace another dataset that lies there.
        progress: Told bytes done, bytes in all, and the file.

    Raises:
        DataError: No such dataset, the place cannot be used, or another dataset lies there.
        IntegrityError: The dataset is damaged; nothing is copied.
    """
    directory = open_dataset(home, name).directory
    verify_dataset(directory)
    description = Description.read(directory)
    place = _place(uri)
    with _told(place):
        there = _remote_fingerprint(place)
        if there == description.fingerprint and not replace:
            return _transfer(place, name=name, fingerprint=there, copied=[], entries=description)
        if there is not None and not replace:
            raise DataError(
                f"{place.shown}: another dataset lies there, with the fingerprint {there[:12]}",
                expected="a folder that is new, or the same dataset",
                advice="choose another place, or replace it with --replace",
            )
        _begin_push(place, fingerprint=description.fingerprint)
        copied = _push_files(place, description, directory, progress=progress)
        place.files.delete_file(place.at(_marker(description.fingerprint)))
    return _transfer(
        place, name=name, fingerprint=description.fingerprint, copied=copied, entries=description
    )


def _marker(fingerprint: str) -> str:
    return f".push-{fingerprint[:16]}"


def _begin_push(place: _Place, *, fingerprint: str) -> None:
    """Leave only files of a push of the same dataset that was broken off.

    Its marker says so; without it all that a dataset may have there goes first, since files of
    another one may have the same names and sizes.
    """
    from pyarrow import fs

    place.files.create_dir(place.path, recursive=True)
    if place.files.get_file_info(place.at(_marker(fingerprint))).type == fs.FileType.File:
        return
    names = [info.base_name for info in place.files.get_file_info(fs.FileSelector(place.path))]
    if DESCRIPTION_FILE in names:
        place.files.delete_file(place.at(DESCRIPTION_FILE))
    for name in names:
        if name == VIDEOS_FILE or name.startswith(("frames-", ".push-")):
            place.files.delete_file(place.at(name))
    with place.files.open_output_stream(place.at(_marker(fingerprint))) as stream:
        stream.write(b"the files here belong to a copy that is not whole yet\n")


def _push_files(
    place: _Place, description: Description, directory: Path, *, progress: Progress
) -> list[FileEntry]:
    """Copy what is not there; `dataset.json`, which makes it a dataset, comes last."""
    from pyarrow import fs

    copied = []
    done, total = 0, _total_bytes(description)
    for entry in _entries(description):
        info = place.files.get_file_info(place.at(entry.file))
        if info.type != fs.FileType.File or info.size != entry.bytes:
            _copy(
                (directory / entry.file).open("rb"),
                place.files.open_output_stream(place.at(entry.file)),
                step=_step(progress, base=done, total=total, file=entry.file),
            )
            copied.append(entry)
        done += entry.bytes
    _copy(
        (directory / DESCRIPTION_FILE).open("rb"),
        place.files.open_output_stream(place.at(DESCRIPTION_FILE)),
        step=lambda _: None,
    )
    return copied


def pull_dataset(
    home: DataHome,
    uri: str,
    *,
    name: str | None = None,
    replace: bool = False,
    progress: Progress = lambda *_: None,
) -> Transfer:
    """Bring a dataset from a place into the data home, once however many processes ask for it.

    A file is kept when its checksum is right, so that a copy which was broken off goes on; the
    dataset appears whole, by one rename.

    Args:
        home: Where the copy is to lie.
        uri: The folder of the dataset.
        name: Of the copy; None for that of the folder.
        replace: Replace another dataset of that name.
        progress: Told bytes done, bytes in all, and the file.

    Raises:
        DataError: There is no dataset, the place cannot be used, or another one has the name.
        IntegrityError: A file is not what `dataset.json` says.
    """
    place = _place(uri)
    directory = home.dataset(name or place.name)
    directory.parent.mkdir(parents=True, exist_ok=True)
    download = directory.with_name(f".{directory.name}.download")
    with FileLock(directory.with_name(f".{directory.name}.download.lock")), _told(place):
        recover_folder(directory)
        download.mkdir(exist_ok=True)
        description = _fetch_description(place, download)
        if (directory / DESCRIPTION_FILE).exists():
            here = Description.read(directory).fingerprint
            if here == description.fingerprint:
                shutil.rmtree(download)
                return _transfer(
                    place, name=directory.name, fingerprint=here, copied=[], entries=description
                )
            if not replace:
                shutil.rmtree(download)
                raise DataError(
                    f"dataset {directory.name!r} is another one than that of {place.shown}",
                    expected="the same fingerprint, or a name that is free",
                    advice=f"give the copy a name: algr data pull {place.shown} --name NAME, or "
                    "replace the dataset with --replace",
                )
        copied = _fetch_files(place, description, download, progress=progress)
        sync(download)
        swap_folder(download, directory)
    return _transfer(
        place,
        name=directory.name,
        fingerprint=description.fingerprint,
        copied=copied,
        entries=description,
    )


def local_name(home: DataHome, dataset: str, *, progress: Progress = lambda *_: None) -> str:
    """The name of a dataset that was given by its name or by its place; a copy is made if needed.

    Raises:
        DataError: See `pull_dataset`.
    """
    if not is_place(dataset):
        return dataset
    return pull_dataset(home, dataset, progress=progress).name


def _place(uri: str) -> _Place:
    from pyarrow import ArrowException, fs

    shown = _SECRET.sub("//", uri)
    try:
        location = uri if "://" in uri else str(Path(uri).expanduser().absolute())
        files, path = fs.FileSystem.from_uri(location)
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(
            f"{shown}: cannot be opened ({_first_line(error)})",
            expected="s3://BUCKET/PATH, gs://BUCKET/PATH, file:///PATH or a path",
        ) from error
    return _Place(files=files, path=path, shown=urlsplit(shown)._replace(query="").geturl())


@contextmanager
def _told(place: _Place) -> Iterator[None]:
    """Errors of the file system as errors of the user's place."""
    from pyarrow import ArrowException

    try:
        yield
    except AlgrError:
        raise
    except (ArrowException, OSError) as error:
        raise DataError(
            f"{place.shown}: {_first_line(error)}",
            expected="a place that can be reached, with the right to read (and to write, for push)",
            advice="look at the address and the credentials (AWS_ACCESS_KEY_ID and so on); the "
            "same command goes on where this one stopped",
        ) from error


def _first_line(error: BaseException) -> str:
    return _SECRET.sub("//", (str(error).splitlines() or [type(error).__name__])[0])


def _remote_fingerprint(place: _Place) -> str | None:
    """Of the dataset that lies at the place; None where none is whole there."""
    import json

    from pyarrow import fs

    if place.files.get_file_info(place.at(DESCRIPTION_FILE)).type != fs.FileType.File:
        return None
    with place.files.open_input_stream(place.at(DESCRIPTION_FILE)) as source:
        try:
            values = json.loads(source.read())
        except ValueError:
            return ""
    return str(values.get("fingerprint", "")) if isinstance(values, dict) else ""


def _fetch_description(place: _Place, download: Path) -> Description:
    from pyarrow import fs

    if place.files.get_file_info(place.at(DESCRIPTION_FILE)).type != fs.FileType.File:
        raise DataError(
            f"{place.shown}: no {DESCRIPTION_FILE}",
            expected="the folder of a prepared dataset",
            advice=f"put one there: algr data push NAME {place.shown}",
        )
    _copy(
        place.files.open_input_stream(place.at(DESCRIPTION_FILE)),
        (download / DESCRIPTION_FILE).open("wb"),
        step=lambda _: None,
    )
    return Description.read(download)


def _fetch_files(
    place: _Place, description: Description, download: Path, *, progress: Progress
) -> list[FileEntry]:
    copied = []
    done, total = 0, _total_bytes(description)
    for entry in _entries(description):
        path = download / entry.file
        if not _is_intact(path, entry):
            partial = download / f"{entry.file}.part"
            _copy(
                place.files.open_input_stream(place.at(entry.file)),
                partial.open("wb"),
                step=_step(progress, base=done, total=total, file=entry.file),
            )
            if not _is_intact(partial, entry):
                partial.unlink()
                raise IntegrityError(
                    f"{place.shown}/{entry.file}: is not what {DESCRIPTION_FILE} says",
                    expected=f"{entry.bytes} bytes with the checksum {entry.sha256[:12]}",
                    advice="push the dataset there again with --replace",
                )
            partial.replace(path)
            sync(path)
            copied.append(entry)
        done += entry.bytes
        progress(done, total, entry.file)
    wanted = {DESCRIPTION_FILE, *(entry.file for entry in _entries(description))}
    for path in download.iterdir():  # of a dataset that lay there before
        if path.name not in wanted:
            path.unlink()
    return copied


def _is_intact(path: Path, entry: FileEntry) -> bool:
    return path.is_file() and path.stat().st_size == entry.bytes and sha256_of(path) == entry.sha256


def _step(progress: Progress, *, base: int, total: int, file: str) -> Callable[[int], None]:
    """Tells bytes of one file as bytes of all."""

    def step(count: int) -> None:
        progress(base + count, total, file)

    return step


def _copy(source: Any, target: Any, *, step: Callable[[int], None]) -> None:
    """From one stream to another; both are closed."""
    count = 0
    with source, target:
        while chunk := source.read(_CHUNK_BYTES):
            target.write(chunk)
            count += len(chunk)
            step(count)


def _entries(description: Description) -> tuple[FileEntry, ...]:
    for entry in (*description.shards, description.videos):
        if PurePosixPath(entry.file).name != entry.file or entry.file.startswith("."):
            raise IntegrityError(
                f"{DESCRIPTION_FILE} names the file {entry.file!r}",
                expected="files of its own folder",
                advice="do not use this dataset",
            )
    return (*description.shards, description.videos)


def _total_bytes(description: Description) -> int:
    return sum(entry.bytes for entry in _entries(description))


def _transfer(
    place: _Place,
    *,
    name: str,
    fingerprint: str,
    copied: list[FileEntry],
    entries: Description,
) -> Transfer:
    return Transfer(
        name=name,
        place=place.shown,
        fingerprint=fingerprint,
        files_copied=len(copied),
        bytes_copied=sum(entry.bytes for entry in copied),
        files_there=len(_entries(entries)) - len(copied),
    )
