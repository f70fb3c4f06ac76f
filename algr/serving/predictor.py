"""Predictions of a bundle for images and videos, by ONNX Runtime.

Shape suffixes: F = faces, H = height, W = width, C = channels (RGB), P = grades or action units,
L = landmarks, 2 = x, y.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.bundle import Bundle, read_bundle
from algr.data import LandmarkSource
from algr.inputs import (
    Rejected,
    TimedFace,
    face_of,
    faces_of_video,
    find_source,
    image_face,
    no_usable_frame,
    photo_face,
)
from algr.serving.replies import (
    FrameReply,
    ModelReply,
    PredictionReply,
    RejectedFrames,
    VideoReply,
)

BATCH_SIZE = 16
DEFAULT_FPS = 6.0


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
        detector: LandmarkSource | None = None,
    ) -> PredictionReply:
        """The prediction for one image; see `face_of` for what it takes.

        Args:
            image_HWC: RGB.
            landmarks_L2: (49, 2) in pixels of the image, or none.
            name: For messages.
            detector: Finds the landmarks where none are given and it is no aligned face.

        Raises:
            DataError: There are neither landmarks nor an aligned face, or no face is found.
        """
        if landmarks_L2 is None:
            timed = photo_face(image_HWC, name=name, detector=detector)
        else:
            face = face_of(image_HWC, landmarks_L2, name=name)
            timed = TimedFace(face=face, frame=0, time_s=None)
        frames, _ = self._predict([timed])
        return PredictionReply(
            frames=frames, landmark_source=timed.landmark_source, model=self.model
        )

    def predict_video(
        self, path: Path, *, landmarks: LandmarkSource, fps: float | None = DEFAULT_FPS
    ) -> PredictionReply:
        """The predictions for the frames of a video, and their mean.

        Args:
            path: Of the video.
            landmarks: Of its frames. Those that a preparation would leave
                out are left out here too, and named in the reply.
            fps: Frames per second to take; none for all.

        Raises:
            DataError: The video or the landmarks cannot be read, or no frame can be used.
        """
        frames: list[FrameReply] = []
        probabilities: list[NDArray[np.float32]] = []
        rejected: dict[str, list[int]] = defaultdict(list)

        def faces() -> Iterator[TimedFace]:
            for frame in faces_of_video(path, landmarks=landmarks, fps=fps):
                if isinstance(frame, Rejected):
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
            counts = {part.reason: part.count for part in left_out}
            raise no_usable_frame(path, landmarks=landmarks, rejected=counts)
        return PredictionReply(
            frames=frames,
            video=self._video(np.concatenate(probabilities)),
            rejected=left_out,
            landmark_source=landmarks.name,
            model=self.model,
        )

    def predict_file(
        self,
        path: Path,
        *,
        landmarks: Path | None = None,
        models: Path | None = None,
        fps: float | None = DEFAULT_FPS,
    ) -> dict[str, object]:
        """The prediction for an image or video file, as `algr predict --json` prints it.

        Args:
            path: A JPEG, PNG or video.
            landmarks: File with the landmarks; by default the one beside the file, else the
                detector.
            models: Of the landmark detector, where it can run.
            fps: Frames per second to take from a video.

        Raises:
            DataError: A file is missing or cannot be read, or landmarks are missing.
        """
        source = find_source(path, landmarks=landmarks, models=models)
        if source.is_image:
            face = image_face(source)
            frames, _ = self._predict([face])
            return PredictionReply(
                frames=frames, landmark_source=face.landmark_source, model=self.model
            ).to_dict()
        assert source.landmarks is not None
        return self.predict_video(path, landmarks=source.landmarks, fps=fps).to_dict()

    def _predict(self, batch: Sequence[TimedFace]) -> tuple[list[FrameReply], NDArray[np.float32]]:
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
        timed: TimedFace,
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


def _batches(faces: Iterator[TimedFace]) -> Iterator[list[TimedFace]]:
    batch: list[TimedFace] = []
    for face in faces:
        batch.append(face)
        if len(batch) == BATCH_SIZE:
            yield batch
            batch = []
    if batch:
        yield batch
