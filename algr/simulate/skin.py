"""The soft part of the painting: background, clothes, neck, ears and the lit skin of the head."""

# Shape suffixes: H = rows, W = columns, 2 = x and y, 3 = RGB or a normal.

import numpy as np
from scipy.ndimage import gaussian_filter

from algr.simulate.person import Person, Scene, Shape
from algr.simulate.raster import (
    BASE,
    Array,
    Floats,
    blend,
    bump,
    mirrored,
    pair_of_bumps,
    smooth_closed,
    soft_noise,
)


def head_outline(shape: Shape) -> Array:
    """The contour of the head without hair, face coordinates."""
    cheek, jaw, chin = shape.cheek_half_width, shape.jaw_half_width, shape.chin_y
    return smooth_closed(
        mirrored(
            [
                (0.0, chin + 0.02),
                (0.26, chin + 0.01),
                (0.52, chin - 0.14),
                (jaw * 0.93, chin - 0.50),
                (jaw + 0.06, 1.00),
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


def paint_soft(person: Person, scene: Scene, rng: np.random.Generator) -> Floats:
    """Everything but hairs and lines, on `BASE`; (H, W, 3), 0 to 255."""
    shape = person.shape
    picture = _backdrop(scene, rng)
    outline = head_outline(shape)
    head = BASE.polygon(outline, blur=0.006)
    skin = _albedo(person, rng)
    _add_body(picture, person, scene, skin)
    _add_ears(picture, person, scene, skin)
    light = lit_head(shape, scene, head)
    blend(picture, skin * light, head)
    return picture


def lit_head(shape: Shape, scene: Scene, head_HW: Floats) -> Floats:
    """Light on the skin of the head, (H, W, 3); about 1 where it is well lit."""
    relief = _relief(shape, head_HW)
    step = np.float32(BASE.scale)
    dz_dy, dz_dx = np.gradient(relief)
    dz_dx, dz_dy = dz_dx * step, dz_dy * step
    length = np.sqrt(dz_dx**2 + dz_dy**2 + 1.0)
    lx, ly, lz = scene.light
    facing = (-dz_dx * lx - dz_dy * ly + lz) / length
    upward = dz_dy / length
    hollow = np.clip(gaussian_filter(relief, 0.10 * BASE.scale) - relief, 0.0, None)
    diffuse = np.clip(facing, 0.0, None) * 0.9 + np.clip(facing + 0.4, 0.0, None) * 0.1
    light = scene.ambient * (1.0 + 0.22 * upward) + (1.12 - scene.ambient) * diffuse
    light = light * (1.0 - 2.6 * hollow)
    light = light * (1.0 - _cast_shadows(shape, scene))
    half = np.array([lx, ly, lz + 1.0]) / np.linalg.norm([lx, ly, lz + 1.0])
    shine = np.clip((-dz_dx * half[0] - dz_dy * half[1] + half[2]) / length, 0.0, 1.0) ** 24
    colour = np.array([1.0 + scene.warmth, 1.0, 1.0 - scene.warmth], np.float32) * scene.gain
    # Light that has passed through skin is red: shadows keep more of it.
    depth = np.clip(1.0 - light, 0.0, 1.0)[..., None]
    tint = 1.0 + depth * np.array([0.12, -0.02, -0.05], np.float32)
    return np.asarray(light[..., None] * tint * colour + 0.16 * shine[..., None], np.float32)


def _relief(shape: Shape, head_HW: Floats) -> Floats:
    """Height of the head towards the camera, eye distances."""
    x_W, y_H1 = BASE.x_W, BASE.y_H1
    half_H1 = np.maximum(head_HW.sum(axis=1, keepdims=True) / (2 * BASE.scale), 0.02)
    half_H1 = gaussian_filter(half_H1, (3.0, 0.0))
    middle = 0.5 * (shape.chin_y + shape.crown_y)
    tall = 0.5 * (shape.chin_y - shape.crown_y) * 1.04
    dome_H1 = np.clip(1.0 - np.abs((y_H1 - middle) / tall) ** 2.6, 0.0, 1.0) ** 0.5
    across = np.clip(1.0 - np.abs(x_W / (half_H1 * 1.03)) ** 2.3, 0.0, 1.0) ** 0.5
    relief = 0.86 * across * (0.25 + 0.75 * dome_H1)
    tip, base = shape.nose_tip_y, shape.nose_base_y
    rise_H1 = np.interp(
        y_H1, [-0.30, -0.10, 0.05, tip - 0.02, tip + 0.07, base + 0.02], [0, 0.05, 0.10, 0.30, 0.28, 0]
    )
    rise_H1 = gaussian_filter(rise_H1.astype(np.float32), (0.025 * BASE.scale, 0.0))
    width_H1 = np.interp(y_H1, [-0.2, 0.1, tip], [0.10, 0.085, 0.42 * shape.nose_half_width])
    relief = relief + rise_H1 * np.exp(-0.5 * (x_W / width_H1) ** 2)
    wing = shape.nose_half_width * 0.76
    parts = (
        (wing, base - 0.075, 0.062, 0.062, 0.13),
        (0.50, 0.00, 0.25, 0.14, -0.12),
        (0.50, 0.01, 0.17, 0.11, 0.075),
        (0.46, -0.27, 0.30, 0.09, 0.055),
        (0.66, 0.52, 0.24, 0.18, 0.075),
        (0.98, -0.40, 0.16, 0.30, -0.05),
        (0.60, 1.18, 0.14, 0.26, -0.035),
    )
    for x, y, width, height, amount in parts:
        relief = relief + amount * pair_of_bumps(BASE, x, y, width, height)
    mouth, chin = shape.mouth_y, shape.chin_y
    for y, width, height, amount in (
        (mouth, 0.34, 0.19, 0.10),
        (0.5 * (base + mouth) - 0.03, 0.045, 0.09, -0.03),
        (mouth + 0.25, 0.26, 0.055, -0.055),
        (chin - 0.22, 0.21, 0.14, 0.10),
        (-0.85, 0.55, 0.28, 0.05),
    ):
        relief = relief + amount * bump(BASE, 0.0, y, width, height)
    return np.asarray(gaussian_filter(relief, 0.012 * BASE.scale), np.float32)


def _cast_shadows(shape: Shape, scene: Scene) -> Floats:
    away = -np.sign(scene.light[0])
    strength = min(abs(scene.light[0]), 0.8)
    base = shape.nose_base_y
    nose = 0.22 * strength * bump(BASE, away * 0.24, shape.nose_tip_y + 0.02, 0.10, 0.16)
    under = (0.20 - 0.2 * scene.light[1]) * bump(BASE, 0.03 * away, base + 0.055, 0.17, 0.045)
    lip = 0.14 * bump(BASE, 0.0, shape.mouth_y + shape.lower_lip + 0.06, 0.20, 0.045)
    lids = 0.12 * pair_of_bumps(BASE, 0.5, -0.17, 0.22, 0.06)
    return np.asarray(nose + under + lip + lids, np.float32)


def _albedo(person: Person, rng: np.random.Generator) -> Floats:
    """Colour of the skin under even light, (H, W, 3)."""
    shape, looks = person.shape, person.looks
    height_width = (BASE.size[1], BASE.size[0])
    skin = np.empty((*height_width, 3), np.float32)
    skin[:] = looks.skin
    mottle = soft_noise(height_width, cells=28, rng=rng) * 0.012
    mottle += soft_noise(height_width, cells=110, rng=rng) * 0.012
    skin *= 1.0 + mottle[..., None] * np.array([0.7, 1.0, 1.0], np.float32)
    red = 0.55 * pair_of_bumps(BASE, 0.66, 0.62, 0.24, 0.22)
    red += 0.7 * bump(BASE, 0.0, shape.nose_tip_y, 0.16, 0.13)
    red += 0.3 * bump(BASE, 0.0, shape.chin_y - 0.2, 0.22, 0.14)
    red += 0.25 * pair_of_bumps(BASE, 0.5, -0.10, 0.22, 0.07)
    tint = np.array([0.985, 0.85, 0.86], np.float32)
    skin *= 1.0 + (red * looks.flush)[..., None] * (tint - 1.0)
    tired = pair_of_bumps(BASE, 0.46, 0.21, 0.18, 0.07) * (0.06 + 0.12 * looks.age)
    skin *= 1.0 - tired[..., None] * np.array([1.0, 1.1, 0.9], np.float32)
    if looks.beard > 0.05:
        stubble = _beard_area(shape) * looks.beard
        grain = np.clip(0.75 + 0.25 * soft_noise(height_width, cells=400, rng=rng), 0.0, 1.3)
        shade = np.asarray(looks.hair, np.float32) * 0.6 + np.asarray(looks.skin) * 0.2
        blend(skin, shade.astype(np.float32), np.asarray(0.5 * stubble * grain, np.float32))
    lips = bump(BASE, 0.0, shape.mouth_y, shape.mouth_half_width * 0.62, 0.055) * 0.5
    blend(skin, looks.lips, lips)
    return skin


def _beard_area(shape: Shape) -> Floats:
    x_W, y_H1 = np.abs(BASE.x_W), BASE.y_H1
    start_W = np.interp(x_W, [0.0, 0.4, 0.75, 1.05], [0.98, 1.02, 1.0, 0.35])
    area = np.clip((y_H1 - start_W) / 0.16, 0.0, 1.0)
    moustache = bump(BASE, 0.0, shape.mouth_y - 0.17, 0.26, 0.055)
    cleared = bump(BASE, 0.0, shape.mouth_y + 0.03, 0.30, 0.09)
    return np.asarray(np.clip(np.maximum(area, moustache) - 0.6 * cleared, 0.0, 1.0), np.float32)


def _backdrop(scene: Scene, rng: np.random.Generator) -> Floats:
    width, height = BASE.size
    picture = np.empty((height, width, 3), np.float32)
    picture[:] = scene.backdrop
    slope = rng.normal(0.0, 0.05) * BASE.x_W + rng.normal(0.0, 0.03) * BASE.y_H1
    picture *= (1.0 + slope)[..., None]
    if scene.backdrop_kind == "curtain":
        phase = rng.uniform(0.0, 6.3)
        folds = np.sin(BASE.x_W * rng.uniform(6.0, 11.0) + phase + 0.25 * np.sin(BASE.y_H1))
        picture *= (1.0 + 0.07 * folds + 0.03 * np.sin(2.3 * folds))[..., None]
    elif scene.backdrop_kind == "blurred":
        blobs = np.stack([soft_noise((height, width), cells=9, rng=rng) for _ in range(3)], -1)
        picture += blobs * 16.0
    elif scene.backdrop_kind == "tiles":
        side = rng.uniform(0.7, 1.1)
        joint = np.minimum(np.abs((BASE.x_W / side) % 1.0 - 0.5), np.abs((BASE.y_H1 / side) % 1.0 - 0.5))
        picture *= (1.0 - 0.10 * np.exp(-((joint * side / 0.02) ** 2)))[..., None]
    picture *= (1.0 + 0.012 * soft_noise((height, width), cells=60, rng=rng))[..., None]
    return picture


def _add_body(picture: Floats, person: Person, scene: Scene, skin: Floats) -> None:
    shape = person.shape
    chin = shape.chin_y
    half = 0.62 * shape.jaw_half_width + 0.10
    neck = smooth_closed(
        mirrored([(0.0, 3.6), (0.95, 3.6), (half + 0.28, chin + 0.75), (half, chin + 0.30),
                  (half + 0.02, 0.9), (0.0, 0.8)])
    )
    mask = BASE.polygon(neck, blur=0.012)
    round_W = np.clip(1.0 - (BASE.x_W / (half * 1.25)) ** 2, 0.0, 1.0) ** 0.5
    side_W = 1.0 + 0.30 * scene.light[0] * BASE.x_W / half
    under = 1.0 - 0.42 * np.exp(-np.clip(BASE.y_H1 - chin + 0.12, 0.0, None) / 0.30)
    light = (0.42 + 0.45 * round_W * np.clip(side_W, 0.5, 1.5)) * under * scene.gain
    blend(picture, skin * light[..., None].astype(np.float32), mask)
    cloth = smooth_closed(
        mirrored([(0.0, chin + 0.85), (0.34, chin + 0.72), (half + 0.13, chin + 0.46),
                  (half + 0.45, chin + 0.52), (1.75, chin + 0.78), (2.35, chin + 1.15), (2.6, 3.9), (0.0, 3.9)])
    )
    mask = BASE.polygon(cloth, blur=0.010)
    weave = soft_noise((BASE.size[1], BASE.size[0]), cells=14, rng=np.random.default_rng(scene.seed))
    shade = 0.82 + 0.10 * weave + 0.12 * scene.light[0] * BASE.x_W
    shade = shade - 0.25 * np.exp(-np.clip(BASE.y_H1 - chin - 0.5, 0.0, None) / 0.25)
    cloth_colour = np.asarray(scene.clothes, np.float32) * shade[..., None].astype(np.float32)
    blend(picture, cloth_colour, mask)


def _add_ears(picture: Floats, person: Person, scene: Scene, skin: Floats) -> None:
    cheek = person.shape.cheek_half_width
    for sign in (-1.0, 1.0):
        ear = smooth_closed(
            [(sign * (cheek + dx), y) for dx, y in
             [(-0.12, -0.08), (0.10, -0.16), (0.19, 0.02), (0.14, 0.30), (0.04, 0.60), (-0.10, 0.55)]]
        )
        mask = BASE.polygon(ear, blur=0.008)
        inner = bump(BASE, sign * (cheek + 0.045), 0.16, 0.045, 0.16)
        rim = 0.80 + 0.16 * sign * scene.light[0] - 0.35 * inner
        blend(picture, skin * (rim * scene.gain)[..., None] * np.array([1.0, 0.92, 0.9], np.float32), mask)
