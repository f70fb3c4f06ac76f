"""The mouth: lips, and the teeth and dark between them when they part."""

# Shape suffixes: H = rows, W = columns, P = points, 2 = x and y, 3 = RGB. Positions become plain
# floats before they meet arrays, which then stay in single precision.

from dataclasses import dataclass

import numpy as np

from algr.simulate.person import Looks, Scene
from algr.simulate.raster import Array, Floats, Patch, as_rgb, blend, darken

_ENAMEL = (232.0, 224.0, 206.0)


@dataclass(frozen=True, kw_only=True)
class _Lips:
    """The edges of the lips in every column of the part of the frame around them.

    Attributes:
        patch: That part.
        unit_px: Distance of the eye centres.
        top_W: Outer edge of the upper lip.
        upper_W: Inner edge of the upper lip.
        lower_W: Inner edge of the lower lip.
        bottom_W: Outer edge of the lower lip.
        across_W: Place along the mouth, -1 at the image-left corner, 1 at the other.
        inside_W: 1 between the corners.
        light_W: Light on the lips.
    """

    patch: Patch
    unit_px: float
    top_W: Floats
    upper_W: Floats
    lower_W: Floats
    bottom_W: Floats
    across_W: Floats
    inside_W: Floats
    light_W: Floats


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
    lips = _lips(image_3HW, lips_4P2, unit_px=unit_px, scene=scene)
    if lips is None:
        return
    _draw_shadows(lips, lips_4P2)
    _draw_upper(lips, looks)
    _draw_lower(lips, looks)
    _draw_seam(lips, looks)
    gap_W = lips.lower_W - lips.upper_W
    if float(gap_W.max()) > 0.8:
        y_H1 = lips.patch.y_H1
        cover = np.clip(y_H1 - lips.upper_W + 0.3, 0, 1) * np.clip(lips.lower_W - y_H1 + 0.3, 0, 1)
        inside = _inside(lips, lower_teeth=lower_teeth, exposure=0.62 + 0.34 * scene.gain)
        blend(lips.patch.image_3HW, inside, cover * np.clip(gap_W / 1.5, 0, 1))


def _lips(image_3HW: Floats, lips_4P2: Array, *, unit_px: float, scene: Scene) -> _Lips | None:
    left, right = float(lips_4P2[0, 0, 0]), float(lips_4P2[0, -1, 0])
    patch = Patch.cut(
        image_3HW,
        left=left - 0.08 * unit_px,
        top=float(lips_4P2[0, :, 1].min()) - 0.05 * unit_px,
        right=right + 0.08 * unit_px,
        bottom=float(lips_4P2[3, :, 1].max()) + 0.16 * unit_px,
    )
    if patch is None:
        return None
    x_W = patch.x_W
    across_W = 2.0 * (x_W - left) / (right - left) - 1.0
    top_W, upper_W, lower_W, bottom_W = (patch.line(line_P2) for line_P2 in lips_4P2)
    return _Lips(
        patch=patch,
        unit_px=unit_px,
        top_W=top_W,
        upper_W=upper_W,
        lower_W=lower_W,
        bottom_W=bottom_W,
        across_W=across_W,
        inside_W=np.clip(x_W - left + 0.5, 0, 1) * np.clip(right - x_W + 0.5, 0, 1),
        light_W=scene.gain * (1.0 + 0.14 * scene.light[0] * across_W),
    )


def _draw_shadows(lips: _Lips, lips_4P2: Array) -> None:
    """Below the lower lip, and in the corners."""
    patch, unit = lips.patch, lips.unit_px
    below = patch.y_H1 - lips.bottom_W
    arch_W = np.clip(1.0 - lips.across_W**2, 0.0, 1.0)
    under = 0.20 * np.exp(-((below / (0.055 * unit)) ** 2)) * arch_W * (below > 0)
    darken(patch.image_3HW, under, tint=(0.9, 1.0, 1.0))
    for corner in (lips_4P2[1, 0], lips_4P2[1, -1]):
        across_W = (patch.x_W - float(corner[0])) / (0.035 * unit)
        down_H1 = (patch.y_H1 - float(corner[1])) / (0.030 * unit)
        darken(patch.image_3HW, 0.34 * np.exp(-(across_W**2 + down_H1**2)))


def _grain(lips: _Lips) -> Floats:
    grain_W: Floats = np.sin(lips.across_W * 61.0) * np.sin(lips.across_W * 23.0 + 1.0)
    return 0.05 * grain_W


