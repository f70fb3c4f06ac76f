"""Where the landmarks of a video come from: a file beside it, or the detector.

In this order: `STEM_land.csv`; `STEM.csv` if it is a landmark table; `STEM.npy`; `STEM.npz`; the
folder `STEM_pts`; the detector, where it is installed.
"""

# Shape suffixes: L = landmarks (49); 2 = x, y; H, W, C = rows, columns, RGB.

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from algr.data.detector.models import EXTRA, MODEL_SHA256
from algr.data.detector.networks import FaceNetworks, LiteRtNetworks
from algr.data.detector.track import TRACKING_VERSION, FaceTracker
from algr.data.file_digest import file_digest
from algr.data.landmark_formats import holds_landmarks, read_landmarks
from algr.data.landmarks import LandmarkTrack, landmark_path
from algr.data.usable import face_problem
from algr.data.video import VideoFrame
from algr.errors import DataError

DETECTOR = "detector"


@dataclass(frozen=True, kw_only=True)
class FrameLandmarks:
    """The landmarks of a frame, or why it is not used."""

    points_L2: NDArray[np.float32] | None
    """None where the frame is not used."""
    problem: str
    """Empty where it is."""


class LandmarkReader(Protocol):
    """Gives the landmarks of a video's frames, asked in their order."""

    @property
    def name(self) -> str:
        """Of the file, or "detector"."""

    @property
    def track(self) -> LandmarkTrack | None:
        """All of the file; none for the detector."""

    def of(self, frame: VideoFrame) -> FrameLandmarks:
        """The landmarks of the next frame that is used."""


@dataclass(frozen=True, kw_only=True)
class LandmarkSource:
    """A choice that is made once, and can be opened in any process."""

    path: Path | None
    """The file or folder; None for the detector."""
    models: Path | None = None
    """Folder of the detector's model files."""
    passed_over: tuple[str, ...] = ()
    """Other candidates beside the video."""

    @property
    def name(self) -> str:
        """Of the file, or "detector"."""
        return self.path.name if self.path else DETECTOR

    def digest(self) -> bytes:
        """SHA-256 of all that decides about the landmarks, beside the video.

        Raises:
            DataError: A file cannot be read.
        """
        if self.path is None:
            text = f"{TRACKING_VERSION} {sorted(MODEL_SHA256.items())}"
            return hashlib.sha256(text.encode()).digest()
        if self.path.is_dir():
            digest = hashlib.sha256()
            for file in sorted(self.path.iterdir()):
                digest.update(file.name.encode() + b"\0" + file_digest(file))
            return digest.digest()
        return file_digest(self.path)

    def open(self) -> LandmarkReader:
        """Read the file, or load the detector.

        Raises:
            DataError: The file is wrong.
            IntegrityError: A model file was altered.
        """
        if self.path is None:
            assert self.models is not None
            return DetectorReader(_networks(self.models))
        return FileReader(read_landmarks(self.path), name=self.path.name)


class FileReader:
    """Landmarks that were read.

    Args:
        track: Of the whole file.
        name: Of the file.
    """

    def __init__(self, track: LandmarkTrack, *, name: str) -> None:
        self.track: LandmarkTrack | None = track
        self._track = track
        self.name = name

    def of(self, frame: VideoFrame) -> FrameLandmarks:
        """See `LandmarkReader`."""
        return _checked(self._track.at(frame.index), frame)


class DetectorReader:
    """Landmarks that are measured now.

    Args:
        networks: Of the detector.
    """

    track: LandmarkTrack | None = None
    name = DETECTOR

    def __init__(self, networks: FaceNetworks) -> None:
        self._tracker = FaceTracker(networks)

    def of(self, frame: VideoFrame) -> FrameLandmarks:
        """See `LandmarkReader`."""
        tracked = self._tracker.next_frame(frame.image_HWC, time_s=frame.time_s)
        if tracked.landmarks_L2 is None:
            return FrameLandmarks(points_L2=None, problem=tracked.reason)
        return _checked(tracked.landmarks_L2, frame)


def find_landmarks(video: Path, *, models: Path | None) -> LandmarkSource | None:
    """The landmarks of a video or photograph, in the order that the module states.

    Args:
        video: Its file.
        models: The detector's model files; None where it cannot run.

    Returns:
        None if there are none and no detector.
    """
    beside = [
        landmark_path(video),
        video.with_name(f"{video.stem}.csv"),
        video.with_name(f"{video.stem}.npy"),
        video.with_name(f"{video.stem}.npz"),
    ]
    found = [path for path in beside if path.is_file() and _is_meant(path, video=video)]
    folder = video.with_name(f"{video.stem}_pts")
    found += [folder] if folder.is_dir() else []
    if found:
        rest = tuple(path.name for path in found[1:])
        return LandmarkSource(path=found[0], passed_over=rest)
    return None if models is None else LandmarkSource(path=None, models=models)


def landmark_file(path: Path) -> LandmarkSource:
    """The file, or folder of `.pts` files, that a user names."""
    return LandmarkSource(path=path)


def no_landmarks(path: Path, *, or_aligned: bool = False) -> DataError:
    """The error of a recording without landmarks, with the ways out.

    Args:
        path: Of the recording.
        or_aligned: Aligned face images would do as well.
    """
    aligned = "; or give aligned face images of 200 x 200 pixels instead" if or_aligned else ""
    return DataError(
        f"{path.name}: no landmarks beside it, and no landmark detector",
        expected=f"{landmark_path(path).name} or the landmark file of another program "
        "(docs/landmarks.md), or the detector",
        advice=f"put the file there; or pip install '{EXTRA}' and see algr landmarks status"
        f"{aligned}",
    )


def _is_meant(path: Path, *, video: Path) -> bool:
    """A clinic's table may have the video's name and hold something else."""
    if path == video:
        return False
    return path.suffix != ".csv" or path == landmark_path(video) or holds_landmarks(path)


def _checked(points_L2: NDArray[np.float32] | None, frame: VideoFrame) -> FrameLandmarks:
    height, width = frame.image_HWC.shape[:2]
    problem = face_problem(points_L2, height=height, width=width)
    return FrameLandmarks(points_L2=None if problem else points_L2, problem=problem)


@lru_cache(maxsize=1)
def _networks(models: Path) -> FaceNetworks:
    """Loaded once per process."""
    return LiteRtNetworks(models)
