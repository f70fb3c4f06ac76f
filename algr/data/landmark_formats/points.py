"""From the point sets that other programs write to the 49 landmarks."""

# Shape suffixes: F = frames; N = points of the other set; L = landmarks (49); 2 = x, y.

import numpy as np
from numpy.typing import NDArray

from algr.faces import NUM_LANDMARKS

_JAW = 17
_INNER_MOUTH_CORNERS = (60, 64)
# fmt: off
_OF_98 = (
    33, 34, 35, 36, 37, 42, 43, 44, 45, 46,           # upper edges of the brows
    51, 52, 53, 54, 55, 56, 57, 58, 59,               # nose
    60, 61, 63, 64, 65, 67, 68, 69, 71, 72, 73, 75,   # eyes, without the middles of the lids
    *range(76, 88),                                   # outer lip
    89, 90, 91, 93, 94, 95,                           # inner lip without corners
)
# fmt: on
POINT_SETS: dict[int, tuple[int, ...]] = {
    49: tuple(range(NUM_LANDMARKS)),
    66: tuple(range(_JAW, 66)),
    68: tuple(i for i in range(_JAW, 68) if i not in _INNER_MOUTH_CORNERS),
    98: _OF_98,
}
"""Number of points to the ones that are the 49 landmarks, in order: 49 themselves, 66 (iBUG without
inner mouth corners), 68 (iBUG), 98 (WFLW)."""


def to_landmarks(points_FN2: NDArray[np.floating]) -> NDArray[np.float32]:
    """(F, 49, 2) of 49, 66, 68 or 98 points."""
    chosen = POINT_SETS[points_FN2.shape[1]]
    return np.asarray(points_FN2[:, list(chosen)], np.float32)
