"""Pictures that stand in a source twice: the same files, and the same footage under two names.

Frames that follow each other are alike by nature, and so are those of one person in one room;
only what is the same between two recordings counts. Whether two recordings show one *person* is
not told here: that needs a model of faces.

Shape suffixes: P = pictures, D = grey values of a thumbnail.
"""

from collections import Counter, defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import ImageFiles, Recording
from algr.data.doctor.pictures import FileScan, Seen

HASH_BITS = 64
RADIUS = 12
"""Bits in which hashes of one picture differ after it was scaled and encoded again, at most."""
SAME_PICTURE = 0.985
"""Correlation of thumbnails from which on two pictures are one."""
_MIN_SHARED = 2
_MAX_FACE_GAP = 0.01


@dataclass(frozen=True, kw_only=True)
class SharedFootage:
    """Two recordings with pictures in common."""

    first: int
    second: int
    """Positions of the recordings."""
    pictures: int
    """Pairs of pictures that are the same."""
    examples: tuple[str, str]
    """A file of each."""
    is_exact: bool
    """The files are equal byte by byte, over all files; else alike, among the sampled ones."""


def difference_hash(thumb_SS: NDArray[np.floating]) -> int:
    """64 bits: whether each of 8 x 9 mean grey values is less than its right neighbour."""
    rows = np.array_split(np.asarray(thumb_SS, np.float64), 8, axis=0)
    cells = np.array([[part.mean() for part in np.array_split(row, 9, axis=1)] for row in rows])
    bits = (cells[:, 1:] > cells[:, :-1]).ravel()
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


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
    return _worst_first(shared, recordings), surplus


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


def alike_footage(seen: Sequence[Seen], recordings: Sequence[Recording]) -> list[SharedFootage]:
    """Sampled pictures of different subjects that are one picture, whatever its size and coding."""
    usable = [picture for picture in seen if picture.whole_SS is not None]
    if len(usable) < 2:
        return []
    wholes = [picture.whole_SS for picture in usable if picture.whole_SS is not None]
    hash_P = np.array([difference_hash(whole) for whole in wholes], np.uint64)
    thumb_PD = _normalised(np.array([whole.ravel() for whole in wholes]))
    subject_P = np.array([recordings[picture.recording].subject for picture in usable])
    found: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for place in range(len(usable) - 1):
        others = np.arange(place + 1, len(usable))
        others = others[subject_P[others] != subject_P[place]]
        near = others[np.bitwise_count(hash_P[others] ^ hash_P[place]) <= RADIUS]
        same = near[thumb_PD[near] @ thumb_PD[place] >= SAME_PICTURE]
        for other in same.tolist():
            if _faces_agree(usable[place], usable[other]):
                ends = sorted((usable[place].recording, usable[other].recording))
                found[ends[0], ends[1]].append((place, other))
    shared = []
    for (first, second), pairs in sorted(found.items()):
        pictures = min(len({a for a, _ in pairs}), len({b for _, b in pairs}))
        if pictures < _MIN_SHARED:
            continue
        place, other = pairs[0]
        if usable[place].recording != first:
            place, other = other, place
        shared.append(
            SharedFootage(
                first=first,
                second=second,
                pictures=pictures,
                examples=(usable[place].file, usable[other].file),
                is_exact=False,
            )
        )
    return _worst_first(shared, recordings)


def _faces_agree(one: Seen, other: Seen) -> bool:
    """Two people in one room give alike pictures, but not alike faces."""
    from algr.data.doctor.calibrate import correlation

    if one.face_SS is None or other.face_SS is None:
        return True
    return correlation(one.face_SS, other.face_SS) >= 1.0 - _MAX_FACE_GAP


def _normalised(rows_PD: NDArray[np.floating]) -> NDArray[np.float64]:
    centred = rows_PD.astype(np.float64) - rows_PD.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(length > 0, length, 1.0))


def _worst_first(
    shared: Sequence[SharedFootage], recordings: Sequence[Recording]
) -> list[SharedFootage]:
    return sorted(
        shared,
        key=lambda item: (
            recordings[item.first].subject == recordings[item.second].subject,
            -item.pictures,
            item.first,
        ),
    )
