"""The soft part of the painting: background, clothes, neck, ears and the lit skin of the head."""

# Shape suffixes: H = rows, W = columns, 2 = x and y, 3 = RGB.

import numpy as np
from scipy.ndimage import gaussian_filter

from algr.simulate.person import Looks, Person, Scene, Shape
from algr.simulate.raster import (
    BASE,
    Array,
    Floats,
    as_rgb,
    blend,
    bump,
    darken,
    mirrored,
    pair_of_bumps,
    smooth_closed,
    soft_noise,
)

GRID = (BASE.size[1], BASE.size[0])


def paint_soft(person: Person, scene: Scene, rng: np.random.Generator) -> Floats:
    """Everything but hairs and lines, on `BASE`; (3, H, W), 0 to 255."""
    picture = _backdrop(scene)
    head = BASE.polygon(head_outline(person.shape), blur=0.010)
    skin = _albedo(person, rng)
    if person.looks.hair_style == "long":
        _add_hair_behind(picture, person, scene, rng)
    _add_body(picture, person, scene, skin)
    _add_ears(picture, person, scene, skin)
    skin *= lit_head(person.shape, scene, head)
    blend(picture, skin, head)
    return _developed(picture)


def head_outline(shape: Shape) -> Array:
    """The contour of the head without hair, face coordinates."""
    cheek, jaw, chin = shape.cheek_half_width, shape.jaw_half_width, shape.chin_y
    return smooth_closed(
        mirrored(
            [
                (0.0, chin + 0.02),
                (shape.chin_half_width, chin + 0.01),
                (0.5 * (shape.chin_half_width + jaw), chin - 0.22),
                (jaw * 0.96, chin - 0.62),
                (jaw + 0.05, 1.00),
                (cheek * 1.01, 0.52),
                (cheek * 1.02, 0.05),
                (cheek * 1.0, -0.45),
                (cheek * 0.93, -0.95),
                (cheek * 0.66, shape.crown_y + 0.20),
                (cheek * 0.30, shape.crown_y + 0.06),
                (0.0, shape.crown_y + 0.04),
            ]
        )
    )


def lit_head(shape: Shape, scene: Scene, head_HW: Floats) -> Floats:
    """Light on the skin of the head, (3, H, W); about 1 where it is well lit."""
    relief = _relief(shape, head_HW)
    dz_dy, dz_dx = (slope * np.float32(BASE.scale) for slope in np.gradient(relief))
    length = np.sqrt(dz_dx**2 + dz_dy**2 + 1.0)
    lx, ly, lz = scene.light
    facing = (lz - dz_dx * lx - dz_dy * ly) / length
    hollow = np.clip(gaussian_filter(relief, 0.11 * BASE.scale) - relief, 0.0, 0.12)
    diffuse = 0.85 * np.clip(facing, 0.0, None) + 0.15 * np.clip(facing + 0.5, 0.0, None)
    light = scene.ambient * (1.0 + 0.18 * dz_dy / length) + (1.06 - scene.ambient) * diffuse
    light = light * (1.0 - 1.7 * hollow) * (1.0 - _cast_shadows(shape, scene))
    half = np.array([lx, ly, lz + 1.0]) / np.linalg.norm([lx, ly, lz + 1.0])
    hx, hy, hz = as_rgb(half)
    shine = 0.13 * np.clip((hz - dz_dx * hx - dz_dy * hy) / length, 0.0, 1.0) ** 22
    deep = np.clip(1.0 - light, 0.0, 1.0)
    # Light that has passed through skin is red: shadows keep more of it.
    planes = [
        (light * (1.0 + deep * red) + shine) * (warm * scene.gain)
        for red, warm in ((0.14, 1.0 + scene.warmth), (-0.02, 1.0), (-0.05, 1.0 - scene.warmth))
    ]
    return np.asarray(np.stack(planes), np.float32)


