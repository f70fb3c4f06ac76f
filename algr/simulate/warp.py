"""Moving the painted sheet: which of its points every pixel of a frame shows."""

# Shape suffixes: H, W = rows and columns of the frame; h, w = of a coarse grid; K = movers,
# 2 = x and y.

import numpy as np
import numpy.typing as npt
from PIL import Image

from algr.simulate.geometry import Placement
from algr.simulate.muscles import MOVERS, weights_at
from algr.simulate.raster import BOTTOM, FINE, LEFT, RIGHT, TOP, Array, Floats

CELL = 6
"""Pixels between two points at which the motion is solved; between them it is linear."""
TABLE_STEP = 0.07
"""Distance between the points at which the movers are tabulated, eye distances."""


class Warp:
    """Solves, frame by frame, for the point of the sheet that each pixel shows.

    Muscles are given as displacements of the sheet, so a pixel's origin q solves
    q + displacement(q) = u; it is found by iteration from the previous frame's solution.
    """

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        width, height = size
        columns = (np.arange(-1, width // CELL + 1) + 0.5) * CELL - 0.5
        rows = (np.arange(-1, height // CELL + 1) + 0.5) * CELL - 0.5
        self._pixels_hw2 = np.stack(np.meshgrid(columns, rows), axis=-1)
        x, y = np.meshgrid(
            np.arange(LEFT, RIGHT + TABLE_STEP, TABLE_STEP),
            np.arange(TOP, BOTTOM + TABLE_STEP, TABLE_STEP),
        )
        self._table_shape = x.shape
        weights = weights_at(x.ravel(), y.ravel()).transpose(1, 0, 2)
        self._table = weights.reshape(len(MOVERS), -1).astype(np.float32)
        self._previous: Array | None = None

    def index_of(self, movers_K: Array, placement: Placement, frame: int) -> npt.NDArray[np.int32]:
        """Flat index into the `FINE` sheet for every pixel, (H, W)."""
        inverse = np.linalg.inv(placement.matrix_F22[frame])
        target = (self._pixels_hw2 - placement.offset_F2[frame]) @ inverse.T
        table = (movers_K.astype(np.float32) @ self._table).reshape(*self._table_shape, 2)
        first = self._previous is None
        moved = np.zeros_like(target) if self._previous is None else self._previous
        for _ in range(8 if first else 3):
            moved = self._displacement(table, target - moved)
        self._previous = moved
        source = target - moved
        width, height = FINE.size
        column = np.clip((source[..., 0] - LEFT) * FINE.scale, 0, width - 1)
        row = np.clip((source[..., 1] - TOP) * FINE.scale, 0, height - 1)
        return self._finer(row) * np.int32(width) + self._finer(column)

    def _displacement(self, table: Floats, points_hw2: Array) -> Array:
        rows, columns = self._table_shape
        x = np.clip((points_hw2[..., 0] - LEFT) / TABLE_STEP, 0, columns - 1.001)
        y = np.clip((points_hw2[..., 1] - TOP) / TABLE_STEP, 0, rows - 1.001)
        left, top = x.astype(np.int64), y.astype(np.int64)
        x, y = (x - left)[..., None], (y - top)[..., None]
        flat = table.reshape(-1, 2)
        corner = top * columns + left
        above = flat[corner] * (1 - x) + flat[corner + 1] * x
        below = flat[corner + columns] * (1 - x) + flat[corner + columns + 1] * x
        return np.asarray(above * (1 - y) + below * y)

    def _finer(self, coarse_hw: Array) -> npt.NDArray[np.int32]:
        """Linear between the coarse points, one value per pixel."""
        height, width = coarse_hw.shape
        fine = Image.fromarray(coarse_hw.astype(np.float32)).resize(
            self._size, Image.Resampling.BILINEAR, box=(1, 1, width - 1, height - 1)
        )
        return np.asarray(fine).astype(np.int32)
