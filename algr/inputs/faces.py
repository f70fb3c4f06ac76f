"""From what was sent to the crop that the network sees, and back.

Shape suffixes: H = height, W = width, C = channels (RGB), L = landmarks, 2 = x, y.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data import align_face, face_problem
from algr.errors import DataError
from algr.faces import ALIGNED_SIZE, CROP_SIZE, NUM_LANDMARKS

_MARGIN = (ALIGNED_SIZE - CROP_SIZE) // 2


@dataclass(frozen=True, kw_only=True)
class Face:
    """A crop, and where it lies in the image that it comes from."""

    crop_HWC: NDArray[np.uint8]
    """(176, 176, 3)."""
    rotation_22: NDArray[np.float64]
    """With `shift_2`: pixels of the image to pixels of the crop."""
    shift_2: NDArray[np.float64]

    def to_image(self, points_L2: NDArray[np.floating]) -> NDArray[np.float64]:
        """Points of the crop in pixels of the image."""
        moved_L2 = np.asarray(points_L2, np.float64) - self.shift_2
        return np.asarray(np.linalg.solve(self.rotation_22, moved_L2.T).T, np.float64)


def is_aligned(image_HWC: NDArray[np.uint8]) -> bool:
    """Whether an image has the size of an aligned face, or of its centre."""
    return image_HWC.shape[:2] in ((ALIGNED_SIZE, ALIGNED_SIZE), (CROP_SIZE, CROP_SIZE))


def face_of(
    image_HWC: NDArray[np.uint8], landmarks_L2: NDArray[np.floating] | None, *, name: str
) -> Face:
    """The face of an image.

    With landmarks the face is aligned by them. Without, the image must be an aligned face: 200 x
    200 pixels, of which the centre is taken, or that centre of 176 x 176.

    Args:
        image_HWC: RGB.
        landmarks_L2: (49, 2) in pixels of the image, or none.
        name: For messages.

    Raises:
        DataError: There are neither landmarks nor an aligned face, or it is a face that a
            preparation would leave out too.
    """
    height, width = image_HWC.shape[:2]
    if landmarks_L2 is not None:
        problem = face_problem(landmarks_L2, height=height, width=width)
        if problem:
            raise DataError(
                f"{name}: {problem}",
                expected=f"{NUM_LANDMARKS} points of a face in the picture, in its own pixels",
                advice="give the original resolution, and the `landmarks` that belong to it",
            )
        aligned = align_face(image_HWC, landmarks_L2)
        return Face(
            crop_HWC=_center(aligned.image_HWC),
            rotation_22=aligned.to_aligned[:, :2],
            shift_2=aligned.to_aligned[:, 2] - _MARGIN,
        )
    if (height, width) == (ALIGNED_SIZE, ALIGNED_SIZE):
        return Face(
            crop_HWC=_center(image_HWC), rotation_22=np.eye(2), shift_2=np.full(2, -float(_MARGIN))
        )
    if (height, width) == (CROP_SIZE, CROP_SIZE):
        return Face(crop_HWC=image_HWC, rotation_22=np.eye(2), shift_2=np.zeros(2))
    raise DataError(
        f"{name}: {width} x {height} pixels without landmarks",
        expected=f"an aligned face of {ALIGNED_SIZE} x {ALIGNED_SIZE} or {CROP_SIZE} x {CROP_SIZE} "
        f"pixels, or {NUM_LANDMARKS} landmarks with the image",
        advice="put the landmarks beside it as NAME_land.csv or name them with --landmarks; or "
        "install the landmark detector (pip install 'algr[landmarks]', algr landmarks status); "
        "over HTTP send them in the field `landmarks`",
    )


def _center(aligned_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    inside = slice(_MARGIN, _MARGIN + CROP_SIZE)
    return np.ascontiguousarray(aligned_HWC[inside, inside])
