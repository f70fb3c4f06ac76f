"""The mouth: lips, and the teeth and dark between them when they part."""

# Shape suffixes: H = rows, W = columns, P = points, 2 = x and y, 3 = RGB.

import numpy as np

from algr.simulate.person import Looks, Scene
from algr.simulate.raster import Array, Floats, as_rgb, blend, darken


def draw_mouth(
    image_3HW: Floats,
    *,
    lips_4P2: Array,
    unit_px: float,
    lower_teeth: float,
    looks: Looks,
    scene: Scene,
) -> None:
    """Draw the mouth into a frame, in place.

    Args:
        image_3HW: The frame with skin where the mouth belongs.
        lips_4P2: Outer and inner edge of the upper lip, inner and outer edge of the lower lip,
            image-left to image-right, pixels.
        unit_px: Distance of the eye centres.
        lower_teeth: How much the lower teeth show, 0 to 1.
        looks: Colours.
        scene: Light.
    """
    u = unit_px
    left, right = float(lips_4P2[0, 0, 0]), float(lips_4P2[0, -1, 0])
    height, width = image_3HW.shape[1:]
    rows = slice(
        max(int(lips_4P2[0, :, 1].min() - 0.05 * u), 0),
        min(int(lips_4P2[3, :, 1].max() + 0.16 * u) + 1, height),
    )
    columns = slice(max(int(left - 0.08 * u), 0), min(int(right + 0.08 * u) + 1, width))
    patch = image_3HW[:, rows, columns]
    if patch.size == 0:
        return
    x_W = np.arange(columns.start, columns.stop, dtype=np.float32)
    y_H1 = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
    top_W, upper_W, lower_W, bottom_W = (
        np.interp(x_W, line[:, 0], line[:, 1]).astype(np.float32) for line in lips_4P2
    )
    across_W = 2.0 * (x_W - left) / (right - left) - 1.0
    inside_W = np.clip(x_W - left + 0.5, 0, 1) * np.clip(right - x_W + 0.5, 0, 1)
    arch_W = np.clip(1.0 - across_W**2, 0.0, 1.0)
    below = np.clip(y_H1 - bottom_W, 0, None)
    shadow = 0.20 * np.exp(-((below / (0.055 * u)) ** 2)) * arch_W * (y_H1 > bottom_W)
    darken(patch, shadow, tint=(0.9, 1.0, 1.0))
    _draw_corners(patch, x_W, y_H1, lips_4P2, u)
    light = scene.gain * (1.0 + 0.14 * scene.light[0] * across_W)
    _draw_lips(
        patch, y_H1, (top_W, upper_W, lower_W, bottom_W), inside_W, across_W, light, u, looks
    )
    gap_W = lower_W - upper_W
    seam = np.exp(-(((y_H1 - 0.5 * (upper_W + lower_W)) / (0.5 * gap_W + 0.014 * u)) ** 2))
    seam_W = np.clip((x_W - left) / 3, 0, 1) * np.clip((right - x_W) / 3, 0, 1)
    blend(patch, as_rgb([0.30 * value for value in looks.lips]), 0.80 * seam * seam_W)
    if float(gap_W.max()) > 0.8:
        inside = _inside(x_W, y_H1, upper_W, lower_W, u, lower_teeth, scene)
        cover = np.clip(y_H1 - upper_W + 0.3, 0, 1) * np.clip(lower_W - y_H1 + 0.3, 0, 1)
        cover = cover * np.clip(gap_W / 1.5, 0, 1)
        blend(patch, inside, cover)


def _draw_corners(patch: Floats, x_W: Floats, y_H1: Floats, lips_4P2: Array, u: float) -> None:
    for point in (lips_4P2[1, 0], lips_4P2[1, -1]):
        x, y = float(point[0]), float(point[1])
        spot = np.exp(-(((x_W - x) / (0.035 * u)) ** 2 + ((y_H1 - y) / (0.030 * u)) ** 2))
        darken(patch, 0.34 * spot)


def _draw_lips(
    patch: Floats,
    y_H1: Floats,
    edges: tuple[Floats, Floats, Floats, Floats],
    inside_W: Floats,
    across_W: Floats,
    light_W: Floats,
    u: float,
    looks: Looks,
) -> None:
    top_W, upper_W, lower_W, bottom_W = edges
    soft = 0.012 * u
    grain_W = 0.05 * np.sin(across_W * 61.0) * np.sin(across_W * 23.0 + 1.0)
    upper = np.clip((y_H1 - top_W) / soft + 0.5, 0, 1) * np.clip(upper_W - y_H1 + 1.0, 0, 1)
    height_W = np.maximum(upper_W - top_W, 1.0)
    tone = (0.92 - 0.20 * np.clip((y_H1 - top_W) / height_W, 0, 1) + grain_W) * light_W
    blend(patch, np.stack([tone * value for value in looks.lips]), upper * inside_W * 0.92)
    lower = np.clip(y_H1 - lower_W + 1.0, 0, 1) * np.clip((bottom_W - y_H1) / soft + 0.5, 0, 1)
    height_W = np.maximum(bottom_W - lower_W, 1.0)
    depth = np.clip((y_H1 - lower_W) / height_W, 0, 1)
    shine = 0.22 * np.exp(-(((depth - 0.38) / 0.20) ** 2)) * np.exp(-((across_W / 0.45) ** 2))
    tone = (0.96 + 0.10 * np.sin(np.pi * depth) - 0.14 * depth**3 + shine + grain_W) * light_W
    blend(patch, np.stack([tone * value for value in looks.lips]), lower * inside_W * 0.90)


def _inside(
    x_W: Floats,
    y_H1: Floats,
    upper_W: Floats,
    lower_W: Floats,
    u: float,
    lower_teeth: float,
    scene: Scene,
) -> Floats:
    middle_x = 0.5 * float(x_W[0] + x_W[-1])
    picture = np.empty((3, y_H1.shape[0], x_W.shape[0]), np.float32)
    picture[:] = np.array([46.0, 15.0, 17.0], np.float32)[:, None, None]
    blend(
        picture,
        (150.0, 66.0, 66.0),
        0.5 * np.exp(-((np.clip(lower_W - y_H1, 0, None) / (0.05 * u)) ** 2)),
    )
    exposure = 0.62 + 0.34 * scene.gain
    fade_W = np.exp(-(((x_W - middle_x) / (0.36 * u)) ** 4))
    under_lip = 1.0 - 0.40 * np.exp(-np.clip(y_H1 - upper_W, 0, None) / (0.02 * u))
    shade = _teeth(x_W - middle_x, 0.092 * u) * fade_W * under_lip * exposure
    upper = np.clip((upper_W + 0.085 * u - y_H1) / 1.5 + 0.5, 0, 1) * fade_W
    blend(picture, np.stack([shade * value for value in _ENAMEL]), upper)
    if lower_teeth > 0.05:
        shade = _teeth(x_W - middle_x, 0.066 * u) * fade_W * (0.88 * exposure)
        low = np.clip((y_H1 - lower_W + 0.062 * u) / 1.5 + 0.5, 0, 1) * fade_W * lower_teeth
        blend(picture, np.stack([shade * value for value in _ENAMEL]), low)
    return picture


_ENAMEL = (232.0, 224.0, 206.0)


def _teeth(x_W: Floats, width_px: float) -> Floats:
    """Light on a row of teeth: dark where two of them meet."""
    from_joint_W = 0.5 - np.abs((x_W / width_px) % 1.0 - 0.5)
    return np.asarray(1.0 - 0.28 * np.exp(-((from_joint_W / 0.10) ** 2)), np.float32)