def _draw_upper(lips: _Lips, looks: Looks) -> None:
    y_H1 = lips.patch.y_H1
    from_top = y_H1 - lips.top_W
    cover = np.clip(from_top / (0.012 * lips.unit_px) + 0.5, 0, 1)
    cover = cover * np.clip(lips.upper_W - y_H1 + 1.0, 0, 1) * lips.inside_W
    depth = np.clip(from_top / np.maximum(lips.upper_W - lips.top_W, 1.0), 0, 1)
    tone = (0.92 - 0.20 * depth + _grain(lips)) * lips.light_W
    blend(lips.patch.image_3HW, np.stack([tone * value for value in looks.lips]), 0.92 * cover)


def _draw_lower(lips: _Lips, looks: Looks) -> None:
    y_H1 = lips.patch.y_H1
    cover = np.clip((lips.bottom_W - y_H1) / (0.012 * lips.unit_px) + 0.5, 0, 1)
    cover = cover * np.clip(y_H1 - lips.lower_W + 1.0, 0, 1) * lips.inside_W
    depth = np.clip((y_H1 - lips.lower_W) / np.maximum(lips.bottom_W - lips.lower_W, 1.0), 0, 1)
    shine = 0.22 * np.exp(-(((depth - 0.38) / 0.20) ** 2) - (lips.across_W / 0.45) ** 2)
    tone = 0.96 + 0.10 * np.sin(np.pi * depth) - 0.14 * depth**3 + shine + _grain(lips)
    lit = tone * lips.light_W
    blend(lips.patch.image_3HW, np.stack([lit * value for value in looks.lips]), 0.90 * cover)


def _draw_seam(lips: _Lips, looks: Looks) -> None:
    middle_W = 0.5 * (lips.upper_W + lips.lower_W)
    half_W = 0.5 * (lips.lower_W - lips.upper_W) + 0.014 * lips.unit_px
    seam = np.exp(-(((lips.patch.y_H1 - middle_W) / half_W) ** 2))
    dark = as_rgb([0.30 * value for value in looks.lips])
    ends_W = np.clip((1.0 - np.abs(lips.across_W)) * 12.0, 0, 1)
    blend(lips.patch.image_3HW, dark, 0.80 * seam * ends_W)


def _inside(lips: _Lips, *, lower_teeth: float, exposure: float) -> Floats:
    """What shows between the parted lips, (3, H, W)."""
    patch, unit = lips.patch, lips.unit_px
    x_W, y_H1 = patch.x_W, patch.y_H1
    picture = np.empty_like(patch.image_3HW)
    picture[:] = np.array([46.0, 15.0, 17.0], np.float32)[:, None, None]
    to_lower, from_upper = lips.lower_W - y_H1, y_H1 - lips.upper_W
    tongue = 0.5 * np.exp(-((np.clip(to_lower, 0, None) / (0.05 * unit)) ** 2))
    blend(picture, (150.0, 66.0, 66.0), tongue)
    from_middle_W = x_W - 0.5 * float(x_W[0] + x_W[-1])
    fade_W = np.exp(-((from_middle_W / (0.36 * unit)) ** 4)) * exposure
    shade = _teeth(from_middle_W, 0.092 * unit) * fade_W
    shade = shade * (1.0 - 0.40 * np.exp(-np.clip(from_upper, 0, None) / (0.02 * unit)))
    cover = np.clip((0.085 * unit - from_upper) / 1.5 + 0.5, 0, 1) * fade_W
    blend(picture, np.stack([shade * value for value in _ENAMEL]), np.clip(cover, 0, 1))
    if lower_teeth > 0.05:
        shade_W = 0.88 * _teeth(from_middle_W, 0.066 * unit) * fade_W
        cover = np.clip((0.062 * unit - to_lower) / 1.5 + 0.5, 0, 1) * fade_W * lower_teeth
        lit = np.stack([shade_W * value for value in _ENAMEL])[:, None, :]
        blend(picture, lit, np.clip(cover, 0, 1))
    return picture


def _teeth(from_middle_W: Floats, width_px: float) -> Floats:
    """Light on a row of teeth: dark where two of them meet."""
    from_joint_W = 0.5 - np.abs((from_middle_W / width_px) % 1.0 - 0.5)
    joint_W: Floats = np.exp(-((from_joint_W / 0.10) ** 2))
    return 1.0 - 0.28 * joint_W
