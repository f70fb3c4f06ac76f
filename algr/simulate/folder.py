"""The folder of a simulation: its marker, and recordings written one by one until all are there."""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

from algr.errors import DataError
from algr.simulate.video import write_text

MARKER = "simulated.json"
Recording = TypeVar("Recording")
Progress = Callable[[int, int], None]
"""Called with (recordings done, recordings in all)."""


@dataclass(frozen=True, kw_only=True)
class SimulationSummary:
    """What a simulation leaves behind.

    Attributes:
        directory: Where it lies.
        subjects: Number of people, by the names that they go by.
        videos: Number of recordings: videos, or sequences of pictures.
        written: Recordings made by this call; 0 when the simulation was complete before.
        frames: Frames in all recordings.
        planted: Trap to what was planted for it, as the marker says it.
    """

    directory: Path
    subjects: int
    videos: int
    written: int
    frames: int
    planted: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


def is_simulation(directory: Path) -> bool:
    """Whether a folder was written by a simulator, finished or not."""
    return (directory / MARKER).is_file()


def claim(out: Path, marker: Mapping[str, object]) -> None:
    """Make the folder ours, or find that it is ours already.

    Raises:
        DataError: The folder holds something else.
    """
    path = out / MARKER
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file", expected="a new or empty folder")
    if out.is_dir() and any(out.iterdir()):
        if not path.is_file():
            raise DataError(
                f"{out} is not empty and holds no simulation",
                expected="a new or empty folder",
                advice="name another folder",
            )
        found = read_marker(path)
        if found != marker:
            keys = dict.fromkeys((*marker, *found))
            changed = [
                f"{key}: {found.get(key)!r} there, {marker.get(key)!r} asked for"
                for key in keys
                if found.get(key) != marker.get(key)
            ]
            raise DataError(
                f"{out} holds another simulation",
                problems=changed,
                expected="a new or empty folder, or one with the same parameters",
                advice="name another folder, or ask for the same parameters",
            )
        return
    out.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(marker, indent=2) + "\n")


def record_all(
    missing: Sequence[Recording],
    record: Callable[[Recording], object],
    *,
    of: int,
    jobs: int,
    progress: Progress | None,
) -> None:
    """Make the recordings that are missing.

    Args:
        missing: Each names all that it is made from, so that the order does not matter.
        record: Makes one; the file that tells that it is there comes last.
        of: Number of all recordings, with those that are there.
        jobs: Processes.
        progress: Told after each one.
    """
    done = of - len(missing)

    def tell() -> None:
        if progress is not None:
            progress(done, of)

    tell()
    if jobs == 1 or len(missing) < 2:
        for recording in missing:
            record(recording)
            done += 1
            tell()
        return
    with ProcessPoolExecutor(min(jobs, len(missing)), mp_context=get_context("spawn")) as pool:
        for future in as_completed([pool.submit(record, recording) for recording in missing]):
            future.result()
            done += 1
            tell()


def read_marker(path: Path) -> dict[str, object]:
    """What the marker says.

    Raises:
        DataError: It cannot be read.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read: {error}",
            expected="the marker that a simulation writes",
            advice="name another folder",
        ) from error
    return found if isinstance(found, dict) else {}
