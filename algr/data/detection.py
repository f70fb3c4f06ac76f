"""Landmarks of a whole video by the detector, as a track to look at or to keep."""

# Shape suffixes: F = frames; L = landmarks (49); 2 = x, y.

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algr.config import DataHome
from algr.data.detector.models import detector_status
from algr.data.detector.networks import FaceNetworks, LiteRtNetworks
from algr.data.detector.track import FaceTracker, TrackedFrame
from algr.data.landmarks import LandmarkTrack
from algr.data.video import iterate_video, probe_video
from algr.errors import DataError
from algr.faces import NUM_LANDMARKS

FORM = "detector"


@dataclass(frozen=True, kw_only=True)
class Detection:
    """What the detector found in a video."""

    track: LandmarkTrack
    """A row for each frame; NaN where it is rejected."""
    rejected: dict[str, int]
    """Reason to number of frames."""
    frames_with_others: int
    """In which another face than the followed one was seen."""


def open_networks(home: DataHome) -> FaceNetworks:
    """Load the detector.

    Raises:
        DataError: Something of it is missing.
        IntegrityError: A model file was altered.
    """
    status = detector_status(home)
    if status.missing and "altered" not in status.models.values():
        raise DataError(
            "the landmark detector is not installed",
            problems=[
                *([] if status.runtime else ["LiteRT is missing"]),
                *(f"{status.folder}/{name}: {state}" for name, state in status.models.items()),
            ],
            expected="LiteRT and two model files",
            advice="; ".join(status.missing),
        )
    return LiteRtNetworks(Path(status.folder))


def detect_video(
    path: Path,
    *,
    networks: FaceNetworks,
    fps: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Detection:
    """The landmarks of a video's frames.

    Args:
        path: Of the video.
        networks: Of the detector.
        fps: Frames per second to look at; None for all.
        progress: Told the frames done and the frames expected.

    Raises:
        DataError: The video cannot be read.
    """
    info = probe_video(path)
    rate = min(fps or info.mean_fps, info.mean_fps) if info.mean_fps else fps or 0.0
    expected = round(info.duration_s * rate)
    tracker = FaceTracker(networks)
    frames: list[int] = []
    tracked: list[TrackedFrame] = []
    for frame in iterate_video(path, fps=fps):
        frames.append(frame.index)
        tracked.append(tracker.next_frame(frame.image_HWC, time_s=frame.time_s))
        if progress is not None:
            progress(len(frames), max(expected, len(frames)))
    missing_L2 = np.full((NUM_LANDMARKS, 2), np.nan, np.float32)
    points = [missing_L2 if one.landmarks_L2 is None else one.landmarks_L2 for one in tracked]
    track = LandmarkTrack(
        frames=np.array(frames, np.int64),
        points_FL2=np.array(points, np.float32).reshape(-1, NUM_LANDMARKS, 2),
        form=FORM,
    )
    return Detection(
        track=track,
        rejected=dict(sorted(Counter(one.reason for one in tracked if one.reason).items())),
        frames_with_others=sum(one.quality.faces > 1 for one in tracked),
    )
