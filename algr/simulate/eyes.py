"""Eyes: the ball between the lids, iris, lashes and the crease of the upper lid."""

# Shape suffixes: H = rows, W = columns, P = points, 2 = x and y, 3 = RGB. Positions become plain
# floats before they meet arrays, which then stay in single precision.

import numpy as np

from algr.simulate.person import Looks, Scene
from algr.simulate.raster import Array, Floats, as_rgb, blend, darken


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
        gape: How far the lower lid hangs away from the ball; its red inner side shows.
        side: Image side; the inner corner lies towards the other side.
        looks: Colours.
        scene: Light.
    """
    u = unit_px
    left, right = float(upper_P2[0, 0]), float(upper_P2[-1, 0])
    top = float(min(upper_P2[:, 1].min(), lower_P2[:, 1].min())) - 0.17 * u
    bottom = float(lower_P2[:, 1].max()) + 0.10 * u
    height, width = image_3HW.shape[1:]
    rows = slice(max(int(top), 0), min(int(bottom) + 1, height))
    columns = slice(max(int(left - 0.08 * u), 0), min(int(right + 0.08 * u) + 1, width))
    patch = image_3HW[:, rows, columns]
    if patch.size == 0:
        return
    x_W = np.arange(columns.start, columns.stop, dtype=np.float32)
    y_H1 = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    upper_W = _edge(x_W, upper_P2)
    lower_W = _edge(x_W, lower_P2)
    across_W = (x_W - left) / (right - left)
    inside_W = np.clip((x_W - left) / 1.5 + 0.5, 0, 1) * np.clip((right - x_W) / 1.5 + 0.5, 0, 1)
    below_upper = y_H1 - upper_W
    above_lower = lower_W - y_H1
    cover = np.clip(below_upper + 0.5, 0, 1) * np.clip(above_lower + 0.5, 0, 1) * inside_W
    opening = float(np.max(lower_W - upper_W)) / u
    if opening > 0.012:
        ball = _eyeball(x_W, y_H1, below_upper, across_W, iris_2, u, side, looks, scene)
        blend(patch, ball, cover)
    _draw_lids(patch, below_upper, above_lower, across_W, inside_W, opening, gape, u, side, looks)


def _edge(x_W: Floats, line_P2: Array) -> Floats:
    return np.interp(x_W, line_P2[:, 0], line_P2[:, 1]).astype(np.float32)


def _eyeball(
    x_W: Floats,
    y_H1: Floats,
    below_upper: Floats,
    across_W: Floats,
    iris_2: Array,
    u: float,
    side: int,
    looks: Looks,
    scene: Scene,
) -> Floats:
    inner_W = across_W if side == 1 else 1.0 - across_W
    iris_x, iris_y = float(iris_2[0]), float(iris_2[1])
    exposure = 0.70 + 0.27 * scene.gain
    shade = 1.0 - 0.42 * np.exp(-np.clip(below_upper, 0, None) / (0.040 * u))
    white = shade * (1.0 - 0.30 * np.abs(2 * across_W - 1) ** 3)
    ball = np.stack([white * (value * exposure) for value in (232.0, 226.0, 222.0)])
    blend(ball, (206.0, 128.0, 120.0), 0.75 * np.exp(-(((inner_W - 0.02) / 0.09) ** 2)))
    radius = 0.098 * u
    away = np.sqrt((x_W - iris_x) ** 2 + (y_H1 - iris_y) ** 2)
    ring = 0.55 + 0.55 * np.clip(away / radius, 0, 1) - 3.0 * np.clip(away / radius - 0.78, 0, 1)
    ring = ring * (1.0 + 0.25 * np.clip((y_H1 - iris_y) / radius, -1, 1)) * (0.35 + 0.65 * shade)
    iris = np.stack([ring * (value * (0.75 + 0.25 * scene.gain)) for value in looks.iris])
    blend(ball, iris, np.clip(radius - away + 0.5, 0, 1))
    blend(ball, (14.0, 11.0, 11.0), np.clip(0.040 * u - away + 0.5, 0, 1))
    lx, ly, _ = scene.light
    spot_x, spot_y = iris_x + 0.045 * u * lx, iris_y + 0.05 * u * min(ly, -0.3)
    spot = np.sqrt((x_W - spot_x) ** 2 + (y_H1 - spot_y) ** 2)
    blend(ball, (250.0, 250.0, 248.0), 0.9 * np.clip(0.020 * u - spot + 0.6, 0, 1))
    return ball


def _draw_lids(
    patch: Floats,
    below_upper: Floats,
    above_lower: Floats,
    across_W: Floats,
    inside_W: Floats,
    opening: float,
    gape: float,
    u: float,
    side: int,
    looks: Looks,
) -> None:
    outer_W = across_W if side == 1 else 1.0 - across_W
    openness = min(opening / 0.12, 1.0)
    lash = as_rgb([0.25 * value + 10.0 for value in looks.hair])
    thick_W = (0.010 + 0.012 * looks.lashes) * u * (0.55 + 0.75 * np.clip(outer_W, 0, 1))
    line = np.exp(-((below_upper + 0.15 * thick_W) ** 2) / (2 * (0.5 * thick_W) ** 2 + 0.15))
    reach_W = np.clip((1.06 - outer_W) / 0.06, 0, 1) * np.clip((outer_W - 0.02) / 0.08, 0, 1)
    blend(patch, lash, line * reach_W * (0.55 + 0.4 * looks.lashes))
    # The wet edge of the lower lid, then its lashes.
    wide = (0.016 + 0.018 * gape) * u
    arch_W = np.clip(4 * across_W * (1 - across_W), 0, 1) ** 0.4
    rim = np.exp(-(((above_lower + 0.75 * wide) / wide) ** 2)) * inside_W * arch_W
    blend(patch, (214.0, 150.0 - 56.0 * gape, 140.0 - 50.0 * gape), rim * (0.40 + 0.42 * gape) * openness)
    lower_line = np.exp(-(((above_lower + 0.035 * u) / (0.014 * u)) ** 2)) * inside_W
    darken(patch, 0.20 * lower_line * np.clip(outer_W, 0, 1))
    crease_px = (0.055 + 0.03 * (1.0 - openness)) * u
    crease = np.exp(-(((below_upper + crease_px * arch_W) / (0.020 * u)) ** 2)) * inside_W
    depth = 0.16 + 0.24 * openness
    darken(patch, depth * crease, tint=(0.9, 1.0, 1.0))
    lid = np.clip(-below_upper / (0.02 * u), 0, 1) * np.exp(-(((below_upper) / (0.07 * u)) ** 2))
    darken(patch, 0.10 * lid * inside_W, tint=(0.6, 1.0, 0.9))