def _relief(shape: Shape, head_HW: Floats) -> Floats:
    """Height of the head towards the camera, eye distances."""
    x_W, y_H1 = BASE.x_W, BASE.y_H1
    half_H1 = np.maximum(head_HW.sum(axis=1, keepdims=True) / (2 * BASE.scale), 0.02)
    half_H1 = gaussian_filter(half_H1, (3.0, 0.0))
    middle = 0.5 * (shape.chin_y + shape.crown_y)
    tall = 0.5 * (shape.chin_y - shape.crown_y) * 1.04
    dome_H1 = np.clip(1.0 - np.abs((y_H1 - middle) / tall) ** 2.6, 0.0, 1.0) ** 0.5
    across = np.clip(1.0 - np.abs(x_W / (half_H1 * 1.04)) ** 2.2, 0.0, 1.0) ** 0.5
    relief = 0.84 * across * (0.25 + 0.75 * dome_H1)
    tip, base = shape.nose_tip_y, shape.nose_base_y
    rise_H1 = np.interp(
        y_H1,
        [-0.34, -0.12, 0.05, tip - 0.08, base - 0.05, base + 0.04],
        [0, 0.03, 0.07, 0.16, 0.14, 0],
    )
    rise_H1 = gaussian_filter(rise_H1.astype(np.float32), (0.03 * BASE.scale, 0.0))
    width_H1 = np.interp(y_H1, [-0.2, 0.1, tip], [0.14, 0.10, 0.42 * shape.nose_half_width])
    relief = relief + rise_H1 * np.exp(-0.5 * (x_W / width_H1) ** 2)
    wing = shape.nose_half_width * 0.74
    for x, y, width, height, amount in (
        (wing, base - 0.080, 0.060, 0.060, 0.095),
        (0.50, 0.00, 0.25, 0.14, -0.115),
        (0.50, 0.01, 0.17, 0.11, 0.070),
        (0.46, -0.27, 0.30, 0.09, 0.050),
        (0.66, 0.52, 0.24, 0.18, 0.065),
        (0.98, -0.40, 0.16, 0.30, -0.05),
        (0.62, 1.18, 0.14, 0.26, -0.030),
    ):
        relief = relief + amount * pair_of_bumps(BASE, x, y, width, height)
    mouth, chin = shape.mouth_y, shape.chin_y
    for y, width, height, amount in (
        (tip + 0.02, 0.088, 0.080, 0.085),
        (mouth, 0.34, 0.19, 0.09),
        (0.5 * (base + mouth) - 0.03, 0.045, 0.08, -0.022),
        (mouth + 0.26, 0.26, 0.06, -0.045),
        (chin - 0.24, 0.20, 0.14, 0.085),
        (-0.80, 0.55, 0.28, 0.04),
    ):
        relief = relief + amount * bump(BASE, 0.0, y, width, height)
    return np.asarray(gaussian_filter(relief, 0.014 * BASE.scale), np.float32)


def _cast_shadows(shape: Shape, scene: Scene) -> Floats:
    away = 1.0 if scene.light[0] < 0 else -1.0
    strength = min(abs(scene.light[0]), 0.8)
    base = shape.nose_base_y
    nose = 0.20 * strength * bump(BASE, away * 0.26, shape.nose_tip_y + 0.02, 0.10, 0.16)
    under = (0.14 - 0.16 * scene.light[1]) * bump(BASE, 0.03 * away, base + 0.05, 0.16, 0.04)
    lids = 0.12 * pair_of_bumps(BASE, 0.5, -0.17, 0.22, 0.06)
    return np.asarray(nose + under + lids)


