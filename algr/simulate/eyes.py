"""Eyes: the ball between the lids, iris, lashes and the crease of the upper lid."""

# Shape suffixes: H = rows, W = columns, P = points, 2 = x and y, 3 = RGB. Positions become plain
# floats before they meet arrays, which then stay in single precision.

from dataclasses import dataclass

import numpy as np

from algr.simulate.person import Looks, Scene
from algr.simulate.raster import Array, Floats, Patch, as_rgb, blend, darken


@dataclass(frozen=True, kw_only=True)
class _Opening:
    """Where each pixel lies in relation to the lids.

    Attributes:
        patch: The part of the frame around the eye.
        unit_px: Distance of the eye centres.
        outward_W: Place along the eye, 0 at the inner corner, 1 at the outer.
        inside_W: 1 between the corners.
        below_upper_HW: Pixels below the edge of the upper lid.
        above_lower_HW: Pixels above the edge of the lower lid.
        gap: Widest opening, eye distances.
    """

    patch: Patch
    unit_px: float
    outward_W: Floats
    inside_W: Floats
    below_upper_HW: Floats
    above_lower_HW: Floats
    gap: float


def draw_eye(
    image_3HW: Floats,
    *,
    upper_P2: Array,
    lower_P2: Array,
    iris_2: Array,
    unit_px: float,
    side: int,
    gape: float,
    looks: Looks,
    scene: Scene,
) -> None:
    """Draw one eye into a frame, in place.

    Args:
        image_3HW: The frame with skin where the eye belongs.
        upper_P2: Edge of the upper lid, image-left to image-right, pixels.
        lower_P2: Edge of the lower lid.
        iris_2: Middle of the iris.
        unit_px: Distance of the eye centres.
        side: Image side; the inner corner lies towards the other side.
        gape: How far the lower lid hangs away from the ball; its red inner side shows.
        looks: Colours.
        scene: Light.
    """
    opening = _opening(image_3HW, upper_P2, lower_P2, unit_px=unit_px, side=side)
    if opening is None:
        return
    if opening.gap > 0.012:
        cover = np.clip(opening.below_upper_HW + 0.5, 0, 1)
        cover = cover * np.clip(opening.above_lower_HW + 0.5, 0, 1) * opening.inside_W
        blend(opening.patch.image_3HW, _eyeball(opening, iris_2, looks, scene), cover)
    _draw_lashes(opening, looks)
    _draw_lower_lid(opening, gape=gape)
    _draw_crease(opening)


def _opening(
    image_3HW: Floats, upper_P2: Array, lower_P2: Array, *, unit_px: float, side: int
) -> _Opening | None:
    left, right = float(upper_P2[0, 0]), float(upper_P2[-1, 0])
    patch = Patch.cut(
        image_3HW,
        left=left - 0.08 * unit_px,
        top=float(min(upper_P2[:, 1].min(), lower_P2[:, 1].min())) - 0.17 * unit_px,
        right=right + 0.08 * unit_px,
        bottom=float(lower_P2[:, 1].max()) + 0.10 * unit_px,
    )
    if patch is None:
        return None
    x_W, y_H1 = patch.x_W, patch.y_H1
    upper_W, lower_W = patch.line(upper_P2), patch.line(lower_P2)
    across_W = (x_W - left) / (right - left)
    from_left_W, from_right_W = (x_W - left) / 1.5 + 0.5, (right - x_W) / 1.5 + 0.5
    return _Opening(
        patch=patch,
        unit_px=unit_px,
        outward_W=across_W if side == 1 else 1.0 - across_W,
        inside_W=np.clip(from_left_W, 0, 1) * np.clip(from_right_W, 0, 1),
        below_upper_HW=y_H1 - upper_W,
        above_lower_HW=lower_W - y_H1,
        gap=float(np.max(lower_W - upper_W)) / unit_px,
    )


