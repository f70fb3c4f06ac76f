"""Image and video files with their landmarks to faces.

Shape suffixes: L = landmarks, 2 = x, y.
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data import (
    LandmarkReader,
    LandmarkSource,
    VideoFrame,
    find_landmarks,
    iterate_video,
    landmark_file,
    no_landmarks,
)
from algr.errors import DataError
from algr.inputs.faces import Face, face_of, is_aligned
from algr.inputs.images import decode_image, is_image_file

_LOG = logging.getLogger(__name__)
_NO_PICTURES = frozenset(
    (".csv", ".tsv", ".txt", ".pts", ".npy", ".npz", ".mat", ".json", ".xlsx", ".pdf")
)
"""Endings of tables and landmark files, which people give by mistake for what they belong to."""


@dataclass(frozen=True, kw_only=True)
class TimedFace:
    """A face and its place in a video."""

    face: Face
    frame: int
    """Number in the video, from 0; 0 for an image."""
    time_s: float | None
    """Seconds after the first frame of the video; none for an image."""
    landmark_source: str | None = None
    """Of an image: the landmark file or "detector"; none for an aligned face."""


@dataclass(frozen=True, kw_only=True)
class Rejected:
    """A frame of a video that a preparation would leave out too."""

    frame: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class Source:
    """A file with faces, and its landmarks."""

    path: Path
    landmarks: LandmarkSource | None
    """None only for an image, which must be an aligned face then."""
    is_image: bool


def find_source(path: Path, *, landmarks: Path | None = None, models: Path | None = None) -> Source:
    """What a file is, and where its landmarks are.

    Args:
        path: A JPEG, PNG or video.
        landmarks: File with the landmarks; by default the one beside the file, else the detector.
        models: Of the landmark detector, where it can run.

    Raises:
        DataError: There is no such file, it is a table, or a video has no landmarks.
    """
    if not path.is_file():
        raise DataError(
            f"{path}: no such file",
            expected="an image or a video",
            advice="check the spelling of the path",
        )
    if path.suffix.lower() in _NO_PICTURES:
        raise DataError(
            f"{path.name}: is no image and no video",
            expected="a JPEG, a PNG or a video",
            advice="name the picture or video; a landmark file is taken where it lies beside it "
            "(NAME_land.csv), or with --landmarks FILE",
        )
    chosen = landmark_file(landmarks) if landmarks else find_landmarks(path, models=models)
    is_image = is_image_file(path)
    if chosen is None and not is_image:
        raise no_landmarks(path, or_aligned=True)
    if chosen is not None and chosen.passed_over:
        rest = ", ".join(chosen.passed_over)
        _LOG.warning("%s: landmarks of %s are used, not those of %s", path.name, chosen.name, rest)
    return Source(path=path, landmarks=chosen, is_image=is_image)


def image_face(source: Source) -> TimedFace:
    """The face of an image file.

    Raises:
        DataError: It cannot be read, or there are neither landmarks nor an aligned face.
    """
    path, landmarks = source.path, source.landmarks
    image_HWC = decode_image(path.read_bytes(), name=path.name)
    if landmarks is None or landmarks.path is None:
        return photo_face(image_HWC, name=path.name, detector=landmarks)
    points_L2 = _landmarks_of_file(landmarks)
    return TimedFace(
        face=face_of(image_HWC, points_L2, name=path.name),
        frame=0,
        time_s=None,
        landmark_source=landmarks.name,
    )


def photo_face(
    image_HWC: NDArray[np.uint8], *, name: str, detector: LandmarkSource | None
) -> TimedFace:
    """The face of an image that came without landmarks: an aligned one, or one that is found.

    Args:
        image_HWC: RGB.
        name: For messages.
        detector: Finds the landmarks of what is no aligned face; none where it is not installed.

    Raises:
        DataError: No face is found, or none can be sought.
    """
    if detector is None or is_aligned(image_HWC):
        return TimedFace(face=face_of(image_HWC, None, name=name), frame=0, time_s=None)
    found = _opened(detector).of(VideoFrame(index=0, time_s=0.0, image_HWC=image_HWC))
    if found.points_L2 is None:
        raise DataError(
            f"{name}: {found.problem}",
            expected="one face that the landmark detector finds",
            advice="give a sharper or closer picture, or its landmarks as well",
        )
    return TimedFace(
        face=face_of(image_HWC, found.points_L2, name=name),
        frame=0,
        time_s=None,
        landmark_source=detector.name,
    )


def faces_of_video(
    path: Path, *, landmarks: LandmarkSource, fps: float | None
) -> Iterator[TimedFace | Rejected]:
    """The faces of a video's frames, and the frames that hold none to use.

    Args:
        path: Of the video.
        landmarks: Of its frames.
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
    path: Path, *, landmarks: LandmarkSource, fps: float | None = None
) -> Iterator[tuple[VideoFrame, NDArray[np.float32] | None, str]]:
    """The frames of a video, their landmarks, and why they cannot be used, or the empty text."""
    reader = _opened(landmarks)
    for frame in iterate_video(path, fps=fps):
        found = reader.of(frame)
        yield frame, found.points_L2, found.problem


def face_of_frame(path: Path, frame: VideoFrame, points_L2: NDArray[np.float32]) -> TimedFace:
    """The face of a frame that was found usable."""
    face = face_of(frame.image_HWC, points_L2, name=f"{path.name}, frame {frame.index}")
    return TimedFace(face=face, frame=frame.index, time_s=frame.time_s)


def no_usable_frame(
    path: Path, *, landmarks: LandmarkSource, rejected: Mapping[str, int]
) -> DataError:
    """The error of a video without any face.

    Args:
        path: Of the video.
        landmarks: That were used.
        rejected: Frames by the reason why they were left out.
    """
    return DataError(
        f"{path.name}: no frame could be used with {landmarks.name}",
        problems=[f"{count} frames: {reason}" for reason, count in sorted(rejected.items())],
        expected="a face in the picture, with its 49 points",
        advice="check that the two files belong together"
        if landmarks.path
        else "give its landmarks as a file",
    )


def _opened(landmarks: LandmarkSource) -> LandmarkReader:
    """With what was assumed in reading said to the user."""
    reader = landmarks.open()
    for note in reader.track.notes if reader.track else ():
        _LOG.info("%s: %s", landmarks.name, note)
    return reader


def _landmarks_of_file(landmarks: LandmarkSource) -> NDArray[np.float32]:
    """The points of a file that belongs to one image."""
    track = _opened(landmarks).track
    assert track is not None, "a file was named"
    if len(track.frames) != 1:
        raise DataError(
            f"{landmarks.name}: landmarks of {len(track.frames)} frames",
            expected="one line of landmarks for an image",
            advice="leave the one line that belongs to it",
        )
    return np.asarray(track.points_FL2[0])
