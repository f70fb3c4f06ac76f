"""One face through the frames of a video: the same person, or none.

The landmarks of a frame tell where to look in the next one. Where the face is lost it is sought
anew: the one nearest to where it was, else the largest and most central. Frames that cannot be
trusted are rejected with a reason, and so are those in which it is not clear whose face is meant.
"""

# Shape suffixes: H, W, C = rows, columns, RGB; L = landmarks (49); 2 = x, y.

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.align import inter_ocular_px
from algr.data.detector.face import FoundFace, MeasuredFace, find_faces, measure_face
from algr.data.detector.networks import FaceNetworks
from algr.data.detector.window import search_windows

TRACKING_VERSION = 1
"""Raised whenever the same pixels would give other landmarks."""
NO_FACE = "no face found"
TWO_FACES = "two faces, and it is not clear which is meant"
UNSURE = "face hidden or blurred: points not sure"
JUMP = "points jump"
MIN_PRESENCE = 0.5
MAX_DISAGREEMENT = 0.10
"""Eye distances; 0.02 to 0.03 on a clear face."""
MAX_JUMP = 1.0
"""Eye distances from one frame to the next within `JUMP_WITHIN_S`."""
MAX_GROWTH = 1.5
"""Ratio of eye distances, either way."""
JUMP_WITHIN_S = 0.5
FORGET_AFTER_S = 2.0
_RIVAL_SHARE = 0.7
"""A second face is a rival if it is as prominent as this share of the first."""
_MAX_FACES = 4


@dataclass(frozen=True, kw_only=True)
class FrameQuality:
    """How far a frame's landmarks can be trusted."""

    score: float
    """Of the surest face that was found, 0 to 1; 0 if none was."""
    presence: float
    """0 to 1; 0 if none was measured."""
    disagreement: float
    """Between the two sides, in eye distances; 0 if none was measured."""
    jump: float
    """From the frame before, in eye distances; 0 for the first."""
    faces: int
    """In the picture, as far as they were looked for."""
    eye_distance_px: float
    """0 if none was measured."""


@dataclass(frozen=True, kw_only=True)
class TrackedFrame:
    """The landmarks of a frame, or why there are none."""

    landmarks_L2: NDArray[np.float32] | None
    """None where the frame is rejected."""
    reason: str
    """Empty where it is not."""
    quality: FrameQuality


@dataclass(frozen=True, kw_only=True)
class _Last:
    """The face in the last frame that was used."""

    face: MeasuredFace
    time_s: float

    @property
    def eyes(self) -> float:
        return inter_ocular_px(self.face.landmarks_L2)

    @property
    def center_2(self) -> NDArray[np.float64]:
        return np.asarray(self.face.landmarks_L2.mean(axis=0))


