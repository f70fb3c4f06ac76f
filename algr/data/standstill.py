"""Frames of a video that show the picture before them once more.

A frame that a camera or a converter has repeated is not equal to the one before it once it went
through a codec: what is left of the codec's noise is corrected, and every dozen frames the picture
is coded anew. It differs by that noise alone, while frames before and after it differ by the
sensor's noise and by what moves. So a frame is held against its own video: it repeats where the
difference drops, from one frame to the next and by a factor, below what is usual there, and comes
back. A face that keeps still does not: it comes to rest over some frames, and noise and breath
stay.

Shape suffixes: N = frames, H, W = rows, columns.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK = 16
"""Side of the squares whose mean differences are compared, pixels; of every second row."""
MOST_GREY = 4.0
"""Mean difference in the square that differs most, grey values, of a frame that repeats."""
MOST_OF_USUAL = 0.33
"""The same, as a share of the video's median."""
MOST_OF_EDGES = 0.35
"""The same, as a share of the lesser of the differences just before and just after."""
MOST_OF_BOTH = 0.28
"""Geometric mean of these two shares; simulated faces in motion reach 0.31."""
_LEAST_EDGE = 3.0
"""Differences just before and after, at least, and their median; grey values."""
STANDSTILL_VERSION = 1
"""Raised whenever other frames of the same video would be taken for repeats."""
_LONG = 12
"""Repeated frames in a row from which on more is asked, as for those at an end of the video."""
CONVERGED_GREY = 0.6
"""Median of the differences within a long standstill, at most; a face at rest moves more."""


@dataclass(frozen=True, kw_only=True)
class Standstill:
    """Frames in a row that all show the picture of the frame before the first of them."""

    first: int
    last: int
    """0-based places in the video."""

    def __len__(self) -> int:
        """Number of repeated frames."""
        return self.last - self.first + 1


class StandstillMeter:
    """Takes the frames of a video one by one; remembers one of them and a number for each."""

    def __init__(self) -> None:
        self._before: NDArray[np.uint8] | None = None
        self._changes: list[float] = []

    @property
    def frames(self) -> int:
        """Frames that were taken."""
        return len(self._changes)

    def add(self, grey_HW: NDArray[np.uint8]) -> None:
        """Compare the next frame with the one before.

        Args:
            grey_HW: Its brightness; is read at once and not kept.
        """
        rows_HW = grey_HW[::2].copy()
        before, self._before = self._before, rows_HW
        if before is None:
            self._changes.append(np.inf)
        elif before.shape != rows_HW.shape:
            self._changes.append(255.0)
        else:
            self._changes.append(largest_change(before, rows_HW))

    def found(self) -> tuple[Standstill, ...]:
        """The standstills among the frames so far, in order."""
        return find_standstills(self._changes[1:])


def largest_change(one_HW: NDArray[np.uint8], other_HW: NDArray[np.uint8]) -> float:
    """Mean absolute difference in the block, 8 x 16, that differs most; grey values."""
    height = max(1, _BLOCK // 2)
    rows, columns = (max(1, one_HW.shape[0] // height), max(1, one_HW.shape[1] // _BLOCK))
    one_HW, other_HW = (
        picture[: rows * height, : columns * _BLOCK] for picture in (one_HW, other_HW)
    )
    difference_HW = np.maximum(one_HW, other_HW) - np.minimum(one_HW, other_HW)
    if one_HW.shape != (rows * height, columns * _BLOCK):
        return float(difference_HW.mean())  # smaller than a block
    summed = np.add.reduce(difference_HW.reshape(rows, height, -1), axis=1, dtype=np.uint16)
    blocks = summed.reshape(rows, columns, _BLOCK).sum(axis=2, dtype=np.uint32)
    return float(blocks.max()) / (height * _BLOCK)


def find_standstills(changes: Sequence[float]) -> tuple[Standstill, ...]:
    """Standstills by the differences of frames 1, 2, … of a video from the frame before each."""
    change_N = np.asarray(changes, np.float64)
    if len(change_N) and not change_N.any():
        return (Standstill(first=1, last=len(change_N)),)
    moving = change_N[change_N > CONVERGED_GREY]
    usual = float(np.median(moving)) if len(moving) else 0.0
    if usual < _LEAST_EDGE:
        return ()  # hardly anything moves: a codec alone makes such frames equal
    limit = min(MOST_GREY, MOST_OF_USUAL * usual)
    found = []
    for start, stop in _stretches(change_N <= limit):
        before = change_N[start - 1] if start else np.inf
        after = change_N[stop] if stop < len(change_N) else np.inf
        edge = min(before, after)
        inside_N = change_N[start:stop]
        is_sharp = edge >= _LEAST_EDGE and _drops(float(inside_N.max()), edge=edge, usual=usual)
        is_short = stop - start <= _LONG and start > 0 and stop < len(change_N)
        if is_sharp and (is_short or np.median(inside_N) <= CONVERGED_GREY):
            found.append(Standstill(first=start + 1, last=stop))
    return tuple(found)


def _drops(most: float, *, edge: float, usual: float) -> bool:
    return most <= MOST_OF_EDGES * edge and most * most <= MOST_OF_BOTH**2 * edge * usual


def _stretches(is_low_N: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop of each run of true values."""
    steps = np.diff(np.concatenate([[0], is_low_N.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist()
    return list(zip(starts, stops, strict=True))


def count_repeated(found: Sequence[Standstill]) -> int:
    """Frames that repeat the one before."""
    return sum(len(standstill) for standstill in found)


def standstill_words(found: Sequence[Standstill], *, frames: int, shown: int = 6) -> str:
    """How many frames repeat the one before, and which; frames of the video count from 0."""
    count = count_repeated(found)
    ranges = [
        f"{part.first}" if len(part) == 1 else f"{part.first}-{part.last}" for part in found[:shown]
    ]
    more = " and others" if len(found) > shown else ""
    do = "repeats" if count == 1 else "repeat"
    return (
        f"{count} of {frames} frames {do} the picture before: {', '.join(ranges)}{more} "
        "(the first frame is 0)"
    )


def standstill_warnings(
    meter: StandstillMeter, *, sampled: Collection[int], are_kept: bool
) -> tuple[str, ...]:
    """What a preparation says of a video's repeated frames: one line, or none.

    Args:
        meter: Has taken all frames of the video.
        sampled: 0-based places of the frames that the preparation takes from it.
        are_kept: Repeated ones are taken like the others.
    """
    found = meter.found()
    if not found:
        return ()
    count = len(repeated_places(found).intersection(sampled))
    fate = "kept" if are_kept else "left out"
    if count == count_repeated(found):
        told = f"they are {fate}"
    elif not count:
        told = "none of them was sampled"
    else:
        told = f"of these, {count} {'was' if count == 1 else 'were'} sampled and {fate}"
    return (f"{standstill_words(found, frames=meter.frames)}; {told}",)


def repeated_places(found: Sequence[Standstill]) -> frozenset[int]:
    """0-based places, in the video, of the frames that repeat the one before."""
    return frozenset(place for part in found for place in range(part.first, part.last + 1))
