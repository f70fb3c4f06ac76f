"""The one rule for which faces are used, in preparation and in prediction.

Shape suffixes: N = frames, L = landmarks (49), 2 = x, y.
"""

import numpy as np
from numpy.typing import NDArray

from algr.data.align import MIN_INTER_OCULAR_PX
from algr.faces import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE

NO_GRADE = "no readable video of this patient has a grade"
NO_FRAME = "no frame could be used"
UNREADABLE = "picture cannot be read"
NO_ROW = "no row in the landmark file"
NO_POINTS = "landmarks missing"
REPEATED = "repeats the frame before"
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
    return face_problems(landmarks_L2[None], size=(height, width))[0]


def face_problems(
    landmarks_NL2: NDArray[np.floating], *, size: tuple[int, int] | None
) -> list[str]:
    """The same for many frames of one size.

    Args:
        landmarks_NL2: In pixels of the picture.
        size: (height, width) of the pictures; None where it is not known, and no face is outside.
    """
    points_NL2 = np.asarray(landmarks_NL2, np.float64)
    is_whole_N = np.isfinite(points_NL2).all(axis=(1, 2))
    problems = np.full(len(points_NL2), "", object)
    rows = np.flatnonzero(is_whole_N)
    problems[~is_whole_N] = NO_POINTS
    if size is not None:
        far_N = _are_far(points_NL2[rows], size)  # no tracker means it, and what follows overflows
        problems[rows[far_N]] = OUTSIDE
        rows = rows[~far_N]
    eyes_N2, down_N2 = _across_and_down(points_NL2[rows])
    problems[rows[_are_reflected(eyes_N2, down_N2)]] = REFLECTED
    problems[rows[np.linalg.norm(eyes_N2, axis=1) < MIN_INTER_OCULAR_PX]] = TOO_SMALL
    if size is not None:
        edge = np.array([size[1] - 1, size[0] - 1])
        inside_NL = ((points_NL2[rows] >= 0) & (points_NL2[rows] <= edge)).all(axis=2)
        outside = rows[inside_NL.mean(axis=1) < _MIN_SHARE_INSIDE]
        problems[outside[problems[outside] == ""]] = OUTSIDE
    return [str(problem) for problem in problems]


def _are_far(points_NL2: NDArray[np.float64], size: tuple[int, int]) -> NDArray[np.bool_]:
    reach = np.array([size[1], size[0]])
    return np.asarray(((points_NL2 < -reach) | (points_NL2 > 2 * reach)).any(axis=(1, 2)))


def _across_and_down(
    points_NL2: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(N, 2) from the image-left to the other eye, and from between them to the mouth."""
    left_N2, right_N2 = (points_NL2[:, list(eye)].mean(axis=1) for eye in (LEFT_EYE, RIGHT_EYE))
    mouth_N2 = points_NL2[:, list(MOUTH_CORNERS)].mean(axis=1)
    return right_N2 - left_N2, mouth_N2 - (left_N2 + right_N2) / 2


def _are_reflected(
    across_N2: NDArray[np.float64], down_N2: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Whether the mouth lies on the wrong side of the line from the image-left to the other eye.

    No rotation of a face does that, only points of another order or with exchanged axes.
    """
    with np.errstate(over="ignore"):
        return np.asarray(across_N2[:, 0] * down_N2[:, 1] < across_N2[:, 1] * down_N2[:, 0])
