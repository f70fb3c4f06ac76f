"""What stands around the landmarks of a picture: small squares, upright and of one scale.

Shape suffixes: H, W = rows, columns; L = landmarks (49); P = landmarks that are looked at;
K = side of a square; 2 = x, y.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algr.faces import LEFT_EYE, RIGHT_EYE

BROWS = tuple(range(10))
EYES = (*LEFT_EYE, *RIGHT_EYE)
MOUTH = tuple(range(31, 49))
LOOKED_AT = (*BROWS, *EYES, *MOUTH)
"""Not the nose: its edges are those of the light."""
EYE_DISTANCE = 100.0
"""Pixels of the squares between the centres of the eyes."""
_REACH = 12
SIDE = 2 * _REACH + 1
_RIM = 1


def pixels_per_square(points_L2: NDArray[np.floating]) -> float:
    """Pixels of the picture for each of a square; NaN where eyes have no place."""
    way_2 = between_eyes(points_L2)
    return float(np.hypot(*way_2)) / EYE_DISTANCE


def landmark_patches(
    grey: Image.Image, points_L2: NDArray[np.floating], *, size: tuple[int, int]
) -> NDArray[np.uint8] | None:
    """(P, K, K) grey values; None where a landmark has no place, or the eyes lie in one.

    Args:
        grey: The picture, perhaps decoded smaller than it is.
        points_L2: In pixels of the picture.
        size: Width and height of the picture.
    """
    points_P2 = np.asarray(points_L2, np.float64)[list(LOOKED_AT)]
    step = pixels_per_square(points_L2)
    if not (np.isfinite(points_P2).all() and step > 0):
        return None
    right_2 = between_eyes(points_L2) / EYE_DISTANCE
    down_2 = np.array([-right_2[1], right_2[0]])
    decoded = grey.size[0] / size[0]
    shrink = max(1, int(step * decoded))
    picture_HW = np.asarray(grey.reduce(shrink) if shrink > 1 else grey)
    factor = decoded / shrink
    row_KK, column_KK = np.mgrid[-_REACH : _REACH + 1, -_REACH : _REACH + 1]
    away_KK2 = column_KK[..., None] * right_2 + row_KK[..., None] * down_2
    # Pillow counts from the edge of the first pixel, landmarks count from its centre.
    place_PKK2 = (points_P2[:, None, None] + away_KK2 + 0.5) * factor - 0.5
    return _between_pixels(picture_HW, x=place_PKK2[..., 0], y=place_PKK2[..., 1])


def between_eyes(points_L2: NDArray[np.floating]) -> NDArray[np.float64]:
    """(2,) way from the middle of the left eye to that of the right one."""
    points = np.asarray(points_L2, np.float64)
    left_2, right_2 = (points[list(eye)].mean(axis=0) for eye in (LEFT_EYE, RIGHT_EYE))
    return np.asarray(right_2 - left_2)


def _between_pixels(
    picture_HW: NDArray[np.uint8], *, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Bilinear; beyond the edge the edge goes on."""
    height, width = picture_HW.shape
    x = np.clip(x, 0, width - 1)
    y = np.clip(y, 0, height - 1)
    left = np.minimum(x.astype(np.int64), max(0, width - 2))
    upper = np.minimum(y.astype(np.int64), max(0, height - 2))
    right, lower = np.minimum(left + 1, width - 1), np.minimum(upper + 1, height - 1)
    share_x, share_y = x - left, y - upper
    above = (1 - share_x) * picture_HW[upper, left] + share_x * picture_HW[upper, right]
    below = (1 - share_x) * picture_HW[lower, left] + share_x * picture_HW[lower, right]
    values = (1 - share_y) * above + share_y * below
    return np.asarray(np.rint(values), np.uint8)


def evened(patches_PKK: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Each square with mean 0 and contrast 1, so that light matters less."""
    values = patches_PKK.astype(np.float64)
    values -= values.mean(axis=(1, 2), keepdims=True)
    return np.asarray(values / (values.std(axis=(1, 2), keepdims=True) + 5.0))


def fitting_shift(
    own_PKK: NDArray[np.float64], others_PKK: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(2,) x, y by which all squares together lie beside the others, by least squares.

    The squares are evened; what is left of brightness and contrast is fitted along.
    """
    down_PKK, along_PKK = np.gradient(others_PKK, axis=1), np.gradient(others_PKK, axis=2)
    inner = np.s_[:, _RIM:-_RIM, _RIM:-_RIM]
    flat = [
        part[inner].reshape(len(own_PKK), -1) for part in (others_PKK, along_PKK, down_PKK, own_PKK)
    ]
    base, along, down, own = (part - part.mean(axis=1, keepdims=True) for part in flat)
    strength = np.maximum((base * base).sum(axis=1, keepdims=True), 1e-9)
    along, down, own = (
        part - base * ((part * base).sum(axis=1, keepdims=True) / strength)
        for part in (along, down, own)
    )
    slopes = np.stack([along.ravel(), down.ravel()], axis=1)
    matrix_22, right_2 = slopes.T @ slopes, slopes.T @ own.ravel()
    return np.asarray(-np.linalg.lstsq(matrix_22, right_2, rcond=None)[0])
