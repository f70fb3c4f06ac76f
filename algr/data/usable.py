"""The one rule for which faces are used, in preparation and in prediction.

Shape suffixes: L = landmarks (49), 2 = x, y.
"""

import numpy as np
from numpy.typing import NDArray

from algr.data.align import MIN_INTER_OCULAR_PX, inter_ocular_px
from algr.faces import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE

NO_ROW = "no row in the landmark file"
NO_POINTS = "landmarks missing"
TOO_SMALL = f"eye centres less than {MIN_INTER_OCULAR_PX:g} pixels apart"
OUTSIDE = "face outside of the picture"
REFLECTED = "landmarks are a mirror image: x and y exchanged, or left and right"
_MIN_SHARE_INSIDE = 0.5


def face_problem(landmarks_L2: NDArray[np.floating] | None, *, height: int, width: int) -> str:
    """Why a face is not used, or the empty text.

    Args:
        landmarks_L2: In pixels of the picture; none where there are none.
        height: Of the picture, pixels.
        width: Of the picture, pixels.
    """
    if landmarks_L2 is None:
        return NO_ROW
    if not np.isfinite(landmarks_L2).all():
        return NO_POINTS
    size = np.array([width, height])
    if (landmarks_L2 < -size).any() or (landmarks_L2 > 2 * size).any():
        return OUTSIDE  # no tracker means it, and what follows must not overflow
    if inter_ocular_px(landmarks_L2) < MIN_INTER_OCULAR_PX:
        return TOO_SMALL
    if _is_reflected(landmarks_L2):
        return REFLECTED
    inside = ((landmarks_L2 >= 0) & (landmarks_L2 <= size - 1)).all(axis=1)
    return "" if inside.mean() >= _MIN_SHARE_INSIDE else OUTSIDE


def _is_reflected(landmarks_L2: NDArray[np.floating]) -> bool:
    """Whether the mouth lies on the wrong side of the line from the image-left to the other eye.

    No rotation of a face does that, only points of another order or with exchanged axes.
    """
    points_L2 = np.asarray(landmarks_L2, np.float64)
    left_2, right_2 = (points_L2[list(eye)].mean(0) for eye in (LEFT_EYE, RIGHT_EYE))
    mouth_2 = points_L2[list(MOUTH_CORNERS)].mean(0)
    across_2, down_2 = right_2 - left_2, mouth_2 - (left_2 + right_2) / 2
    return bool(across_2[0] * down_2[1] < across_2[1] * down_2[0])
