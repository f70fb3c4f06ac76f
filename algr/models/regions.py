"""Attention maps of the muscle regions, from landmarks and learned offsets and scales.

Shape suffixes: B = images, L = landmarks, A = regions, C = centres of a region, 2 = (x, y),
G = cells along one side of the map grid, F = aligned features.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from algr.faces import CROP_SIZE, INNER_EYE_CORNERS
from algr.models.heads import TwoLinear
from algr.models.rules import RegionTable

MARGIN = 4
"""Cells on each side of the map grid that the refinement's four convolutions consume."""
_SLOPE = 0.56


@dataclass(frozen=True, kw_only=True)
class MapGeometry:
    """Where a pixel of the 176 crop lies on the map grid.

    Attributes:
        feature_side: Cells along a side of the stem's output.
        form: "jaa": the whole crop covers the grid with its margins, as in the official code, so
            that maps are magnified about the centre by (side + 8) / side; "aligned": the crop
            covers the grid without its margins, so that map and feature agree.
    """

    feature_side: int
    form: Literal["jaa", "aligned"]

    @property
    def side(self) -> int:
        """Cells along a side of the map grid."""
        return self.feature_side + 2 * MARGIN

    def to_cells(self, centres_px: Tensor) -> Tensor:
        """Crop pixels to cells of the map grid."""
        if self.form == "jaa":
            return centres_px * (self.side / CROP_SIZE)
        return centres_px * (self.feature_side / CROP_SIZE) + MARGIN


def region_centres(
    landmarks_BL2: Tensor,
    *,
    landmark_index_AC: Tensor,
    shift_AC2: Tensor,
    offsets_BA2: Tensor | None,
) -> Tensor:
    """Centres of the regions in crop pixels, (B, A, C, 2).

    Args:
        landmarks_BL2: Crop pixels.
        landmark_index_AC: Landmark of each centre.
        shift_AC2: Shift of each centre from its landmark in rulers, |x22 - x25|.
        offsets_BA2: Learned shift in rulers, the same for all centres of a region.
    """
    first, second = INNER_EYE_CORNERS
    ruler_B = (landmarks_BL2[:, first, 0] - landmarks_BL2[:, second, 0]).abs()
    ruler_B111 = ruler_B[:, None, None, None]
    centres_BAC2 = landmarks_BL2[:, landmark_index_AC] + shift_AC2 * ruler_B111
    if offsets_BA2 is not None:
        centres_BAC2 = centres_BAC2 + offsets_BA2[:, :, None, :] * ruler_B111
    return centres_BAC2


def region_maps(centres_BAC2: Tensor, scales_BA: Tensor, *, side: int, rounding: bool) -> Tensor:
    """Attention maps, (B, A, G, G): 1 at a centre, falling with the city-block distance.

    With rounding this equals `generate_map` of the official JAA-Net code, including its habit of
    painting the edge for a centre outside the grid. Without, a one-cell ramp at the border of the
    square makes the map differentiable in its centre and in its width.

    Args:
        centres_BAC2: Cells of the map grid.
        scales_BA: Width of a region as a fraction of the grid; (1, 1) for a common one.
        side: Cells along a side of the grid.
        rounding: Round the centre and the half width to whole cells, as the official code does.
    """
    last = side - 1
    half_BA = scales_BA * (last / 2)
    if rounding:
        centres_BAC2, half_BA = centres_BAC2.round(), half_BA.round()
    half_BA11 = half_BA[:, :, None, None]
    low_BAC2 = (centres_BAC2 - half_BA11).clamp(0, last)
    high_BAC2 = (centres_BAC2 + half_BA11).clamp(0, last)
    cell_G = torch.arange(side, dtype=centres_BAC2.dtype, device=centres_BAC2.device)
    inside_BAC2G = torch.minimum(cell_G - low_BAC2[..., None], high_BAC2[..., None] - cell_G)
    ramp_BAC2G = (inside_BAC2G + 1).clamp(0, 1)
    distance_BAC2G = (cell_G - centres_BAC2[..., None]).abs()
    slope_BA = _SLOPE / (side * scales_BA)
    fall_BACGG = (distance_BAC2G[..., 1, :, None] + distance_BAC2G[..., 0, None, :]) * slope_BA[
        :, :, None, None, None
    ]
    window_BACGG = ramp_BAC2G[..., 1, :, None] * ramp_BAC2G[..., 0, None, :]
    return ((1 - fall_BACGG) * window_BACGG).clamp_min(0).amax(2)


class RegionHeads(nn.Module):
    """Learned offset and scale of each region, from the aligned feature.

    At the start the offsets are 0 and the scales `region_scale`. An offset stays within
    `offset_bound` rulers; a scale within a factor of two either way.
    """

    def __init__(
        self, *, features: int, hidden: int, regions: int, region_scale: float, offset_bound: float
    ) -> None:
        super().__init__()
        self.region_scale, self.offset_bound = region_scale, offset_bound
        self.offset = TwoLinear(features, hidden, 2 * regions)
        self.scale = TwoLinear(features, hidden, regions)
        for head in (self.offset, self.scale):
            nn.init.zeros_(head.last.weight)
            nn.init.zeros_(head.last.bias)

    def forward(self, aligned_BF: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets in rulers, (B, A, 2), and scales as fractions of the grid, (B, A)."""
        bounded_BK = self.offset_bound * torch.tanh(self.offset(aligned_BF))
        offsets_BA2 = bounded_BK.reshape(-1, bounded_BK.shape[1] // 2, 2)
        return offsets_BA2, self.region_scale * torch.exp2(torch.tanh(self.scale(aligned_BF)))


class RegionAttention(nn.Module):
    """Landmarks, and offsets and scales where they are learned, to maps on the grid."""

    landmark_index_AC: Tensor
    shift_AC2: Tensor

    def __init__(
        self, *, table: RegionTable, geometry: MapGeometry, region_scale: float, rounding: bool
    ) -> None:
        super().__init__()
        self.geometry, self.region_scale, self.rounding = geometry, region_scale, rounding
        index = torch.tensor(table.landmark_index)
        shift = torch.tensor(table.shifts, dtype=torch.float32)
        self.register_buffer("landmark_index_AC", index, persistent=False)
        self.register_buffer("shift_AC2", shift, persistent=False)

    def forward(
        self, landmarks_BL2: Tensor, offsets_BA2: Tensor | None, scales_BA: Tensor | None
    ) -> Tensor:
        """Maps on the grid with margins, (B, A, G, G)."""
        if scales_BA is None:
            scales_BA = landmarks_BL2.new_full((1, 1), self.region_scale)
        centres_BAC2 = region_centres(
            landmarks_BL2,
            landmark_index_AC=self.landmark_index_AC,
            shift_AC2=self.shift_AC2.to(landmarks_BL2.dtype),
            offsets_BA2=offsets_BA2,
        )
        return region_maps(
            self.geometry.to_cells(centres_BAC2),
            scales_BA,
            side=self.geometry.side,
            rounding=self.rounding,
        )
