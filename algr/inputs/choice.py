"""A few faces of a video: at given times, or spread over it.

Shape suffixes: L = landmarks, 2 = x, y.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data import LandmarkSource, VideoFrame, iterate_video, probe_video
from algr.errors import DataError
from algr.inputs.files import TimedFace, checked_frames, face_of_frame, no_usable_frame

_TIME_TOLERANCE_S = 1e-6

_Checked = tuple[VideoFrame, NDArray[np.float32] | None, str]


@dataclass(frozen=True, kw_only=True)
class SomeFaces:
    """Faces of a video."""

    faces: tuple[TimedFace, ...]
    rejected: Mapping[str, int]
    """Frames that could not be used, by reason."""


def faces_at(path: Path, *, landmarks: LandmarkSource, times_s: Sequence[float]) -> SomeFaces:
    """The faces of the frames that a video shows at some times; each frame once.

    Args:
        path: Of the video.
        landmarks: Of its frames.
        times_s: Seconds after the first frame.

    Raises:
        DataError: A file cannot be read, or a time lies beyond the end or on a frame that cannot
            be used; all such times are named.
    """
    waiting = sorted(set(times_s), reverse=True)
    faces: dict[int, TimedFace] = {}
    problems: list[str] = []

    def take(shown: _Checked) -> None:
        time_s = waiting.pop()
        frame, points_L2, problem = shown
        if problem or points_L2 is None:
            problems.append(f"{time_s:g} s, frame {frame.index}: {problem}")
        elif frame.index not in faces:
            faces[frame.index] = face_of_frame(path, frame, points_L2)

    shown: _Checked | None = None
    interval_s = 0.0
    for checked in checked_frames(path, landmarks=landmarks):
        time_s = checked[0].time_s
        while shown and waiting and waiting[-1] < time_s - _TIME_TOLERANCE_S:
            take(shown)
        interval_s = time_s - shown[0].time_s if shown else 0.0
        shown = checked
    assert shown is not None, "a video without frames is refused where it is decoded"
    end_s = shown[0].time_s + interval_s
    while waiting and waiting[-1] <= end_s + _TIME_TOLERANCE_S:
        take(shown)
    problems += [f"{time_s:g} s: the video ends at {end_s:.2f} s" for time_s in waiting[::-1]]
    if problems:
        raise DataError(
            f"{path.name}: no face at some of the times asked for",
            problems=problems,
            expected="times at which there are 49 points of a face in the picture",
            advice="choose others with --at, or leave it out for frames that can be used",
        )
    return SomeFaces(faces=tuple(faces.values()), rejected={})


def spread_faces(path: Path, *, landmarks: LandmarkSource, count: int) -> SomeFaces:
    """Faces spread evenly over a video: of each of `count` equal parts the most central one.

    A part without a usable frame gives none.

    Args:
        path: Of the video.
        landmarks: Of its frames.
        count: Faces at most.

    Raises:
        DataError: A file cannot be read, or no frame can be used.
    """
    part_s = max(_duration_s(path) / count, _TIME_TOLERANCE_S)
    chosen: list[TimedFace] = []
    rejected = Counter[str]()
    nearest: tuple[float, VideoFrame, NDArray[np.float32]] | None = None
    part = 0
    for frame, points_L2, problem in checked_frames(path, landmarks=landmarks):
        if problem or points_L2 is None:
            rejected[problem] += 1
            continue
        own_part = min(math.floor(frame.time_s / part_s), count - 1)
        if own_part != part and nearest is not None:
            chosen.append(face_of_frame(path, *nearest[1:]))
            nearest = None
        part = own_part
        distance_s = abs(frame.time_s - (part + 0.5) * part_s)
        if nearest is None or distance_s < nearest[0] - _TIME_TOLERANCE_S:
            nearest = (distance_s, frame, points_L2)
    if nearest is None:
        raise no_usable_frame(path, landmarks=landmarks, rejected=rejected)
    chosen.append(face_of_frame(path, *nearest[1:]))
    return SomeFaces(faces=tuple(chosen), rejected=dict(rejected))


def _duration_s(path: Path) -> float:
    """As the file states it, or by decoding where it states none."""
    stated_s = probe_video(path).duration_s
    if stated_s:
        return stated_s
    return max((frame.time_s for frame in iterate_video(path, fps=None)), default=0.0)