def _albedo(person: Person, rng: np.random.Generator) -> Floats:
    """Colour of the skin under even light, (3, H, W)."""
    shape, looks = person.shape, person.looks
    skin = np.empty((3, *GRID), np.float32)
    skin[:] = np.asarray(looks.skin, np.float32)[:, None, None]
    mottle = soft_noise(GRID, cells=28, rng=rng) * 0.012
    mottle = mottle + soft_noise(GRID, cells=110, rng=rng) * 0.012
    darken(skin, -mottle, tint=(0.7, 1.0, 1.0))
    red = 0.55 * pair_of_bumps(BASE, 0.66, 0.62, 0.24, 0.22)
    red += 0.7 * bump(BASE, 0.0, shape.nose_tip_y, 0.16, 0.13)
    red += 0.3 * bump(BASE, 0.0, shape.chin_y - 0.2, 0.22, 0.14)
    red += 0.25 * pair_of_bumps(BASE, 0.5, -0.10, 0.22, 0.07)
    darken(skin, red * looks.flush, tint=(0.015, 0.15, 0.14))
    tired = pair_of_bumps(BASE, 0.46, 0.21, 0.18, 0.07) * (0.06 + 0.12 * looks.age)
    darken(skin, tired, tint=(1.0, 1.1, 0.9))
    if looks.beard > 0.05:
        grain = np.clip(0.75 + 0.25 * soft_noise(GRID, cells=400, rng=rng), 0.0, 1.3)
        shade = as_rgb([0.6 * a + 0.2 * b for a, b in zip(looks.hair, looks.skin, strict=True)])
        blend(skin, shade, 0.45 * looks.beard * _beard_area(shape) * grain)
    blend(
        skin, looks.lips, 0.5 * bump(BASE, 0.0, shape.mouth_y, 0.62 * shape.mouth_half_width, 0.055)
    )
    return skin


def _beard_area(shape: Shape) -> Floats:
    x_W, y_H1 = np.abs(BASE.x_W), BASE.y_H1
    start_W = np.interp(x_W, [0.0, 0.4, 0.75, 1.05], [0.98, 1.02, 1.0, 0.35])
    area = np.clip((y_H1 - start_W) / 0.16, 0.0, 1.0) * np.clip(
        (shape.chin_y + 0.2 - y_H1) / 0.2, 0.0, 1.0
    )
    moustache = bump(BASE, 0.0, shape.mouth_y - 0.17, 0.26, 0.055)
    cleared = bump(BASE, 0.0, shape.mouth_y + 0.03, 0.30, 0.09)
    return np.asarray(np.clip(np.maximum(area, moustache) - 0.6 * cleared, 0.0, 1.0), np.float32)


def _backdrop(scene: Scene) -> Floats:
    room = scene.room
    rng = np.random.default_rng(room.seed)
    slope = rng.normal(0.0, 0.05) * BASE.x_W + rng.normal(0.0, 0.03) * BASE.y_H1
    tone = 1.0 + slope + 0.012 * soft_noise(GRID, cells=60, rng=rng)
    if room.kind == "curtain":
        phase, pitch = rng.uniform(0.0, 6.3), rng.uniform(6.0, 11.0)
        folds = np.sin(BASE.x_W * pitch + phase + 0.25 * np.sin(BASE.y_H1))
        tone = tone * (1.0 + 0.07 * folds + 0.03 * np.sin(2.3 * folds))
    elif room.kind == "tiles":
        side = rng.uniform(0.7, 1.1)
        across, down = (np.abs((line / side) % 1.0 - 0.5) for line in (BASE.x_W, BASE.y_H1))
        tone = tone * (1.0 - 0.10 * np.exp(-((np.minimum(across, down) * side / 0.02) ** 2)))
    picture = np.stack([np.asarray(tone * value, np.float32) for value in room.colour])
    if room.kind == "blurred":
        shapes = 15.0 * soft_noise(GRID, cells=9, rng=rng)
        for channel in range(3):
            picture[channel] += shapes + 4.0 * soft_noise(GRID, cells=7, rng=rng)
    return picture


