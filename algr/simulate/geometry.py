"""The drawn curves of a face in every frame, and the 49 landmarks that lie on them.

All curves start from the person's shape, are moved by the muscles (`muscles`), parted by the
opening of lids and lips, and placed in the image by the pose of the head.
"""

# Shape suffixes: F = frames, P = points of a curve, S = sides, K = movers, 2 = x and y.

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from algr.simulate.exercises import Motion
from algr.simulate.muscles import weights_at
from algr.simulate.person import Scene, Shape
from algr.simulate.skin import head_outline

Array = npt.NDArray[np.float64]

BROW_POINTS = 13
LID_POINTS = 25
LIP_POINTS = 49
"""Points per curve, from image-left to image-right (for a lid too)."""
JAW_POINTS = 17
_JAW_TOP = 0.05
"""Where the line of the jaw begins and ends, beside the eyes; face y."""


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How face coordinates become pixels in every frame: p = matrix_F22 q + offset_F2."""

    matrix_F22: Array
    offset_F2: Array

    def to_image(self, points_FP2: Array) -> Array:
        """Pixels of points in face coordinates."""
        turned = points_FP2[..., :1] * self.matrix_F22[:, None, :, 0]
        turned = turned + points_FP2[..., 1:] * self.matrix_F22[:, None, :, 1]
        return np.asarray(turned + self.offset_F2[:, None, :])


@dataclass(frozen=True, kw_only=True)
class Curves:
    """The moving lines of a face in pixels, frame by frame, image-left to image-right.

    `lips` has four lines: outer and inner edge of the upper lip, inner and outer edge of the
    lower lip. `eye_centre` is the middle of the socket, `iris` the middle of the iris.
    """

    brow_FSP2: Array
    nose_FP2: Array
    upper_lid_FSP2: Array
    lower_lid_FSP2: Array
    lips_F4P2: Array
    iris_FS2: Array
    unit_px_F: Array


def place(motion: Motion, scene: Scene) -> Placement:
    """The pose of the head in the image."""
    unit_F = scene.eye_distance_px * motion.scale_F
    cos_F, sin_F = np.cos(motion.roll_F) * unit_F, np.sin(motion.roll_F) * unit_F
    matrix_F22 = np.stack([np.stack([cos_F, -sin_F], -1), np.stack([sin_F, cos_F], -1)], axis=1)
    centre = np.array([scene.centre_x_px, scene.centre_y_px])
    return Placement(
        matrix_F22=matrix_F22, offset_F2=centre + motion.shift_F2 * scene.eye_distance_px
    )


def brow_line(shape: Shape, side: int, across_P: Array) -> Array:
    """The ridge of a brow; `across_P` runs from 0 (inner end) to 1 (outer end)."""
    sign = -1.0 if side == 0 else 1.0
    x_P = shape.brow_inner_x + (shape.brow_outer_x - shape.brow_inner_x) * across_P
    arch_P = 1.0 - ((across_P - 0.62) / 0.62) ** 2
    y_P = shape.brow_y + shape.brow_offsets[side] - shape.brow_arch * arch_P
    y_P = y_P + shape.brow_tilt * (across_P - 0.5)
    return np.stack([sign * x_P, y_P], axis=-1)


def nose_points(shape: Shape) -> Array:
    """Bridge from top to tip, then the base from image-left to image-right."""
    bridge_y = np.linspace(0.06, shape.nose_tip_y, 4)
    base_x = shape.nose_half_width * np.array([-0.72, -0.36, 0.0, 0.36, 0.72])
    base_y = shape.nose_base_y + np.array([-0.035, -0.005, 0.012, -0.005, -0.035])
    bridge = np.stack([np.zeros(4), bridge_y], axis=-1)
    return np.concatenate([bridge, np.stack([base_x, base_y], axis=-1)])


def lid_line(shape: Shape, side: int, across_P: Array) -> Array:
    """The line between the corners of an eye; `across_P` from 0 (image-left) to 1."""
    sign = -1.0 if side == 0 else 1.0
    x_P = (across_P * 2.0 - 1.0) * shape.eye_half_width
    return np.stack([sign * 0.5 + x_P, -sign * shape.eye_tilt * x_P / 0.235], axis=-1)


def lid_profile(side: int, across_P: Array) -> tuple[Array, Array]:
    """Height of the upper and depth of the lower lid along the eye, 0 at the corners, 1 at most."""
    outer_P = across_P if side == 1 else 1.0 - across_P
    upper_P = (4.0 * outer_P * (1.0 - outer_P)) ** 0.72 * (1.06 - 0.16 * outer_P)
    lower_P = (4.0 * outer_P * (1.0 - outer_P)) ** 0.85 * (0.88 + 0.2 * outer_P)
    return upper_P, lower_P


def lip_lines(shape: Shape, across_P: Array) -> Array:
    """The four edges of closed lips; `across_P` runs from -1 to 1; (4, P, 2)."""
    x_P = across_P * shape.mouth_half_width
    corner_P = 0.5 * (1.0 - across_P) * shape.corner_offsets[0]
    corner_P = corner_P + 0.5 * (1.0 + across_P) * shape.corner_offsets[1]
    middle_P = shape.mouth_y + corner_P * across_P**2 - shape.mouth_curve * (across_P**2 - 0.3)
    arch_P = 1.0 - across_P**2
    bow_P = shape.bow * (
        np.exp(-0.5 * ((np.abs(across_P) - 0.24) / 0.13) ** 2)
        - 0.7 * np.exp(-0.5 * (across_P / 0.10) ** 2)
    )
    upper_P = shape.upper_lip * (0.62 * arch_P**0.8 + 0.38 * arch_P**2) + bow_P * arch_P
    lower_P = shape.lower_lip * arch_P**0.75
    parting_P = 0.010 * np.cos(across_P * 3.0 * np.pi / 2.0) * arch_P
    lines = [middle_P - upper_P, middle_P + parting_P, middle_P + parting_P, middle_P + lower_P]
    return np.stack([np.stack([x_P, y_P], axis=-1) for y_P in lines])


def trace(shape: Shape, scene: Scene, motion: Motion) -> Curves:
    """The curves of every frame in pixels."""
    placement = place(motion, scene)
    across_P = np.linspace(0.0, 1.0, LID_POINTS)
    brow_across_P = np.linspace(0.0, 1.0, BROW_POINTS)
    brows = [brow_line(shape, 0, brow_across_P[::-1]), brow_line(shape, 1, brow_across_P)]
    uppers, lowers, irises = [], [], []
    for side in (0, 1):
        upper, lower, iris = _lids(shape, side, across_P, motion)
        uppers.append(placement.to_image(upper))
        lowers.append(placement.to_image(lower))
        irises.append(placement.to_image(iris)[:, 0])
    lips = [placement.to_image(line) for line in _lips(shape, motion)]
    return Curves(
        brow_FSP2=np.stack([placement.to_image(moved(brow, motion)) for brow in brows], axis=1),
        nose_FP2=placement.to_image(moved(nose_points(shape), motion)),
        upper_lid_FSP2=np.stack(uppers, axis=1),
        lower_lid_FSP2=np.stack(lowers, axis=1),
        lips_F4P2=np.stack(lips, axis=1),
        iris_FS2=np.stack(irises, axis=1),
        unit_px_F=scene.eye_distance_px * motion.scale_F,
    )


def moved(points_P2: Array, motion: Motion) -> Array:
    """Where the muscles and the turn of the head take points; (F, P, 2), face coordinates."""
    weights_PK2 = weights_at(points_P2[:, 0], points_P2[:, 1], motion.movers)
    return np.asarray(points_P2 + np.einsum("fk,pkc->fpc", motion.movers_FK, weights_PK2))


def _lids(shape: Shape, side: int, across_P: Array, motion: Motion) -> tuple[Array, Array, Array]:
    line_P2 = lid_line(shape, side, across_P)
    upper_P, lower_P = lid_profile(side, across_P)
    height = shape.eye_height * shape.eye_factors[side]
    # Lids ride on the eyeball: brow and cheek move them by a part of their own motion only.
    base_FP2 = line_P2 + 0.35 * (moved(line_P2, motion) - line_P2)
    turn_FP2 = moved(line_P2, _turn_only(motion)) - line_P2
    base_FP2 = base_FP2 + 0.65 * turn_FP2
    open_F1 = motion.openness_F2[:, side, None]
    shut_F1 = 1.0 - np.clip(open_F1, 0.0, 1.0)
    gape_F1 = motion.gape_F2[:, side, None]
    lower_FP = height * lower_P * (0.36 + 0.20 * gape_F1 - 0.10 * shut_F1)
    upper_FP = lower_FP - height * (upper_P * 0.64 + lower_P * (0.36 + 0.20 * gape_F1)) * open_F1
    upper = base_FP2 + np.stack([np.zeros_like(upper_FP), upper_FP], axis=-1)
    lower = base_FP2 + np.stack([np.zeros_like(lower_FP), lower_FP], axis=-1)
    radius = 0.098
    centre_F2 = base_FP2[:, LID_POINTS // 2] + np.array([0.0, -0.10 * height])
    iris_F12 = (centre_F2 + motion.gaze_F2 * radius * np.array([1.0, 0.8]))[:, None, :]
    return upper, lower, iris_F12


def _turn_only(motion: Motion) -> Motion:
    movers_FK = np.zeros_like(motion.movers_FK)
    movers_FK[:, -2:] = motion.movers_FK[:, -2:]
    return Motion(**{**motion.__dict__, "movers_FK": movers_FK})


def _lips(shape: Shape, motion: Motion) -> list[Array]:
    across_P = np.linspace(-1.0, 1.0, LIP_POINTS)
    lines_4P2 = lip_lines(shape, across_P)
    right_P = 0.5 + 0.5 * np.sin(np.clip(across_P, -0.5, 0.5) * np.pi)
    parted_P = (1.0 - across_P**2) ** 0.7
    lift_FP = (motion.lift_F2[:, :1] * (1.0 - right_P) + motion.lift_F2[:, 1:] * right_P) * parted_P
    drop_FP = (motion.drop_F2[:, :1] * (1.0 - right_P) + motion.drop_F2[:, 1:] * right_P) * parted_P
    lines = []
    for index, (lift, drop) in enumerate(((1.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.0, 1.0))):
        points_FP2 = moved(lines_4P2[index], motion)
        points_FP2[..., 1] += drop * drop_FP - lift * lift_FP
        lines.append(points_FP2)
    press_F1 = motion.press_F[:, None]
    lines[0][..., 1] += press_F1 * (lines[1][..., 1] - lines[0][..., 1])
    lines[3][..., 1] += press_F1 * (lines[2][..., 1] - lines[3][..., 1])
    _keep_closed(lines)
    return lines


def _keep_closed(lines: list[Array]) -> None:
    """Inner edges never cross: where the muscles would push one through the other, they meet."""
    upper_FP, lower_FP = lines[1][..., 1], lines[2][..., 1]
    middle_FP = 0.5 * (upper_FP + lower_FP)
    crossed_FP = upper_FP > lower_FP
    upper_FP[crossed_FP] = middle_FP[crossed_FP]
    lower_FP[crossed_FP] = middle_FP[crossed_FP]


def landmarks(curves: Curves) -> Array:
    """The 49 points of `algr.faces`, every one on a drawn curve; (F, 49, 2) pixels."""
    picks_brow = np.linspace(0, BROW_POINTS - 1, 5).round().astype(int)
    third = (LID_POINTS - 1) // 3
    parts = [
        curves.brow_FSP2[:, 0, picks_brow],
        curves.brow_FSP2[:, 1, picks_brow],
        curves.nose_FP2,
    ]
    for side in (0, 1):
        upper, lower = curves.upper_lid_FSP2[:, side], curves.lower_lid_FSP2[:, side]
        parts += [upper[:, [0, third, 2 * third, LID_POINTS - 1]], lower[:, [2 * third, third]]]
    last = LIP_POINTS - 1
    outer = np.array([8, 17, 24, 31, 40])
    inner = np.array([14, 24, 34])
    lips = curves.lips_F4P2
    parts += [lips[:, 0, [0, *outer, last]], lips[:, 3, outer[::-1]]]
    parts += [lips[:, 1, inner], lips[:, 2, inner[::-1]]]
    return np.concatenate(parts, axis=1)


def jaw_points(shape: Shape, scene: Scene, motion: Motion) -> Array:
    """17 points on the contour of the face, image-left to image-right; (F, 17, 2) pixels.

    They come before the 49 in the order of iBUG.
    """
    outline_P2 = head_outline(shape)
    right_P2 = outline_P2[(outline_P2[:, 0] >= 0.0) & (outline_P2[:, 1] >= _JAW_TOP)]
    right_P2 = right_P2[np.argsort(-right_P2[:, 1], kind="stable")]
    steps_P = np.linalg.norm(np.diff(right_P2, axis=0, prepend=right_P2[:1]), axis=1)
    along_P = np.cumsum(steps_P)
    picks = np.linspace(0.0, along_P[-1], JAW_POINTS // 2 + 1)
    half_P2 = np.stack([np.interp(picks, along_P, column) for column in right_P2.T], axis=-1)
    half_P2[0, 0] = 0.0
    line_P2 = np.concatenate([half_P2[:0:-1] * (-1.0, 1.0), half_P2])
    return place(motion, scene).to_image(moved(line_P2, motion))
