"""Muscles as smooth displacements of the face: those of a palsy's exercises, and action units.

A muscle of one side moves the skin by a sum of Gaussian bumps. Coordinates are the face's own:
origin between the eye centres, x to the image's right, y down, unit the distance of the eye
centres.
"""

# Shape suffixes: K = movers, N = points, F = frames, 2 = x and y.

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bump:
    """A Gaussian displacement, given for the image-right side; mirrored for the other."""

    x: float
    y: float
    width: float
    height: float
    dx: float
    dy: float


BUMPS: dict[str, tuple[Bump, ...]] = {
    "frontalis": (
        Bump(0.52, -0.40, 0.34, 0.24, 0.0, -0.17),
        Bump(0.45, -0.80, 0.36, 0.30, 0.0, -0.05),
    ),
    "corrugator": (Bump(0.26, -0.32, 0.22, 0.18, -0.06, 0.07),),
    "orbicularis": (
        Bump(0.52, -0.36, 0.34, 0.16, 0.0, 0.05),
        Bump(0.58, 0.38, 0.32, 0.22, 0.0, -0.08),
    ),
    "levator": (
        Bump(0.24, 0.66, 0.18, 0.20, 0.02, -0.09),
        Bump(0.26, 0.96, 0.20, 0.15, 0.02, -0.06),
    ),
    "zygomatic": (
        Bump(0.46, 1.10, 0.25, 0.26, 0.14, -0.14),
        Bump(0.64, 0.62, 0.30, 0.28, 0.02, -0.07),
    ),
    "pucker": (Bump(0.42, 1.10, 0.22, 0.24, -0.15, 0.01),),
    "depressor": (Bump(0.34, 1.26, 0.24, 0.20, 0.04, 0.09),),
    "mentalis": (Bump(0.18, 1.58, 0.28, 0.20, 0.0, -0.06),),
    "brow_droop": (Bump(0.54, -0.40, 0.36, 0.24, 0.0, 0.145),),
    "mouth_droop": (
        Bump(0.46, 1.13, 0.26, 0.30, -0.03, 0.15),
        Bump(0.64, 0.90, 0.32, 0.40, 0.0, 0.035),
    ),
    "drift": (Bump(0.0, 1.05, 0.46, 0.34, 0.075, 0.0),),
    "jaw": (Bump(0.0, 1.60, 0.70, 0.42, 0.0, 0.12),),
}
"""What each muscle does; `drift` pulls the midline of the mouth to its side, `jaw` has no side."""

ACTION_BUMPS: dict[str, tuple[Bump, ...]] = {
    "AU1": (
        Bump(0.17, -0.36, 0.18, 0.22, -0.01, -0.155),
        Bump(0.15, -0.78, 0.24, 0.28, 0.0, -0.04),
    ),
    "AU2": (
        Bump(0.74, -0.38, 0.22, 0.22, 0.0, -0.165),
        Bump(0.64, -0.80, 0.28, 0.28, 0.0, -0.04),
    ),
    "AU4": (
        Bump(0.24, -0.33, 0.22, 0.18, -0.065, 0.105),
        Bump(0.56, -0.38, 0.26, 0.16, -0.02, 0.055),
    ),
    "AU6": (Bump(0.58, 0.38, 0.32, 0.22, 0.0, -0.085), Bump(0.76, -0.32, 0.20, 0.16, 0.0, 0.03)),
    "AU9": (
        Bump(0.14, 0.46, 0.15, 0.20, 0.01, -0.07),
        Bump(0.22, 0.70, 0.17, 0.18, 0.025, -0.085),
        Bump(0.24, -0.30, 0.24, 0.16, -0.02, 0.04),
        Bump(0.20, 0.98, 0.20, 0.12, 0.01, -0.025),
    ),
    "AU10": (
        Bump(0.22, 0.98, 0.22, 0.14, 0.02, -0.095),
        Bump(0.32, 0.76, 0.16, 0.20, 0.02, -0.045),
    ),
    "AU12": BUMPS["zygomatic"],
    "AU14": (Bump(0.44, 1.10, 0.17, 0.16, 0.080, -0.020),),
    "AU15": (Bump(0.45, 1.13, 0.22, 0.18, 0.01, 0.13),),
    "AU17": (
        Bump(0.14, 1.62, 0.28, 0.22, 0.0, -0.075),
        Bump(0.10, 1.25, 0.24, 0.14, 0.0, -0.065),
    ),
    "AU20": (Bump(0.46, 1.13, 0.26, 0.24, 0.135, 0.025),),
    "AU23": (Bump(0.42, 1.10, 0.22, 0.22, -0.085, 0.0),),
    "AU24": (Bump(0.10, 1.58, 0.24, 0.18, 0.0, -0.025), Bump(0.20, 0.92, 0.22, 0.12, 0.0, 0.02)),
    "AU26": (Bump(0.0, 1.72, 0.80, 0.44, 0.0, 0.20),),
}
"""What each action unit does to the skin; lids and lips do the rest (`actions`)."""

SIDELESS = ("jaw", "AU26")
POSE = ("yaw", "pitch")
Mover = tuple[str, int]
"""Name and image side; 0 for what has no side."""


def _movers(names: Sequence[str]) -> tuple[Mover, ...]:
    """Both sides of each name in order; then the turns of the head."""
    muscles = ((name, side) for name in names for side in ((0,) if name in SIDELESS else (0, 1)))
    return (*muscles, *((name, 0) for name in POSE))


MOVERS = _movers(tuple(BUMPS))
"""The K movers of a clinic's exercises."""
MOVER_INDEX = {mover: index for index, mover in enumerate(MOVERS)}
ACTION_MOVERS = _movers(tuple(ACTION_BUMPS))
"""The K movers of a face that shows action units."""
_ALL_BUMPS = {**BUMPS, **ACTION_BUMPS}


def depth_of(x_N: Array, y_N: Array) -> Array:
    """How far a point of the head lies before its axis, in eye distances; smooth."""
    head = 0.95 * np.exp(-0.5 * ((x_N / 0.95) ** 2 + ((y_N - 0.45) / 1.45) ** 2))
    nose = 0.26 * np.exp(-0.5 * ((x_N / 0.14) ** 2 + ((y_N - 0.52) / 0.22) ** 2))
    return np.asarray(head + nose)


def weights_at(x_N: Array, y_N: Array, movers: Sequence[Mover] = MOVERS) -> Array:
    """Displacement of points per unit of every mover.

    Returns:
        (N, K, 2); for yaw and pitch per unit of the sine of the angle.
    """
    weights_NK2 = np.zeros((x_N.shape[0], len(movers), 2))
    for index, (name, side) in enumerate(movers):
        if name in POSE:
            weights_NK2[:, index, POSE.index(name)] = depth_of(x_N, y_N)
            continue
        sign = -1.0 if side == 0 and name not in SIDELESS else 1.0
        for bump in _ALL_BUMPS[name]:
            distance = ((x_N - sign * bump.x) / bump.width) ** 2
            distance = distance + ((y_N - bump.y) / bump.height) ** 2
            height = np.exp(-0.5 * distance)
            weights_NK2[:, index, 0] += sign * bump.dx * height
            weights_NK2[:, index, 1] += bump.dy * height
    return weights_NK2
