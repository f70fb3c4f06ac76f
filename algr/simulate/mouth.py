"""The mouth: lips, and the teeth and dark between them when they part."""

# Shape suffixes: H = rows, W = columns, P = points, 2 = x and y, 3 = RGB.

import numpy as np

from algr.simulate.person import Looks, Scene
from algr.simulate.raster import Array, Floats, blend


def draw_mouth(
    image_HW3: Floats,
    *,
    lips_4P2: Array,
    unit_px: float,
    lower_teeth: float,
    looks: Looks,
    scene: Scene,
) -> None:
    """Draw the mouth into a frame, in place.

    Args:
        image_HW3: The frame with skin where the mouth belongs.
        lips_4P2: Outer and inner edge of the upper lip, inner and outer edge of the lower lip,
            image-left to image-right, pixels.
        unit_px: Distance of the eye centres.
        lower_teeth: How much the lower teeth show, 0 to 1.
        looks: Colours.
        scene: Light.
    """
    u = unit_px
    left, right = lips_4P2[0, 0, 0], lips_4P2[0, -1, 0]
    height, width = image_HW3.shape[:2]
    rows = slice(
        max(int(lips_4P2[0, :, 1].min() - 0.05 * u), 0),
        min(int(lips_4P2[3, :, 1].max() + 0.16 * u) + 1, height),
    )
    columns = slice(max(int(left - 0.08 * u), 0), min(int(right + 0.08 * u) + 1, width))
    patch = image_HW3[rows, columns]
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
    patch *= 1.0 - shadow[..., None] * np.array([0.9, 1.0, 1.0], np.float32)
    _draw_corners(patch, x_W, y_H1, lips_4P2, u)
    light = scene.gain * (1.0 + 0.14 * scene.light[0] * across_W)
    _draw_lips(patch, y_H1, (top_W, upper_W, lower_W, bottom_W), inside_W, across_W, light, u, looks)
    gap_W = lower_W - upper_W
    seam = np.exp(-(((y_H1 - 0.5 * (upper_W + lower_W)) / (0.5 * gap_W + 0.014 * u)) ** 2))
    seam_W = np.clip((x_W - left) / 3, 0, 1) * np.clip((right - x_W) / 3, 0, 1)
    blend(patch, np.asarray(looks.lips, np.float32) * 0.30, np.asarray(0.80 * seam * seam_W, np.float32))
    if float(gap_W.max()) > 0.8:
        inside = _inside(x_W, y_H1, upper_W, lower_W, u, lower_teeth, scene)
        cover = np.clip(y_H1 - upper_W + 0.3, 0, 1) * np.clip(lower_W - y_H1 + 0.3, 0, 1)
        cover = cover * np.clip(gap_W / 1.5, 0, 1)
        patch += (inside - patch) * cover[..., None].astype(np.float32)


def _draw_corners(patch: Floats, x_W: Floats, y_H1: Floats, lips_4P2: Array, u: float) -> None:
    for x, y in (lips_4P2[1, 0], lips_4P2[1, -1]):
        spot = np.exp(-(((x_W - x) / (0.035 * u)) ** 2 + ((y_H1 - y) / (0.030 * u)) ** 2))
        patch *= 1.0 - (0.34 * spot)[..., None].astype(np.float32)


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
    colour = np.asarray(looks.lips, np.float32)
    upper = np.clip((y_H1 - top_W) / soft + 0.5, 0, 1) * np.clip(upper_W - y_H1 + 1.0, 0, 1)
    height_W = np.maximum(upper_W - top_W, 1.0)
    tone = (0.92 - 0.20 * np.clip((y_H1 - top_W) / height_W, 0, 1) + grain_W) * light_W
    blend_in = (upper * inside_W * 0.92).astype(np.float32)
    patch += (colour * tone[..., None].astype(np.float32) - patch) * blend_in[..., None]
    lower = np.clip(y_H1 - lower_W + 1.0, 0, 1) * np.clip((bottom_W - y_H1) / soft + 0.5, 0, 1)
    height_W = np.maximum(bottom_W - lower_W, 1.0)
    depth = np.clip((y_H1 - lower_W) / height_W, 0, 1)
    shine = 0.22 * np.exp(-(((depth - 0.38) / 0.20) ** 2)) * np.exp(-((across_W / 0.45) ** 2))
    tone = (0.96 + 0.10 * np.sin(np.pi * depth) - 0.14 * depth**3 + shine + grain_W) * light_W
    blend_in = (lower * inside_W * 0.90).astype(np.float32)
    patch += (colour * tone[..., None].astype(np.float32) - patch) * blend_in[..., None]


def _inside(
    x_W: Floats,
    y_H1: Floats,
    upper_W: Floats,
    lower_W: Floats,
    u: float,
    lower_teeth: float,
    scene: Scene,
) -> Floats:
    middle_x = 0.5 * (x_W[0] + x_W[-1])
    picture = np.empty((y_H1.shape[0], x_W.shape[0], 3), np.float32)
    picture[:] = (46.0, 15.0, 17.0)
    tongue = np.exp(-((np.clip(lower_W - y_H1, 0, None) / (0.05 * u)) ** 2)) * 0.5
    blend(picture, (150.0, 66.0, 66.0), tongue.astype(np.float32))
    enamel = np.array([232.0, 224.0, 206.0], np.float32) * (0.62 + 0.34 * scene.gain)
    fade_W = np.exp(-(((x_W - middle_x) / (0.36 * u)) ** 4))
    tooth_W = 1.0 - 0.28 * np.exp(-((np.abs(((x_W - middle_x) / (0.092 * u)) % 1.0 - 0.5) - 0.5) / 0.10) ** 2)
    upper = np.clip((upper_W + 0.085 * u - y_H1) / 1.5 + 0.5, 0, 1) * fade_W
    under_lip = 1.0 - 0.40 * np.exp(-np.clip(y_H1 - upper_W, 0, None) / (0.02 * u))
    shade = (tooth_W * fade_W * under_lip)[..., None].astype(np.float32)
    picture += (enamel * shade - picture) * upper[..., None].astype(np.float32)
    if lower_teeth > 0.05:
        small_W = 1.0 - 0.28 * np.exp(-((np.abs(((x_W - middle_x) / (0.066 * u)) % 1.0 - 0.5) - 0.5) / 0.12) ** 2)
        low = np.clip((y_H1 - lower_W + 0.062 * u) / 1.5 + 0.5, 0, 1) * fade_W * lower_teeth
        shade = (small_W * fade_W * 0.88)[..., None].astype(np.float32)
        picture += (enamel * shade - picture) * low[..., None].astype(np.float32)
    return picture