def _eyeball(opening: _Opening, iris_2: Array, looks: Looks, scene: Scene) -> Floats:
    unit, outward_W = opening.unit_px, opening.outward_W
    shade = 1.0 - 0.42 * np.exp(-np.clip(opening.below_upper_HW, 0, None) / (0.040 * unit))
    white = shade * (1.0 - 0.30 * np.abs(2 * outward_W - 1) ** 3) * (0.70 + 0.27 * scene.gain)
    ball = np.stack([white * value for value in (232.0, 226.0, 222.0)])
    blend(ball, (206.0, 128.0, 120.0), 0.75 * np.exp(-(((outward_W - 0.02) / 0.09) ** 2)))
    iris_x, iris_y = float(iris_2[0]), float(iris_2[1])
    x_W, y_H1 = opening.patch.x_W, opening.patch.y_H1
    radius = 0.098 * unit
    away = np.sqrt((x_W - iris_x) ** 2 + (y_H1 - iris_y) ** 2)
    ring = 0.55 + 0.55 * np.clip(away / radius, 0, 1) - 3.0 * np.clip(away / radius - 0.78, 0, 1)
    ring = ring * (1.0 + 0.25 * np.clip((y_H1 - iris_y) / radius, -1, 1)) * (0.35 + 0.65 * shade)
    iris = np.stack([ring * (value * (0.75 + 0.25 * scene.gain)) for value in looks.iris])
    blend(ball, iris, np.clip(radius - away + 0.5, 0, 1))
    blend(ball, (14.0, 11.0, 11.0), np.clip(0.040 * unit - away + 0.5, 0, 1))
    light_x, light_y, _ = scene.light
    spot_x = iris_x + 0.045 * unit * light_x
    spot_y = iris_y + 0.05 * unit * min(light_y, -0.3)
    from_spot = np.sqrt((x_W - spot_x) ** 2 + (y_H1 - spot_y) ** 2)
    blend(ball, (250.0, 250.0, 248.0), 0.9 * np.clip(0.020 * unit - from_spot + 0.6, 0, 1))
    return ball


def _draw_lashes(opening: _Opening, looks: Looks) -> None:
    outward_W, image = opening.outward_W, opening.patch.image_3HW
    thickest = (0.010 + 0.012 * looks.lashes) * opening.unit_px
    thick_W = thickest * (0.55 + 0.75 * np.clip(outward_W, 0, 1))
    from_edge = opening.below_upper_HW + 0.15 * thick_W
    line = np.exp(-(from_edge**2) / (0.5 * thick_W**2 + 0.15))
    reach_W = np.clip((1.06 - outward_W) / 0.06, 0, 1) * np.clip((outward_W - 0.02) / 0.08, 0, 1)
    colour = as_rgb([0.25 * value + 10.0 for value in looks.hair])
    blend(image, colour, line * reach_W * (0.55 + 0.4 * looks.lashes))
    below = opening.above_lower_HW + 0.035 * opening.unit_px
    lower_line = np.exp(-((below / (0.014 * opening.unit_px)) ** 2)) * opening.inside_W
    darken(image, 0.20 * lower_line * np.clip(outward_W, 0, 1))


def _draw_lower_lid(opening: _Opening, *, gape: float) -> None:
    """The wet edge of the lower lid; where the lid hangs far, its inner side is turned out."""
    turned = min(max((gape - 0.55) / 0.55, 0.0), 1.1)
    wide = (0.016 + 0.022 * turned) * opening.unit_px
    rim = np.exp(-(((opening.above_lower_HW + 0.70 * wide) / wide) ** 4))
    visible = (0.36 + 0.36 * turned) * min(opening.gap / 0.12, 1.0)
    colour = (206.0, 146.0 - 54.0 * turned, 138.0 - 48.0 * turned)
    blend(opening.patch.image_3HW, colour, rim * opening.inside_W * _arch(opening) * visible)


def _draw_crease(opening: _Opening) -> None:
    unit, image = opening.unit_px, opening.patch.image_3HW
    openness = min(opening.gap / 0.12, 1.0)
    from_crease = opening.below_upper_HW + (0.085 - 0.03 * openness) * unit * _arch(opening)
    crease = np.exp(-((from_crease / (0.020 * unit)) ** 2)) * opening.inside_W
    darken(image, (0.16 + 0.24 * openness) * crease, tint=(0.9, 1.0, 1.0))
    above = np.clip(-opening.below_upper_HW / (0.02 * unit), 0, 1)
    lid = above * np.exp(-((opening.below_upper_HW / (0.07 * unit)) ** 2)) * opening.inside_W
    darken(image, 0.10 * lid, tint=(0.6, 1.0, 0.9))


def _arch(opening: _Opening) -> Floats:
    outward_W = opening.outward_W
    return np.clip(4 * outward_W * (1 - outward_W), 0, 1) ** 0.4
