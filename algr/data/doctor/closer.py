"""Copies of recordings among the sampled pictures; where there may be one, more are looked at."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from algr.data.adapters import ImageFiles, Recording
from algr.data.doctor.copies import alike_footage
from algr.data.doctor.duplicates import SharedFootage, worst_first
from algr.data.doctor.pictures import Seen, look
from algr.data.doctor.sampling import MAX_VIDEO_FRAMES, Sample
from algr.data.identity import composed
from algr.data.sketch import Sketches, frames_apart

_MOST_AGAIN = 12
"""Recordings that are looked at again."""


def find_copies(
    seen: Sequence[Seen],
    recordings: Sequence[Recording],
    *,
    left_out: Collection[str],
    jobs: int,
    tick: Callable[[int, int], None],
) -> list[SharedFootage]:
    """Recordings of different subjects that have pictures in common; see `alike_footage`.

    Args:
        seen: The sampled pictures.
        recordings: Of the source.
        left_out: Names of recordings that are not used, and so no matter.
        jobs: Threads that decode.
        tick: Told how many of how many more pictures are decoded.
    """
    used = [picture for picture in seen if recordings[picture.recording].name not in left_out]
    found = alike_footage(_sketches_of(used), recordings)
    again = _in_doubt(found, recordings)
    samples = [_as_prepared(position, recordings[position]) for position in again]
    expected = sum(len(sample.rows) for sample in samples)
    closer = look(samples, recordings, jobs=jobs, tick=lambda done: tick(done, expected))
    better = {
        (item.first, item.second): item for item in alike_footage(_sketches_of(closer), recordings)
    }
    return worst_first([better.get((item.first, item.second), item) for item in found], recordings)


def _sketches_of(seen: Sequence[Seen]) -> dict[int, Sketches]:
    of_recording: dict[int, list[Seen]] = defaultdict(list)
    for picture in seen:
        if picture.whole_SS is not None:
            of_recording[picture.recording].append(picture)
    return {
        position: Sketches.of(
            (picture.whole_SS, picture.face_4)
            for picture in sorted(pictures, key=lambda picture: picture.row)
            if picture.whole_SS is not None and picture.face_4 is not None
        )
        for position, pictures in of_recording.items()
    }


def _in_doubt(found: Sequence[SharedFootage], recordings: Sequence[Recording]) -> list[int]:
    """Recordings that may have more in common than the few pictures tell."""
    positions = [
        position
        for item in found
        if not item.is_sure and not _is_one_group(item, recordings)
        for position in (item.first, item.second)
    ]
    return sorted(dict.fromkeys(positions[:_MOST_AGAIN]))


def _is_one_group(item: SharedFootage, recordings: Sequence[Recording]) -> bool:
    one, other = recordings[item.first], recordings[item.second]
    return bool(one.group) and composed(one.group) == composed(other.group)


def _as_prepared(position: int, recording: Recording) -> Sample:
    """As many frames as the preparation compares, but of a video its beginning alone."""
    count = len(recording.number_N)
    if not isinstance(recording.pictures, ImageFiles):
        count = int((recording.pictures.index_N < MAX_VIDEO_FRAMES).sum())
    rows = tuple(range(0, count, frames_apart(count)))
    return Sample(recording=position, rows=rows, fast=())
