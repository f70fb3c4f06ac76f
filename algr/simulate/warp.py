"""Moving the painted sheet: which of its points every pixel of a frame shows."""

# Shape suffixes: H, W = rows and columns of the frame; h, w = of a coarse grid; K = movers,
# 2 = x and y.

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from algr.simulate.geometry import Placement
from algr.simulate.muscles import MOVERS, Mover, weights_at
from algr.simulate.raster import BOTTOM, FINE, LEFT, RIGHT, TOP, Array, Floats

CELL = 8
"""Pixels between two points at which the motion is solved; between them it is linear."""
TABLE_STEP = 0.07
"""Distance between the points at which the movers are tabulated, eye distances."""


class Warp:
    """Solves, frame by frame, for the point of the sheet that each pixel shows.

    Muscles are given as displacements of the sheet, so a pixel's origin q solves
    q + displacement(q) = u; it is found by iteration from the previous frame's solution.
    """

    def __init__(self, size: tuple[int, int], movers: Sequence[Mover] = MOVERS) -> None:
        self._size = size
        width, height = size
        columns = np.arange(-(-width // CELL) + 1) * CELL
        rows = np.arange(-(-height // CELL) + 1) * CELL
        self._pixels_hw2 = np.stack(np.meshgrid(columns, rows), axis=-1).astype(np.float64)
        x, y = np.meshgrid(
            np.arange(LEFT, RIGHT + TABLE_STEP, TABLE_STEP),
            np.arange(TOP, BOTTOM + TABLE_STEP, TABLE_STEP),
        )
        self._table_shape = x.shape
        weights = weights_at(x.ravel(), y.ravel(), movers).transpose(1, 2, 0)
        self._table = weights.reshape(len(movers), -1).astype(np.float32)
        self._moved: Floats | None = None

    def index_of(self, movers_K: Array, placement: Placement, frame: int) -> npt.NDArray[np.intp]:
        """Flat index into the `FINE` sheet for every pixel, (H, W)."""
        inverse = np.linalg.inv(placement.matrix_F22[frame])
        target_hw2 = (self._pixels_hw2 - placement.offset_F2[frame]) @ inverse.T
        target = np.ascontiguousarray(target_hw2.transpose(2, 0, 1), np.float32)
        table = (movers_K.astype(np.float32) @ self._table).reshape(2, -1)
        steps = 3
        if self._moved is None:
            self._moved, steps = np.zeros_like(target), 10
        for _ in range(steps):
            self._moved = self._displacement(table, target - self._moved)
        source = target - self._moved
        width, height = FINE.size
        column = np.clip((source[0] - LEFT) * FINE.scale, 0, width - 1)
        row = np.clip((source[1] - TOP) * FINE.scale, 0, height - 1)
        return self._finer(row) * width + self._finer(column)

    def _displacement(self, table: Floats, points_2hw: Floats) -> Floats:
        rows, columns = self._table_shape
        x = np.clip((points_2hw[0] - LEFT) / TABLE_STEP, 0, columns - 1.001)
        y = np.clip((points_2hw[1] - TOP) / TABLE_STEP, 0, rows - 1.001)
        left, top = x.astype(np.int32), y.astype(np.int32)
        x -= left
        y -= top
        corner = top * columns + left
        result = np.empty_like(points_2hw)
        for axis in (0, 1):
            plane = table[axis]
            above, below = plane[corner], plane[corner + columns]
            above += (plane[corner + 1] - above) * x
            below += (plane[corner + columns + 1] - below) * x
            result[axis] = above + (below - above) * y
        return result

    def _finer(self, coarse_hw: Floats) -> npt.NDArray[np.intp]:
        """Linear between the coarse points, one value per pixel."""
        width, height = self._size
        share = np.arange(CELL, dtype=np.float32) / CELL
        across = coarse_hw[:, :-1, None] + np.diff(coarse_hw, axis=1)[:, :, None] * share
        lines = across.reshape(coarse_hw.shape[0], -1)[:, :width]
        fine = lines[:-1, None, :] + np.diff(lines, axis=0)[:, None, :] * share[:, None]
        return fine.reshape(-1, width)[:height].astype(np.intp)
