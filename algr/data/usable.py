"""The one rule for which faces are used, in preparation and in prediction.

Shape suffixes: L = landmarks (49), 2 = x, y.
"""

import numpy as np
from numpy.typing import NDArray

from algr.data.align import MIN_INTER_OCULAR_PX, inter_ocular_px

NO_ROW = "no row in the landmark file"
NO_POINTS = "landmarks missing"
TOO_SMALL = f"eye centres less than {MIN_INTER_OCULAR_PX:g} pixels apart"
OUTSIDE = "face outside of the picture"
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
    inside = ((landmarks_L2 >= 0) & (landmarks_L2 <= size - 1)).all(axis=1)
    return "" if inside.mean() >= _MIN_SHARE_INSIDE else OUTSIDE
