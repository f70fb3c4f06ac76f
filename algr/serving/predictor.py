"""Predictions of a bundle for images and videos, by ONNX Runtime.

Shape suffixes: F = faces, H = height, W = width, C = channels (RGB), P = grades or action units,
L = landmarks, 2 = x, y.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.bundle import Bundle, read_bundle
from algr.data import face_problem
from algr.errors import DataError
from algr.serving.faces import Face, face_of
from algr.serving.images import decode_image, is_image_file
from algr.serving.replies import (
    FrameReply,
    ModelReply,
    PredictionReply,
    RejectedFrames,
    VideoReply,
)

BATCH_SIZE = 16
DEFAULT_FPS = 6.0


@dataclass(frozen=True, kw_only=True)
class _TimedFace:
    face: Face
    frame: int
    time_s: float | None


@dataclass(frozen=True, kw_only=True)
class _Rejected:
    frame: int
    reason: str


class Predictor:
    """A loaded model.

    Args:
        bundle: Read, hence verified.
        threads: Of ONNX Runtime; by default the cores that this process may use.
    """

    def __init__(self, bundle: Bundle, *, threads: int | None = None) -> None:
        self.bundle = bundle
        self._network = bundle.open_network(threads=threads)
        self.model = ModelReply(name=bundle.name, version=bundle.version, sha256=bundle.sha256)

    @classmethod
    def open(cls, directory: Path, *, threads: int | None = None) -> "Predictor":
        """Verify and load the bundle of a folder.

        Raises:
            UsageError: The folder holds no bundle.
            IntegrityError: A file of it was altered.
        """
        return cls(read_bundle(directory), threads=threads)

    def predict_image(
        self,
        image_HWC: NDArray[np.uint8],
        landmarks_L2: NDArray[np.floating] | None = None,
        *,
        name: str = "image",
    ) -> PredictionReply:
        """The prediction for one image; see `face_of` for what it takes.

        Raises:
            DataError: There are neither landmarks nor an aligned face.
        """
        face = face_of(image_HWC, landmarks_L2, name=name)
        frames, _ = self._predict([_TimedFace(face=face, frame=0, time_s=None)])
        return PredictionReply(frames=frames, model=self.model)

    def predict_video(
        self, path: Path, *, landmarks: Path, fps: float | None = DEFAULT_FPS
    ) -> PredictionReply:
        """The predictions for the frames of a video, and their mean.

        Args:
            path: Of the video.
            landmarks: CSV with the landmarks of its frames. Those that a preparation would leave
                out are left out here too, and named in the reply.
            fps: Frames per second to take; none for all.

        Raises:
            DataError: The video or the landmarks cannot be read, or no frame can be used.
        """
        frames: list[FrameReply] = []
        probabilities: list[NDArray[np.float32]] = []
        rejected: dict[str, list[int]] = defaultdict(list)

        def faces() -> Iterator[_TimedFace]:
            for frame in _frames_of_video(path, landmarks=landmarks, fps=fps):
                if isinstance(frame, _Rejected):
                    rejected[frame.reason].append(frame.frame)
                else:
                    yield frame

        for batch in _batches(faces()):
            replies, probability_FP = self._predict(batch)
            frames.extend(replies)
            probabilities.append(probability_FP)
        left_out = [
            RejectedFrames(reason=reason, count=len(numbers), frames=numbers)
            for reason, numbers in sorted(rejected.items())
        ]
        if not frames:
            raise DataError(
                f"{path.name}: no frame could be used with {landmarks.name}",
                problems=[f"{part.count} frames: {part.reason}" for part in left_out],
                expected="49 points for the frames of this video, numbered from 0",
                advice="check that the two files belong together",
            )
        return PredictionReply(
            frames=frames,
            video=self._video(np.concatenate(probabilities)),
            rejected=left_out,
            model=self.model,
        )

    def predict_file(
        self, path: Path, *, landmarks: Path | None = None, fps: float | None = DEFAULT_FPS
    ) -> dict[str, object]:
        """The prediction for an image or video file, as `algr predict --json` prints it.

        Args:
            path: A JPEG, PNG or video.
            landmarks: CSV with the landmarks; by default `<stem>_land.csv` beside the file, if
                there is one.
            fps: Frames per second to take from a video.

        Raises:
            DataError: A file is missing or cannot be read, or landmarks are missing.
        """
        from algr.data.landmarks import landmark_path

        if not path.is_file():
            raise DataError(
                f"{path}: no such file",
                expected="an image or a video",
                advice="check the spelling of the path",
            )
        beside = landmark_path(path)
        chosen = landmarks or (beside if beside.is_file() else None)
        if is_image_file(path):
            image_HWC = decode_image(path.read_bytes(), name=path.name)
            points_L2 = None if chosen is None else _landmarks_of_image(chosen)
            return self.predict_image(image_HWC, points_L2, name=path.name).to_dict()
        if chosen is None:
            raise DataError(
                f"{path.name}: no landmarks beside it",
                expected=f"{beside.name}, with the header frame,x0,y0,…,x48,y48",
                advice="put it there, or name it with --landmarks FILE",
            )
        return self.predict_video(path, landmarks=chosen, fps=fps).to_dict()

    def _predict(self, batch: Sequence[_TimedFace]) -> tuple[list[FrameReply], NDArray[np.float32]]:
        values = self._network.run(np.stack([timed.face.crop_HWC for timed in batch]))
        landmarks = (
            [None] * len(batch) if values.landmarks_BL2 is None else list(values.landmarks_BL2)
        )
        replies = [
            self._frame(timed, probability_P, landmarks_L2)
            for timed, probability_P, landmarks_L2 in zip(
                batch, values.probability_BP, landmarks, strict=True
            )
        ]
        return replies, values.probability_BP

    def _frame(
        self,
        timed: _TimedFace,
        probability_P: NDArray[np.float32],
        landmarks_L2: NDArray[np.float32] | None,
    ) -> FrameReply:
        landmarks = None
        if landmarks_L2 is not None:
            points_L2 = timed.face.to_image(landmarks_L2)
            landmarks = [(round(float(x), 2), round(float(y), 2)) for x, y in points_L2]
        time_s = None if timed.time_s is None else round(timed.time_s, 3)
        named = self._named(probability_P)
        if self.bundle.kind == "au":
            return FrameReply(
                frame=timed.frame, time_s=time_s, au_probability=named, landmarks=landmarks
            )
        best = int(probability_P.argmax())
        return FrameReply(
            frame=timed.frame,
            time_s=time_s,
            grade=self.bundle.labels[best],
            grade_index=best,
            grade_probability=named,
            landmarks=landmarks,
        )

    def _video(self, probability_FP: NDArray[np.float32]) -> VideoReply | None:
        if self.bundle.kind != "grade":
            return None
        mean_P = probability_FP.mean(axis=0, dtype=np.float64)
        return VideoReply(
            grade=self.bundle.labels[int(mean_P.argmax())],
            grade_probability=self._named(mean_P),
            frames_used=len(probability_FP),
        )

    def _named(self, probability_P: NDArray[np.floating]) -> dict[str, float]:
        pairs = zip(self.bundle.labels, probability_P, strict=True)
        return {label: round(float(value), 6) for label, value in pairs}


def _batches(faces: Iterator[_TimedFace]) -> Iterator[list[_TimedFace]]:
    batch: list[_TimedFace] = []
    for face in faces:
        batch.append(face)
        if len(batch) == BATCH_SIZE:
            yield batch
            batch = []
    if batch:
        yield batch


def _frames_of_video(
    path: Path, *, landmarks: Path, fps: float | None
) -> Iterator[_TimedFace | _Rejected]:
    from algr.data.landmarks import read_landmark_csv
    from algr.data.video import iterate_video

    track = read_landmark_csv(landmarks)
    for frame in iterate_video(path, fps=fps):
        points_L2 = track.at(frame.index)
        height, width = frame.image_HWC.shape[:2]
        problem = face_problem(points_L2, height=height, width=width)
        if problem or points_L2 is None:
            yield _Rejected(frame=frame.index, reason=problem)
            continue
        face = face_of(frame.image_HWC, points_L2, name=f"{path.name}, frame {frame.index}")
        yield _TimedFace(face=face, frame=frame.index, time_s=frame.time_s)


def _landmarks_of_image(path: Path) -> NDArray[np.float32]:
    from algr.data.landmarks import read_landmark_csv

    track = read_landmark_csv(path)
    if len(track.frames) != 1:
        raise DataError(
            f"{path.name}: landmarks of {len(track.frames)} frames",
            expected="one line of landmarks for an image",
            advice="leave the one line that belongs to it",
        )
    return np.asarray(track.points_FL2[0])
