"""Files that stand in a source twice; see `copies` for pictures that are alike.

Frames that follow each other are alike by nature, and so are those of one person in one room;
only what is the same between two recordings counts. Whether two recordings show one *person* is
not told here: that needs a model of faces.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algr.data.adapters import ImageFiles, Recording
from algr.data.doctor.pictures import FileScan


@dataclass(frozen=True, kw_only=True)
class SharedFootage:
    """Two recordings with pictures in common."""

    first: int
    second: int
    """Positions of the recordings."""
    pictures: int
    """Pairs of pictures that are the same."""
    examples: tuple[str, str] = ("", "")
    """A file of each, where files are equal."""
    is_exact: bool
    """The files are equal byte by byte, over all files; else alike, among the sampled ones."""
    with_face: int = 0
    """Of pictures that are alike, those with landmarks."""
    of_shorter: int = 0
    """Pictures with landmarks that were compared, of the recording that has fewer."""
    is_sure: bool = False
    """So many are alike that it is no chance."""


def exact_footage(
    scan: FileScan, recordings: Sequence[Recording], *, bad: Container[Path] = ()
) -> tuple[list[SharedFootage], Counter[int]]:
    """Equal files of different recordings, and the number of surplus files of each recording.

    A picture without landmarks is nobody's, such as a black one. Of a video the same frames must
    be meant, and none of it excluded: the rest may show somebody else.

    Args:
        scan: All files.
        recordings: Whose they are.
        bad: Files that show nobody, as they cannot be read.
    """
    owners: dict[Path, list[int]] = defaultdict(list)
    for position, recording in enumerate(recordings):
        for path in _paths_of(recording):
            owners[path].append(position)
    whose = {position: _faces_of(recording) for position, recording in enumerate(recordings)}
    pairs: Counter[tuple[int, int]] = Counter()
    examples: dict[tuple[int, int], tuple[str, str]] = {}
    surplus: Counter[int] = Counter()
    twins = {path for group in scan.twins for path in group}
    alone = [(path,) for path, owned in owners.items() if len(owned) > 1 and path not in twins]
    for group in (*scan.twins, *alone):
        by_recording: dict[int, Path] = {}
        for path in group:
            for position in owners[path]:
                if position in by_recording:
                    surplus[position] += 1
                by_recording.setdefault(position, path)
        faces = sorted(
            i for i, path in by_recording.items() if path in whose[i] and path not in bad
        )
        for place, first in enumerate(faces):
            for second in faces[place + 1 :]:
                if _frames_meet(recordings[first], recordings[second]):
                    pairs[first, second] += 1
                    examples.setdefault(
                        (first, second), (str(by_recording[first]), str(by_recording[second]))
                    )
    shared = [
        SharedFootage(
            first=first,
            second=second,
            pictures=count,
            examples=examples[first, second],
            is_exact=True,
        )
        for (first, second), count in sorted(pairs.items())
    ]
    return worst_first(shared, recordings), surplus


def _paths_of(recording: Recording) -> tuple[Path, ...]:
    pictures = recording.pictures
    return pictures.paths if isinstance(pictures, ImageFiles) else (pictures.path,)


def _faces_of(recording: Recording) -> frozenset[Path]:
    """Files that show the subject's face."""
    pictures = recording.pictures
    if not isinstance(pictures, ImageFiles):
        return frozenset() if recording.is_part else frozenset([pictures.path])
    if recording.landmarks_NL2 is None:
        return frozenset()
    whole_N = np.isfinite(recording.landmarks_NL2).all(axis=(1, 2))
    return frozenset(pictures.paths[row] for row in np.flatnonzero(whole_N).tolist())


def _frames_meet(one: Recording, other: Recording) -> bool:
    if isinstance(one.pictures, ImageFiles) or isinstance(other.pictures, ImageFiles):
        return True
    frames = one.pictures.index_N, other.pictures.index_N
    return not min(map(len, frames)) or bool(np.isin(*frames).any())


def worst_first(
    shared: Sequence[SharedFootage], recordings: Sequence[Recording]
) -> list[SharedFootage]:
    """Those of different subjects first, and of these the ones with most pictures."""
    return sorted(
        shared,
        key=lambda item: (
            recordings[item.first].subject == recordings[item.second].subject,
            -item.pictures,
            item.first,
        ),
    )
