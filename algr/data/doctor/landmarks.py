"""Landmarks that are missing or cannot be those of a face; every frame is looked at.

Shape suffixes: N = frames of a recording, L = landmarks (49), 2 = x, y.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import Recording
from algr.data.align import MIN_INTER_OCULAR_PX
from algr.data.usable import NO_POINTS, OUTSIDE, REFLECTED, TOO_SMALL, face_problems
from algr.faces import LEFT_EYE, RIGHT_EYE

KINDS = ("missing", "outside", "swapped_eyes", "tiny", "jump")
MEANING = {
    "missing": "points missing",
    "outside": "more than half of the points outside of the picture",
    "swapped_eyes": "left and right exchanged, or x and y",
    "tiny": f"eye centres less than {MIN_INTER_OCULAR_PX:g} pixels apart",
    "jump": "the face jumps by more than half its eye distance from one frame to the next",
}
_JUMP = 0.5
_KIND_OF = {NO_POINTS: "missing", OUTSIDE: "outside", REFLECTED: "swapped_eyes", TOO_SMALL: "tiny"}


@dataclass(frozen=True, kw_only=True)
class LandmarkTrouble:
    """Frames of one recording with one kind of trouble."""

    recording: str
    kind: str
    frames: int
    first: int
    """Number of the first such frame."""


@dataclass(frozen=True, kw_only=True)
class LandmarkReport:
    """The landmarks of all recordings."""

    frames: int
    """With landmarks, all points of them; with those that miss points and those without: all."""
    without: int
    """Frames of recordings that have no landmark file at all."""
    counts: dict[str, int]
    """Kind of trouble to number of frames."""
    worst: tuple[LandmarkTrouble, ...]
    """By number of frames."""
    eye_distance_px: tuple[float, float, float] | None
    """Least, median and largest, without trouble."""


def inspect_landmarks(
    recordings: Sequence[Recording], sizes: Mapping[int, tuple[int, int]]
) -> LandmarkReport:
    """Check each frame's points.

    Args:
        recordings: With or without landmarks.
        sizes: Position of a recording to (height, width) of its pictures, where known.
    """
    troubles: list[LandmarkTrouble] = []
    counts = dict.fromkeys(KINDS, 0)
    frames = without = 0
    distances: list[NDArray[np.floating]] = []
    for position, recording in enumerate(recordings):
        points_NL2 = recording.landmarks_NL2
        if points_NL2 is None:
            without += len(recording.number_N)
            continue
        flags = flag_frames(points_NL2, number_N=recording.number_N, size=sizes.get(position))
        frames += int((~flags["missing"]).sum())
        bad_N = np.zeros(len(points_NL2), bool)
        for kind, flag_N in flags.items():
            bad_N |= flag_N
            count = int(flag_N.sum())
            counts[kind] += count
            if count:
                first = int(recording.number_N[int(np.argmax(flag_N))])
                troubles.append(
                    LandmarkTrouble(recording=recording.name, kind=kind, frames=count, first=first)
                )
        distances.append(_eye_distance(points_NL2[~bad_N]))
    whole = np.concatenate(distances) if distances else np.empty(0)
    return LandmarkReport(
        frames=frames,
        without=without,
        counts=counts,
        worst=tuple(sorted(troubles, key=lambda item: (-item.frames, item.recording))),
        eye_distance_px=(float(whole.min()), float(np.median(whole)), float(whole.max()))
        if len(whole)
        else None,
    )


def flag_frames(
    points_NL2: NDArray[np.floating],
    *,
    number_N: NDArray[np.int64],
    size: tuple[int, int] | None,
) -> dict[str, NDArray[np.bool_]]:
    """Kind of trouble to (N,); a frame has at most one kind, the gravest.

    Args:
        points_NL2: 0-based pixels.
        number_N: Of the frames.
        size: (height, width) of the pictures; None where they cannot be read.
    """
    problem_N = np.array(face_problems(points_NL2, size=size), object)
    flags = {kind: problem_N == problem for problem, kind in _KIND_OF.items()}
    with np.errstate(invalid="ignore"):
        center_N2 = points_NL2.mean(axis=1)
        way_N = np.linalg.norm(np.diff(center_N2, axis=0, prepend=center_N2[:1]), axis=1)
        follows_N = np.diff(number_N, prepend=number_N[:1]) == 1
        jump_N = follows_N & (way_N > _JUMP * _eye_distance(points_NL2))
    return flags | {"jump": jump_N & (problem_N == "")}


def _eye_distance(points_NL2: NDArray[np.floating]) -> NDArray[np.floating]:
    left_N2 = points_NL2[:, LEFT_EYE].mean(axis=1)
    right_N2 = points_NL2[:, RIGHT_EYE].mean(axis=1)
    return np.asarray(np.linalg.norm(right_N2 - left_N2, axis=1))