class FaceTracker:
    """Follows one face. A tracker serves one video, or one picture.

    Args:
        networks: Both of the detector.
    """

    def __init__(self, networks: FaceNetworks) -> None:
        self._networks = networks
        self._last: _Last | None = None

    def next_frame(self, image_HWC: NDArray[np.uint8], *, time_s: float) -> TrackedFrame:
        """The landmarks of the next frame.

        Args:
            image_HWC: RGB, upright as displayed.
            time_s: Of the frame, not before the last one's.
        """
        last = self._last
        if last is not None and time_s - last.time_s > FORGET_AFTER_S:
            last = None
        face, reason = self._followed(image_HWC, last), ""
        if face is None:
            found, face, reason = self._sought(image_HWC, last=last)
        else:
            height, width = image_HWC.shape[:2]
            found = find_faces(image_HWC, search_windows(width, height)[0], self._networks)
        jump = _jump(face, last)
        if face is not None and last is not None and time_s - last.time_s <= JUMP_WITHIN_S:
            reason = reason or _implausible(face, last, jump=jump)
        if face is not None and not reason:
            self._last = _Last(face=face, time_s=time_s)
        return TrackedFrame(
            landmarks_L2=None if reason or face is None else face.landmarks_L2.astype(np.float32),
            reason=reason,
            quality=_quality(found, face, jump=jump),
        )

    def _followed(self, image_HWC: NDArray[np.uint8], last: _Last | None) -> MeasuredFace | None:
        if last is None:
            return None
        face = measure_face(image_HWC, last.face.window, self._networks)
        return None if _doubt(face) else face

    def _sought(
        self, image_HWC: NDArray[np.uint8], *, last: _Last | None
    ) -> tuple[list[FoundFace], MeasuredFace | None, str]:
        """Look closer until a face is found that the second network takes for one, too."""
        height, width = image_HWC.shape[:2]
        for windows in search_windows(width, height):
            seen = [
                (found, measured)
                for found in find_faces(image_HWC, windows, self._networks)[:_MAX_FACES]
                if (measured := self._measured(image_HWC, found)).presence >= MIN_PRESENCE
            ]
            if seen:
                faces = [found for found, _ in seen]
                chosen = (
                    _nearest(faces, last)
                    if last
                    else _most_prominent(faces, width=width, height=height)
                )
                if chosen is None:
                    return faces, None, NO_FACE if last else TWO_FACES
                face = seen[faces.index(chosen)][1]
                return faces, face, _doubt(face)
        return [], None, NO_FACE

    def _measured(self, image_HWC: NDArray[np.uint8], found: FoundFace) -> MeasuredFace:
        """The window of a found face is rough; a second look is as good as a tracked one."""
        rough = measure_face(image_HWC, found.window, self._networks)
        if rough.presence < MIN_PRESENCE:
            return rough
        return measure_face(image_HWC, rough.window, self._networks)


def _doubt(face: MeasuredFace) -> str:
    if not (face.presence >= MIN_PRESENCE and np.isfinite(face.landmarks_L2).all()):
        return NO_FACE
    return UNSURE if face.disagreement > MAX_DISAGREEMENT else ""


def _nearest(found: Sequence[FoundFace], last: _Last) -> FoundFace | None:
    """The face nearest to where it was, unless it is too far to be the same."""
    x, y = last.center_2.tolist()
    nearest = min(found, key=lambda face: math.hypot(face.center_x - x, face.center_y - y))
    reach = 2 * max(nearest.side, last.face.window.side / 2)
    near = math.hypot(nearest.center_x - x, nearest.center_y - y) <= reach
    return nearest if near else None


def _most_prominent(found: Sequence[FoundFace], *, width: int, height: int) -> FoundFace | None:
    """The largest and most central face; none if a second one is about as prominent."""
    half_diagonal = math.hypot(width, height) / 2

    def prominence(face: FoundFace) -> float:
        away = math.hypot(face.center_x - (width - 1) / 2, face.center_y - (height - 1) / 2)
        return face.side * (1 - 0.5 * min(away / half_diagonal, 1))

    ordered = sorted(found, key=prominence, reverse=True)
    if len(ordered) > 1 and prominence(ordered[1]) > _RIVAL_SHARE * prominence(ordered[0]):
        return None
    return ordered[0]


def _jump(face: MeasuredFace | None, last: _Last | None) -> float:
    if face is None or last is None or not last.eyes > 0:
        return 0.0
    moved = face.landmarks_L2.mean(axis=0) - last.center_2
    return float(np.hypot(*moved)) / last.eyes


def _implausible(face: MeasuredFace, last: _Last, *, jump: float) -> str:
    growth = inter_ocular_px(face.landmarks_L2) / last.eyes
    is_plausible = jump <= MAX_JUMP and 1 / MAX_GROWTH <= growth <= MAX_GROWTH
    return "" if is_plausible else JUMP


def _quality(found: Sequence[FoundFace], face: MeasuredFace | None, *, jump: float) -> FrameQuality:
    return FrameQuality(
        score=found[0].score if found else 0.0,
        presence=face.presence if face else 0.0,
        disagreement=face.disagreement if face else 0.0,
        jump=jump,
        faces=len(found),
        eye_distance_px=inter_ocular_px(face.landmarks_L2) if face else 0.0,
    )
