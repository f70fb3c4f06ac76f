"""A frontal face as 49 landmarks in the 176 crop, symmetric about its middle; inner eye corners
41 pixels apart."""

import torch
from torch import Tensor

from algr.faces import MIRRORED

# fmt: off
_HALF = {
    0: (38, 48), 1: (46, 41), 2: (56, 39), 3: (65, 41), 4: (74, 45),
    10: (87.5, 60), 11: (87.5, 72), 12: (87.5, 84), 13: (87.5, 96),
    14: (74, 102), 15: (81, 105), 16: (87.5, 107),
    19: (44, 60), 20: (51, 55), 21: (60, 55), 22: (67, 61), 23: (59, 64), 24: (51, 64),
    31: (62, 128), 32: (71, 123), 33: (80, 120), 34: (87.5, 122),
    40: (87.5, 143), 41: (78, 141), 42: (69, 136),
    43: (77, 127), 44: (87.5, 128), 47: (87.5, 134), 48: (78, 133),
}
# fmt: on
"""The image-left half and the middle; the other half is its mirror image."""


def frontal_face() -> Tensor:
    """(49, 2) float64."""
    points = torch.zeros(49, 2, dtype=torch.float64)
    for index, (x, y) in _HALF.items():
        points[MIRRORED[index]] = torch.tensor([175 - x, y], dtype=torch.float64)
        points[index] = torch.tensor([x, y], dtype=torch.float64)
    return points


def mirrored(points_BL2: Tensor) -> Tensor:
    """The face in a mirror: x' = 175 - x, and each point under its new name."""
    flipped = points_BL2.clone()
    flipped[..., 0] = 175 - flipped[..., 0]
    return flipped[..., list(MIRRORED), :]


def shaken_faces(count: int, *, seed: int, spread: float = 4.0) -> Tensor:
    """(B, 49, 2) float64: the frontal face moved, stretched and jittered."""
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    centre = torch.tensor([87.5, 90.0], dtype=torch.float64)
    stretched = (frontal_face() - centre) * (1 + 0.1 * normal(count, 1, 1)) + centre
    return stretched + spread * normal(count, 1, 2) + spread / 4 * normal(count, 49, 2)
