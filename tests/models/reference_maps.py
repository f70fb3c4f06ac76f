"""Region maps as they are printed and described, pixel by pixel.

Landmarks and centres are lists of (x, y); a centre is in cells of the map, half-widths too.
"""

import torch
from torch import Tensor

from algr.models.rules import RegionTable

SLOPE = 0.56


def official_map(
    centres: list[tuple[float, float]], *, side: int, scale: float = 0.14, slope: float = SLOPE
) -> Tensor:
    """`generate_map` of PyTorch-JAANet for one region: centres (x, y) in cells."""
    half = round((side - 1) / 2 * scale)
    drawn = torch.zeros(side, side, dtype=torch.float64)
    for x, y in centres:
        column, row = round(x), round(y)
        top, bottom = (min(max(row + step, 0), side - 1) for step in (-half, half))
        left, right = (min(max(column + step, 0), side - 1) for step in (-half, half))
        for h in range(top, bottom + 1):
            for w in range(left, right + 1):
                value = 1 - (abs(h - row) + abs(w - column)) * slope / (side * scale)
                drawn[h, w] = max(value, float(drawn[h, w]))
    return drawn


def smooth_map(centres_C2: Tensor, scale: Tensor, *, side: int) -> Tensor:
    """The same with a window whose border is a ramp of one cell, differentiable."""
    half = (side - 1) / 2 * scale
    rows = []
    for h in range(side):
        cells = []
        for w in range(side):
            value = torch.zeros((), dtype=centres_C2.dtype)
            for x, y in centres_C2:
                window = _ramp(w, x, half, side) * _ramp(h, y, half, side)
                fall = (abs(h - y) + abs(w - x)) * SLOPE / (side * scale)
                value = torch.maximum(value, (1 - fall) * window)
            cells.append(value)
        rows.append(torch.stack(cells))
    return torch.stack(rows)


def _ramp(cell: int, centre: Tensor, half: Tensor, side: int) -> Tensor:
    """1 inside the window, 0 a cell outside; the window is cut off at the frame."""
    low = torch.clamp(centre - half, 0, side - 1)
    high = torch.clamp(centre + half, 0, side - 1)
    inside = torch.minimum(cell - low, high - cell)
    return torch.clamp(1 + inside, 0, 1)


def centres_px(landmarks_L2: Tensor, table: RegionTable) -> list[list[tuple[float, float]]]:
    """Centres of every region in pixels, from the printed rules."""
    ruler = abs(float(landmarks_L2[22, 0]) - float(landmarks_L2[25, 0]))
    return [
        [
            (
                float(landmarks_L2[centre.landmark, 0]) + centre.dx * ruler,
                float(landmarks_L2[centre.landmark, 1]) + centre.dy * ruler,
            )
            for centre in rule.centres
        ]
        for rule in table.rules
    ]
