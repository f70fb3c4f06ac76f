"""Which pictures to look at: a full copy has too many, and labels and landmarks are all read.

Shape suffixes: N = frames of a recording, L = landmarks (49), 2 = x, y.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import ImageFiles, Recording
from algr.faces import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE

FAST_PER_RECORDING = (4, 24)
"""Least and most frames of a recording in which the head moves; more where recordings are few."""
MAX_VIDEOS = 6
"""Videos are decoded from their beginning, so that few are, but for a glance."""
_MAX_GLANCES = 200
_GLANCE_FRAMES = 48
MAX_VIDEO_FRAMES = 900
_MIN_SPEED = 0.012
"""Of the face from one frame to the next, in eye distances; slower ones tell no frame apart."""
_RESTING = 0.3
"""Of the speed of the frame that is compared with it."""
_NEAR = 40
_APART = 2
_RIGID = (*LEFT_EYE, *RIGHT_EYE, *range(10, 19), *MOUTH_CORNERS)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Frames of one recording that are looked at; rows of the recording, ascending."""

    recording: int
    """Position in the reading."""
    rows: tuple[int, ...]
    fast: tuple[tuple[int, int], ...]
    """Frames in which the head moves, each with the row of a frame near it in which it rests."""


def draw_samples(
    recordings: tuple[Recording, ...], *, pictures: int, video_frames: int = MAX_VIDEO_FRAMES
) -> list[Sample]:
    """Frames of recordings that are spread over the subjects, about `pictures` in all.

    Args:
        recordings: Of the source.
        pictures: To look at.
        video_frames: Of each video, from its beginning, that they are drawn from.
    """
    stills = [i for i, r in enumerate(recordings) if isinstance(r.pictures, ImageFiles)]
    videos = [i for i, r in enumerate(recordings) if i not in set(stills)]
    stills = [i for i in stills if len(recordings[i].number_N)]
    videos = [i for i in videos if len(recordings[i].number_N)]
    per_recording = 2 * FAST_PER_RECORDING[0]
    wanted = max(len({r.subject for r in recordings}), pictures // per_recording)
    chosen = _round_robin(stills, recordings)[:wanted]
    chosen += _round_robin(videos, recordings)[:MAX_VIDEOS]
    share = max(per_recording, pictures // max(1, len(chosen)))
    samples = [_sample(i, recordings[i], pictures=share, video_frames=video_frames) for i in chosen]
    glanced = [i for i in _round_robin(videos, recordings)[:_MAX_GLANCES] if i not in set(chosen)]
    samples += [_glance(i, recordings[i]) for i in glanced]
    return sorted(samples, key=lambda sample: sample.recording)


def _glance(position: int, recording: Recording) -> Sample:
    """A few frames at the beginning of a video, by which it is known again."""
    assert not isinstance(recording.pictures, ImageFiles)
    early = int((recording.pictures.index_N < _GLANCE_FRAMES).sum())
    places = np.linspace(0, max(0, early - 1), num=min(3, max(1, early)))
    rows = sorted(set(places.round().astype(int).tolist()))
    return Sample(recording=position, rows=tuple(rows), fast=())


def _round_robin(positions: list[int], recordings: tuple[Recording, ...]) -> list[int]:
    """One recording of each subject, then a second one of each, and so on."""
    turn: dict[str, int] = {}
    keyed = []
    for position in positions:
        subject = recordings[position].subject
        turn[subject] = turn.get(subject, -1) + 1
        keyed.append((turn[subject], position))
    return [position for _, position in sorted(keyed)]


def _sample(position: int, recording: Recording, *, pictures: int, video_frames: int) -> Sample:
    speed_N = _usable_speeds(recording, video_frames=video_frames)
    count = len(speed_N)
    least, most = FAST_PER_RECORDING
    pairs = fast_pairs(speed_N, limit=min(most, max(least, pictures // 3)))
    rest = max(2, pictures - 2 * len(pairs))
    spread = np.linspace(0, count - 1, num=min(rest, count)).round().astype(int).tolist()
    rows = {*spread, *(row for pair in pairs for row in pair)}
    return Sample(recording=position, rows=tuple(sorted(rows)), fast=tuple(pairs))


def draw_moving(recordings: tuple[Recording, ...], positions: Sequence[int]) -> list[Sample]:
    """More frames of these recordings in which the head moves, and nothing else."""
    samples = []
    for position in positions:
        speed_N = _usable_speeds(recordings[position], video_frames=MAX_VIDEO_FRAMES)
        pairs = fast_pairs(speed_N, limit=FAST_PER_RECORDING[1])
        rows = sorted({row for pair in pairs for row in pair})
        samples.append(Sample(recording=position, rows=tuple(rows), fast=tuple(pairs)))
    return [sample for sample in samples if sample.rows]


def _usable_speeds(recording: Recording, *, video_frames: int) -> NDArray[np.float64]:
    if isinstance(recording.pictures, ImageFiles):
        return speeds(recording)
    return speeds(recording)[: int((recording.pictures.index_N < video_frames).sum())]


def speeds(recording: Recording) -> NDArray[np.float64]:
    """(N,) way of the face from the frame before to the frame after, in eye distances per frame.

    NaN where a neighbour is missing in the numbering, or has no landmarks.
    """
    count = len(recording.number_N)
    speed_N = np.full(count, np.nan)
    points_NL2 = recording.landmarks_NL2
    if points_NL2 is None or count < 3:
        return speed_N
    rigid_NR2 = points_NL2[:, _RIGID].astype(np.float64)
    eyes_N = np.linalg.norm(
        points_NL2[:, LEFT_EYE].mean(axis=1) - points_NL2[:, RIGHT_EYE].mean(axis=1), axis=1
    )
    way_N = np.linalg.norm((rigid_NR2[2:] - rigid_NR2[:-2]).mean(axis=1), axis=1) / 2
    follows_N = (recording.number_N[2:] - recording.number_N[:-2]) == 2
    with np.errstate(invalid="ignore", divide="ignore"):
        relative_N = np.where(follows_N, way_N / eyes_N[1:-1], np.nan)
    relative_N[~np.isfinite(relative_N) | (relative_N > 1)] = np.nan
    speed_N[1:-1] = relative_N
    return speed_N


def fast_pairs(speed_N: NDArray[np.float64], *, limit: int) -> list[tuple[int, int]]:
    """The fastest frames, each with the next one in time in which the head all but rests."""
    count = len(speed_N)
    known = np.nan_to_num(speed_N, nan=np.inf)
    order = np.argsort(-np.nan_to_num(speed_N, nan=0.0), kind="stable")
    pairs: list[tuple[int, int]] = []
    for row in order.tolist():
        if len(pairs) == limit or not speed_N[row] >= _MIN_SPEED:
            break
        if any(abs(row - other) < _APART for other, _ in pairs):
            continue
        low, high = max(0, row - _NEAR), min(count, row + _NEAR + 1)
        resting = low + np.flatnonzero(known[low:high] < _RESTING * speed_N[row])
        if len(resting):
            pairs.append((row, int(resting[np.argmin(np.abs(resting - row))])))
    return pairs
