"""One face of one picture: where it is, and its 49 landmarks.

Both networks answer the same for the same pixels, but not the mirrored answer for mirrored pixels.
Every window is therefore shown twice, as it is and mirrored, and the mean is taken, so that
neither side of a face is treated otherwise than the other.
"""

# Shape suffixes: H, W, C = rows, columns, RGB; L = landmarks (49); P = points; K = six points of a
# found face; 2 = x, y. Coordinates are pixels of the picture.

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.align import inter_ocular_px
from algr.data.detector.boxes import NETWORK_SIDE, decode_faces
from algr.data.detector.mesh import LEFT_EYE_CORNER, RIGHT_EYE_CORNER, mesh_to_landmarks
from algr.data.detector.networks import MESH_SIDE, FaceNetworks
from algr.data.detector.window import Window, face_window
from algr.faces import MIRRORED

_MIN_SCORE = 0.5


@dataclass(frozen=True, kw_only=True)
class FoundFace:
    """A face as the first network sees it."""

    score: float
    center_x: float
    center_y: float
    side: float
    """Of its box."""
    angle: float
    """Radians, clockwise, by which its eyes are out of level."""

    @property
    def window(self) -> Window:
        """What to show to the second network."""
        return face_window((self.center_x, self.center_y), extent=self.side, angle=self.angle)


@dataclass(frozen=True, kw_only=True)
class MeasuredFace:
    """A face as the second network sees it."""

    landmarks_L2: NDArray[np.float64]
    presence: float
    """0 to 1; the smaller of the two answers."""
    disagreement: float
    """Mean distance of a landmark from the mirrored answer, in eye distances."""
    window: Window
    """Where the face fills the window as it should; the next frame's first guess."""


def find_faces(
    image_HWC: NDArray[np.uint8], windows: Sequence[Window], networks: FaceNetworks
) -> list[FoundFace]:
    """The faces that the windows of a picture show, the surest first, each once."""
    kept: list[FoundFace] = []
    found = [face for window in windows for face in _found_in(image_HWC, window, networks)]
    for face in sorted(found, key=lambda face: -face.score):
        if not any(_is_same_place(face, other) for other in kept):
            kept.append(face)
    return kept


def measure_face(
    image_HWC: NDArray[np.uint8], window: Window, networks: FaceNetworks
) -> MeasuredFace:
    """The landmarks of the face in a window."""
    shown_HWC = window.cut(image_HWC, size=MESH_SIDE)
    plain = networks.mesh(shown_HWC)
    mirrored = networks.mesh(np.ascontiguousarray(shown_HWC[:, ::-1]))
    plain_P2 = window.to_picture(plain.points_M2, size=MESH_SIDE)
    back_P2 = mirrored.points_M2 * [-1, 1] + [MESH_SIDE - 1, 0]
    back_P2 = window.to_picture(back_P2, size=MESH_SIDE)
    one_L2 = mesh_to_landmarks(plain_P2)
    other_L2 = mesh_to_landmarks(back_P2)[list(MIRRORED)]
    landmarks_L2 = (one_L2 + other_L2) / 2
    distance = float(np.linalg.norm(one_L2 - other_L2, axis=1).mean())
    eyes = inter_ocular_px(landmarks_L2)
    left_2 = (plain_P2[LEFT_EYE_CORNER] + back_P2[RIGHT_EYE_CORNER]) / 2
    right_2 = (plain_P2[RIGHT_EYE_CORNER] + back_P2[LEFT_EYE_CORNER]) / 2
    return MeasuredFace(
        landmarks_L2=landmarks_L2,
        presence=min(plain.presence, mirrored.presence),
        disagreement=distance / eyes if eyes > 0 else math.inf,
        window=_window_around(np.concatenate([plain_P2, back_P2]), left_2, right_2),
    )


def _found_in(
    image_HWC: NDArray[np.uint8], window: Window, networks: FaceNetworks
) -> list[FoundFace]:
    raw_AR, logit_A = networks.find(window.cut(image_HWC, size=NETWORK_SIDE))
    faces = decode_faces(raw_AR, logit_A, min_score=_MIN_SCORE)
    found = []
    for score, box_4, points_K2 in zip(faces.score_A, faces.box_A4, faces.points_AK2, strict=True):
        corners_P2 = _in_picture(box_4.reshape(2, 2), window)
        across, down = (_in_picture(points_K2[1:2], window) - _in_picture(points_K2[:1], window))[0]
        x, y = corners_P2.mean(axis=0).tolist()
        found.append(
            FoundFace(
                score=float(score),
                center_x=x,
                center_y=y,
                side=float((corners_P2[1] - corners_P2[0]).max()),
                angle=math.atan2(down, across),
            )
        )
    return found


def _in_picture(share_P2: NDArray[np.float64], window: Window) -> NDArray[np.float64]:
    return window.to_picture(share_P2 * NETWORK_SIDE - 0.5, size=NETWORK_SIDE)


def _is_same_place(face: FoundFace, other: FoundFace) -> bool:
    """Whether the centres are closer than half of the larger face."""
    distance = math.hypot(face.center_x - other.center_x, face.center_y - other.center_y)
    return distance < max(face.side, other.side) / 2


def _window_around(
    points_P2: NDArray[np.float64], left_2: NDArray[np.float64], right_2: NDArray[np.float64]
) -> Window:
    """The square around a mesh, measured along the line of the eyes, so that it turns with it."""
    across, down = (right_2 - left_2).tolist()
    angle = math.atan2(down, across)
    cosine, sine = math.cos(angle), math.sin(angle)
    turn = np.array([[cosine, -sine], [sine, cosine]])
    level_P2 = points_P2 @ turn
    low, high = level_P2.min(axis=0), level_P2.max(axis=0)
    x, y = (turn @ ((low + high) / 2)).tolist()
    return face_window((x, y), extent=float((high - low).max()), angle=angle)
