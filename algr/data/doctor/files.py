"""The files of a source from outside: all are opened, of each recording one picture is decoded."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from algr.data.adapters import ImageFiles, Recording
from algr.data.adapters.collect import without_name
from algr.data.doctor.pictures import FileScan, picture_size, scan_files
from algr.data.video import iterate_video
from algr.errors import DataError


@dataclass(frozen=True, kw_only=True)
class SourceFiles:
    """What a look at all files says."""

    scan: FileScan
    """Of all that are there."""
    bad: Mapping[Path, str]
    """Files that cannot be used, with the reason."""
    sizes: Mapping[int, tuple[int, int]]
    """Position of a recording to the (height, width) of its first readable picture, displayed."""

    @property
    def count(self) -> int:
        """Number of files."""
        return self.scan.count

    def with_bad(self, bad: Mapping[Path, str]) -> "SourceFiles":
        """With files that turned out to be bad when more of them was decoded."""
        return replace(self, bad={**bad, **self.bad})


def files_of(recording: Recording) -> tuple[Path, ...]:
    """The files of a recording that are there."""
    pictures = recording.pictures
    if isinstance(pictures, ImageFiles):
        return pictures.paths
    return (pictures.path,) if pictures.path.is_file() else ()


def look_at_files(
    recordings: Sequence[Recording],
    *,
    jobs: int,
    tick: Callable[[int, int], None] = lambda *_: None,
) -> SourceFiles:
    """Open all files; told how many of how many are done."""
    paths = list(dict.fromkeys(path for part in recordings for path in files_of(part)))
    scan = scan_files(paths, jobs=jobs, tick=lambda done: tick(done, len(paths)))
    bad = dict(scan.problems)
    sizes: dict[int, tuple[int, int]] = {}
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        looks = pool.map(lambda recording: _first_picture(recording, bad), recordings)
        for position, (recording, look) in enumerate(zip(recordings, looks, strict=True)):
            if isinstance(look, str):
                bad |= dict.fromkeys(files_of(recording), look)
            elif look:
                sizes[position] = look
    return SourceFiles(scan=scan, bad=bad, sizes=sizes)


def _first_picture(recording: Recording, bad: Mapping[Path, str]) -> tuple[int, int] | str | None:
    """Height and width; or why the video cannot be read; None where no picture is readable."""
    pictures = recording.pictures
    if isinstance(pictures, ImageFiles):
        sizes = (picture_size(path) for path in pictures.paths if path not in bad)
        return next((size for size in sizes if size), None)
    if pictures.path in bad or not pictures.path.is_file():
        return None
    try:
        frame = next(iter(iterate_video(pictures.path, fps=None, threads=1)))
    except DataError as error:
        return without_name(error.found, pictures.path)
    height, width = frame.image_HWC.shape[:2]
    return height, width
