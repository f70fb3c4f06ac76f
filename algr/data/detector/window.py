"""Turned squares of a picture: what the networks see, and where their answers lie.

Pixel centres lie at whole numbers, in the picture and in what is cut out of it.
"""

# Shape suffixes: H, W = rows, columns; C = RGB; P = points; 2 = x, y.

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_FACE_ENLARGE = 1.5
"""The mesh was trained on squares half as large again as the face."""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A square of a picture, turned clockwise as it is displayed."""

    center_x: float
    center_y: float
    side: float
    """Pixels of the picture."""
    angle: float = 0.0
    """Radians, clockwise."""

    def matrix(self, size: int) -> NDArray[np.float64]:
        """(2, 3): pixels of the window, cut to `size` x `size`, to pixels of the picture."""
        step = self.side / size
        cosine, sine = math.cos(self.angle) * step, math.sin(self.angle) * step
        turn = np.array([[cosine, -sine], [sine, cosine]])
        middle = (size - 1) / 2
        shift = np.array([self.center_x, self.center_y]) - turn @ [middle, middle]
        return np.column_stack([turn, shift])

    def to_picture(self, points_P2: NDArray[np.floating], *, size: int) -> NDArray[np.float64]:
        """Points of the cut window in pixels of the picture."""
        matrix = self.matrix(size)
        return np.asarray(points_P2, np.float64) @ matrix[:, :2].T + matrix[:, 2]

    def cut(self, image_HWC: NDArray[np.uint8], *, size: int) -> NDArray[np.uint8]:
        """The window, `size` x `size`; black beyond the picture. Large ones are averaged first."""
        matrix = self.matrix(size)
        shrink = max(1, round(self.side / size))
        reach = self.side * (abs(math.cos(self.angle)) + abs(math.sin(self.angle))) / 2
        margin = reach + 2 * shrink
        width, height = image_HWC.shape[1], image_HWC.shape[0]
        x0 = min(max(math.floor(self.center_x - margin), 0), width)
        x1 = min(max(math.ceil(self.center_x + margin), 0), width)
        y0 = min(max(math.floor(self.center_y - margin), 0), height)
        y1 = min(max(math.ceil(self.center_y + margin), 0), height)
        if x0 >= x1 or y0 >= y1:
            return np.zeros((size, size, 3), np.uint8)
        part = Image.fromarray(np.ascontiguousarray(image_HWC[y0:y1, x0:x1])).reduce(shrink)
        # Pillow counts from the edge of the first pixel, the matrix from its centre.
        linear = matrix[:, :2]
        constant = (matrix[:, 2] + 0.5 - 0.5 * linear.sum(axis=1) - [x0, y0]) / shrink
        linear = linear / shrink
        turned = part.transform(
            (size, size),
            Image.Transform.AFFINE,
            tuple(float(value) for value in (*linear[0], constant[0], *linear[1], constant[1])),
            resample=Image.Resampling.BILINEAR,
        )
        return np.asarray(turned, np.uint8)


def face_window(center: tuple[float, float], *, extent: float, angle: float) -> Window:
    """The window in which the mesh network sees a face of this extent upright."""
    return Window(center_x=center[0], center_y=center[1], side=extent * _FACE_ENLARGE, angle=angle)


def search_windows(width: int, height: int) -> list[list[Window]]:
    """Where to look for a face, in turns: the whole picture, then closer and closer.

    A face must fill about a tenth of what the network sees. A person filmed from afar does so in
    a part of the picture only.
    """
    whole = Window(
        center_x=(width - 1) / 2, center_y=(height - 1) / 2, side=float(max(width, height))
    )
    short = min(width, height)
    turns = [[whole]]
    if max(width, height) > 1.2 * short:
        turns.append(_row_of(width, height, side=short))
    turns.append(_row_of(width, height, side=short / 2))
    return turns


def _row_of(width: int, height: int, *, side: float) -> list[Window]:
    """Squares that cover the picture, each overlapping the next by half or more."""
    columns = _places(width, side=side)
    return [
        Window(center_x=x, center_y=y, side=side)
        for y in _places(height, side=side)
        for x in columns
    ]


def _places(length: int, *, side: float) -> list[float]:
    steps = max(1, math.ceil((length - side) / (side / 2)) + 1)
    ends = (side - 1) / 2, length - 1 - (side - 1) / 2
    return [float(place) for place in np.linspace(*ends, steps)]
