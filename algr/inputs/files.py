"""Image and video files with their landmarks to faces.

Shape suffixes: L = landmarks, 2 = x, y.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data import VideoFrame, face_problem, iterate_video, landmark_path, read_landmark_csv
from algr.errors import DataError
from algr.inputs.faces import Face, face_of
from algr.inputs.images import decode_image, is_image_file


@dataclass(frozen=True, kw_only=True)
class TimedFace:
    """A face and its place in a video."""

    face: Face
    frame: int
    """Number in the video, from 0; 0 for an image."""
    time_s: float | None
    """Seconds after the first frame of the video; none for an image."""


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A frame of a video that a preparation would leave out too."""

    frame: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file with faces, and its landmarks."""

    path: Path
    landmarks: Path | None
    """None only for an image, which must be an aligned face then."""
    is_image: bool


def find_source(path: Path, *, landmarks: Path | None = None) -> Source:
    """What a file is, and where its landmarks are.

    Args:
        path: A JPEG, PNG or video.
        landmarks: CSV with the landmarks; by default `<stem>_land.csv` beside the file, if there
            is one.

    Raises:
        DataError: There is no such file, or a video has no landmarks.
    """
    if not path.is_file():
        raise DataError(
            f"{path}: no such file",
            expected="an image or a video",
            advice="check the spelling of the path",
        )
    beside = landmark_path(path)
    chosen = landmarks or (beside if beside.is_file() else None)
    is_image = is_image_file(path)
    if chosen is None and not is_image:
        raise DataError(
            f"{path.name}: no landmarks beside it",
            expected=f"{beside.name}, with the header frame,x0,y0,…,x48,y48",
            advice="put it there, or name it with --landmarks FILE",
        )
    return Source(path=path, landmarks=chosen, is_image=is_image)


def image_face(source: Source) -> TimedFace:
    """The face of an image file.

    Raises:
        DataError: It cannot be read, or there are neither landmarks nor an aligned face.
    """
    path = source.path
    image_HWC = decode_image(path.read_bytes(), name=path.name)
    points_L2 = None if source.landmarks is None else _landmarks_of_image(source.landmarks)
    return TimedFace(face=face_of(image_HWC, points_L2, name=path.name), frame=0, time_s=None)


def faces_of_video(
    path: Path, *, landmarks: Path, fps: float | None
) -> Iterator[TimedFace | Rejected]:
    """The faces of a video's frames, and the frames that hold none to use.

    Args:
        path: Of the video.
        landmarks: CSV with the landmarks of its frames.
        fps: Frames per second to take; none for all.

    Raises:
        DataError: The video or the landmarks cannot be read.
    """
    for frame, points_L2, problem in checked_frames(path, landmarks=landmarks, fps=fps):
        if problem or points_L2 is None:
            yield Rejected(frame=frame.index, reason=problem)
        else:
            yield face_of_frame(path, frame, points_L2)


def checked_frames(
    path: Path, *, landmarks: Path, fps: float | None = None
) -> Iterator[tuple[VideoFrame, NDArray[np.float32] | None, str]]:
    """The frames of a video, their landmarks, and why they cannot be used, or the empty text."""
    track = read_landmark_csv(landmarks)
    for frame in iterate_video(path, fps=fps):
        points_L2 = track.at(frame.index)
        height, width = frame.image_HWC.shape[:2]
        yield frame, points_L2, face_problem(points_L2, height=height, width=width)


def face_of_frame(path: Path, frame: VideoFrame, points_L2: NDArray[np.float32]) -> TimedFace:
    """The face of a frame that was found usable."""
    face = face_of(frame.image_HWC, points_L2, name=f"{path.name}, frame {frame.index}")
    return TimedFace(face=face, frame=frame.index, time_s=frame.time_s)


def no_usable_frame(path: Path, *, landmarks: Path, rejected: Mapping[str, int]) -> DataError:
    """The error of a video without any face.

    Args:
        path: Of the video.
        landmarks: That were read.
        rejected: Frames by the reason why they were left out.
    """
    return DataError(
        f"{path.name}: no frame could be used with {landmarks.name}",
        problems=[f"{count} frames: {reason}" for reason, count in sorted(rejected.items())],
        expected="49 points for the frames of this video, numbered from 0",
        advice="check that the two files belong together",
    )


def _landmarks_of_image(path: Path) -> NDArray[np.float32]:
    track = read_landmark_csv(path)
    if len(track.frames) != 1:
        raise DataError(
            f"{path.name}: landmarks of {len(track.frames)} frames",
            expected="one line of landmarks for an image",
            advice="leave the one line that belongs to it",
        )
    return np.asarray(track.points_FL2[0])
