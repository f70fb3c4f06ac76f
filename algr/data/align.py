"""Faces brought to one position and size: the similarity transform of JÂA-Net's preparation.

The arithmetic is that of the public code of Shao et al. (`dataset/face_transform.py` of
PyTorch-JAANet): rotate by the eye centres, then cut a square around {eye centres, nose tip, mouth
corners}, 2.9 times as large as the larger extent of these five points. Pixel centres lie at whole
numbers and landmarks are 0-based. The landmarks are equal to the official ones; pixels are not,
because a face larger than the output is averaged here and sampled at points there.
"""

# Shape suffixes: H, W = image rows, columns; C = colours; L = landmarks (49); 2 = x, y.

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algr.errors import DataError
from algr.faces import ALIGNED_SIZE, LEFT_EYE, MOUTH_CORNERS, NOSE_TIP, NUM_LANDMARKS, RIGHT_EYE

ALIGNMENT_VERSION = 1
"""Raised whenever the same image and landmarks would give other pixels."""
BOX_ENLARGE = 2.9
BORDER_GREY = 128
MIN_INTER_OCULAR_PX = 8.0
"""Faces whose eye centres lie closer hold no picture worth training on."""
_MAX_COORDINATE_PX = 1e6
"""No picture is as large; beyond it the arithmetic of whole pixels would overflow."""
_MAX_STRIDE = 1.2
"""Source pixels from one bilinear sample to the next."""


def alignment_parameters() -> dict[str, object]:
    """What decides about an aligned face beside picture and landmarks; part of fingerprints."""
    return {
        "version": ALIGNMENT_VERSION,
        "size": ALIGNED_SIZE,
        "box_enlarge": BOX_ENLARGE,
        "border": BORDER_GREY,
    }