def _add_hair_behind(
    picture: Floats, person: Person, scene: Scene, rng: np.random.Generator
) -> None:
    """Long hair falls behind neck and shoulders; what falls before them is painted later."""
    shape, looks = person.shape, person.looks
    cheek, bottom = shape.cheek_half_width, hair_end(looks)
    curtain = [
        (0.0, shape.crown_y),
        (cheek * 0.95, shape.crown_y + 0.3),
        (cheek + 0.16, -0.6),
        (cheek + 0.22, 0.4),
        (cheek + 0.26, 1.2),
        (cheek + 0.20, bottom),
        (0.0, bottom + 0.1),
    ]
    grain = soft_noise((2, GRID[1]), cells=150, rng=rng)[:1]
    down_H1 = np.clip(1.05 - 0.25 * (BASE.y_H1 - 0.3), 0.55, 1.0)
    tone = (0.52 + 0.07 * grain + 0.12 * scene.light[0] * BASE.x_W) * down_H1 * scene.gain
    lit = np.stack([tone * value for value in looks.hair])
    blend(picture, lit, BASE.polygon(smooth_closed(mirrored(curtain)), blur=0.020))


def hair_end(looks: Looks) -> float:
    """How far down long hair falls, face y."""
    return 1.3 + 1.5 * looks.hair_length


def _add_body(picture: Floats, person: Person, scene: Scene, skin: Floats) -> None:
    shape = person.shape
    chin = shape.chin_y
    half = 0.60 * shape.jaw_half_width + 0.10
    neck = [
        (0.0, 3.6),
        (0.95, 3.6),
        (half + 0.28, chin + 0.75),
        (half, chin + 0.30),
        (half + 0.02, 0.9),
        (0.0, 0.8),
    ]
    round_W = np.clip(1.0 - (BASE.x_W / (half * 1.25)) ** 2, 0.0, 1.0) ** 0.5
    side_W = np.clip(1.0 + 0.30 * scene.light[0] * BASE.x_W / half, 0.5, 1.5)
    under_H1 = 1.0 - 0.45 * np.exp(-np.clip(BASE.y_H1 - chin + 0.12, 0.0, None) / 0.30)
    light = (0.42 + 0.45 * round_W * side_W) * under_H1 * scene.gain
    blend(picture, skin * light, BASE.polygon(smooth_closed(mirrored(neck)), blur=0.014))
    cloth = [
        (0.0, chin + 0.85),
        (0.34, chin + 0.72),
        (half + 0.13, chin + 0.46),
        (half + 0.45, chin + 0.52),
        (1.75, chin + 0.78),
        (2.35, chin + 1.15),
        (2.6, 3.9),
        (0.0, 3.9),
    ]
    weave = soft_noise(GRID, cells=22, rng=np.random.default_rng(scene.seed))
    shade = 0.82 + 0.05 * weave + 0.12 * scene.light[0] * BASE.x_W
    shade = shade - 0.25 * np.exp(-np.clip(BASE.y_H1 - chin - 0.5, 0.0, None) / 0.25)
    cloth_3HW = np.stack([shade * value for value in scene.clothes])
    blend(picture, cloth_3HW, BASE.polygon(smooth_closed(mirrored(cloth)), blur=0.012))


def _add_ears(picture: Floats, person: Person, scene: Scene, skin: Floats) -> None:
    cheek = person.shape.cheek_half_width
    points = [
        (-0.12, -0.08),
        (0.10, -0.16),
        (0.19, 0.02),
        (0.14, 0.30),
        (0.04, 0.60),
        (-0.10, 0.55),
    ]
    for sign in (-1.0, 1.0):
        ear = smooth_closed([(sign * (cheek + dx), y) for dx, y in points])
        inner = bump(BASE, sign * (cheek + 0.045), 0.16, 0.045, 0.16)
        rim = (0.80 + 0.16 * sign * scene.light[0] - 0.35 * inner) * scene.gain
        lit = np.stack(
            [plane * rim * tint for plane, tint in zip(skin, (1.0, 0.92, 0.9), strict=True)]
        )
        blend(picture, lit, BASE.polygon(ear, blur=0.010))


def _developed(picture: Floats) -> Floats:
    """The camera's response: highlights roll off instead of burning out."""
    over = np.clip(picture - 180.0, 0.0, None)
    return np.asarray(np.minimum(picture, 180.0) + 72.0 * (1.0 - np.exp(-over / 72.0)), np.float32)