@dataclass(frozen=True)
class AlignedFace:
    """A face of 200 x 200 pixels, and where it came from."""

    image_HWC: NDArray[np.uint8]
    """RGB, shape (200, 200, 3)."""
    landmarks_L2: NDArray[np.float32]
    """Pixels of the aligned image."""
    to_aligned: NDArray[np.float64]
    """Matrix (2, 3) from pixels of the given image to pixels of the aligned one."""

    def from_aligned(self, points_L2: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of the aligned image in pixels of the given image."""
        rotation, shift = self.to_aligned[:, :2], self.to_aligned[:, 2]
        moved_L2 = np.asarray(points_L2, np.float64) - shift
        return np.asarray(np.linalg.solve(rotation, moved_L2.T).T, np.float64)


def inter_ocular_px(landmarks_L2: NDArray[np.floating]) -> float:
    """Distance of the eye centres in pixels; NaN if a point of an eye is missing."""
    points_L2 = np.asarray(landmarks_L2, np.float64)
    left = points_L2[list(LEFT_EYE)].mean(axis=0)
    right = points_L2[list(RIGHT_EYE)].mean(axis=0)
    return float(math.hypot(*(right - left)))


def alignment_matrix(landmarks_L2: NDArray[np.floating]) -> NDArray[np.float64]:
    """Matrix (2, 3) from image pixels to pixels of the aligned face.

    Raises:
        DataError: A point that the transform needs is missing or beyond any picture, or the eyes
            are too close.
    """
    points_L2 = np.asarray(landmarks_L2, np.float64)
    if points_L2.shape != (NUM_LANDMARKS, 2):
        raise DataError(
            f"landmarks of shape {points_L2.shape}", expected=f"({NUM_LANDMARKS}, 2): x, y"
        )
    if (np.abs(points_L2) > _MAX_COORDINATE_PX).any():
        raise DataError(
            "a landmark lies beyond any picture",
            expected=f"x and y of at most {_MAX_COORDINATE_PX:g} pixels",
        )
    distance = inter_ocular_px(points_L2)
    anchors = points_L2[[NOSE_TIP, *MOUTH_CORNERS]]
    if not (math.isfinite(distance) and np.isfinite(anchors).all()):
        raise DataError(
            "a landmark that the alignment needs is missing",
            expected="both eyes (19-30), nose tip (13) and mouth corners (31, 37)",
        )
    if distance < MIN_INTER_OCULAR_PX:
        raise DataError(
            f"the eye centres are {distance:.1f} pixels apart",
            expected=f"at least {MIN_INTER_OCULAR_PX:g}",
            advice="give the original resolution, and landmarks in its pixels",
        )
    return _similarity(points_L2, distance=distance, anchors=anchors)


def _similarity(
    points_L2: NDArray[np.float64], *, distance: float, anchors: NDArray[np.float64]
) -> NDArray[np.float64]:
    left = points_L2[list(LEFT_EYE)].mean(axis=0)
    right = points_L2[list(RIGHT_EYE)].mean(axis=0)
    cosine, sine = (right - left) / distance
    rotation = np.array([[cosine, sine], [-sine, cosine]])
    corners = np.vstack([left, right, anchors]) @ rotation.T
    lowest, highest = corners.min(axis=0), corners.max(axis=0)
    half_size = 0.5 * BOX_ENLARGE * float((highest - lowest).max())
    scale = (ALIGNED_SIZE - 1) / 2.0 / half_size
    shift = scale * (half_size - 0.5 * (highest + lowest))
    return np.column_stack([scale * rotation, shift])


def align_face(image_HWC: NDArray[np.uint8], landmarks_L2: NDArray[np.floating]) -> AlignedFace:
    """The face of `landmarks_L2` in `image_HWC`, aligned.

    Args:
        image_HWC: RGB, upright as displayed.
        landmarks_L2: 49 points in pixels of the image, 0-based. Points that the transform does
            not need may be NaN and stay so.

    Raises:
        DataError: See `alignment_matrix`.
    """
    if image_HWC.dtype != np.uint8 or image_HWC.ndim != 3 or image_HWC.shape[2] != 3:
        raise DataError(
            f"an image of type {image_HWC.dtype} and shape {image_HWC.shape}",
            expected="uint8, (height, width, 3): RGB",
        )
    to_aligned = alignment_matrix(landmarks_L2)
    points_L2 = np.asarray(landmarks_L2, np.float64)
    aligned_L2 = points_L2 @ to_aligned[:, :2].T + to_aligned[:, 2]
    return AlignedFace(
        image_HWC=_resample(image_HWC, to_aligned),
        landmarks_L2=aligned_L2.astype(np.float32),
        to_aligned=to_aligned,
    )


def _resample(image_HWC: NDArray[np.uint8], to_aligned: NDArray[np.float64]) -> NDArray[np.uint8]:
    """One affine map between two area averages, so that no pixel of the source is skipped.

    The source is first shrunk by whole numbers, then turned on a grid about as fine as its own
    pixels, then that grid is averaged to the size of the result.
    """
    inverse = np.linalg.inv(to_aligned[:, :2])
    origin = -inverse @ to_aligned[:, 2]
    source_px_per_output_px = math.sqrt(abs(float(np.linalg.det(inverse))))
    shrink = max(1, math.floor(source_px_per_output_px))
    remaining = source_px_per_output_px / shrink
    grid = math.ceil(ALIGNED_SIZE * remaining) if remaining > _MAX_STRIDE else ALIGNED_SIZE

    edge = ALIGNED_SIZE - 0.5
    corners = np.array([[-0.5, -0.5], [edge, -0.5], [-0.5, edge], [edge, edge]])
    reach = corners @ inverse.T + origin
    size = np.array(image_HWC.shape[1::-1])
    x0, y0 = np.clip(np.floor(reach.min(axis=0)).astype(int) - 2 * shrink, 0, size).tolist()
    x1, y1 = np.clip(np.ceil(reach.max(axis=0)).astype(int) + 2 * shrink, 0, size).tolist()
    if x0 >= x1 or y0 >= y1:
        return np.full((ALIGNED_SIZE, ALIGNED_SIZE, 3), BORDER_GREY, np.uint8)
    window = Image.fromarray(np.ascontiguousarray(image_HWC[y0:y1, x0:x1])).reduce(shrink)

    # Pillow counts from the edge of the first pixel, landmarks count from its centre.
    linear = inverse * (ALIGNED_SIZE / grid / shrink)
    constant = (origin - 0.5 * inverse.sum(axis=1) + 0.5 - [x0, y0]) / shrink
    coefficients = (*linear[0], constant[0], *linear[1], constant[1])
    turned = window.transform(
        (grid, grid),
        Image.Transform.AFFINE,
        tuple(float(value) for value in coefficients),
        resample=Image.Resampling.BILINEAR,
        fillcolor=(BORDER_GREY, BORDER_GREY, BORDER_GREY),
    )
    if grid != ALIGNED_SIZE:
        turned = turned.resize((ALIGNED_SIZE, ALIGNED_SIZE), Image.Resampling.BOX)
    return np.asarray(turned, dtype=np.uint8)
