"""The fine part of the painting: hair, brows, freckles."""

# Shape suffixes: H = rows, W = columns, P = points, 2 = x and y, 3 = RGB.

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from algr.simulate.geometry import brow_line
from algr.simulate.person import Person, Scene
from algr.simulate.raster import FINE, Floats, blend, mirrored, smooth_closed, soft_noise


def add_details(picture: Floats, person: Person, scene: Scene, rng: np.random.Generator) -> None:
    """Paint freckles, brows and hair on a `FINE` picture, in place."""
    _add_freckles(picture, person, rng)
    _add_nostrils(picture, person)
    for side in (0, 1):
        _add_brow(picture, person, side, rng)
    _add_hair(picture, person, scene, rng)


def _add_freckles(picture: Floats, person: Person, rng: np.random.Generator) -> None:
    looks = person.looks
    count = round(looks.freckles * 90) + int(rng.integers(0, 5))
    if count == 0:
        return
    rows, columns = FINE.box(-1.1, -0.9, 1.1, 1.8)
    spots = Image.new("L", FINE.size, 0)
    draw = ImageDraw.Draw(spots)
    for _ in range(count):
        x, y = rng.normal(0.0, 0.55), rng.normal(0.45, 0.35)
        radius = rng.uniform(0.6, 1.6)
        ((px, py),) = FINE.pixels(np.array([[x, y]]))
        draw.ellipse((px - radius, py - radius, px + radius, py + radius), fill=int(rng.integers(60, 170)))
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-0.9, 0.9), rng.uniform(-0.7, 1.6)
        ((px, py),) = FINE.pixels(np.array([[x, y]]))
        draw.ellipse((px - 3, py - 3, px + 3, py + 3), fill=230)
    mask = gaussian_filter(np.asarray(spots, np.float32)[rows, columns] / 255.0, 0.8)
    dark = np.asarray(looks.skin, np.float32) * np.array([0.55, 0.42, 0.36], np.float32)
    blend(picture[rows, columns], dark, np.asarray(mask * 0.8, np.float32))


def _add_nostrils(picture: Floats, person: Person) -> None:
    shape = person.shape
    rows, columns = FINE.box(-0.5, 0.3, 0.5, 1.1)
    canvas = Image.new("L", FINE.size, 0)
    draw = ImageDraw.Draw(canvas)
    for sign in (-1.0, 1.0):
        x, y = sign * shape.nose_half_width * 0.40, shape.nose_base_y - 0.022
        hole = np.array([[x - 0.055, y], [x, y - 0.030], [x + 0.055, y], [x, y + 0.024]])
        draw.polygon(FINE.pixels(smooth_closed([tuple(p) for p in hole], rounds=3)), fill=255)
    holes = gaussian_filter(np.asarray(canvas, np.float32)[rows, columns] / 255.0, 1.6)
    wings = Image.new("L", FINE.size, 0)
    draw = ImageDraw.Draw(wings)
    for sign in (-1.0, 1.0):
        half, base = shape.nose_half_width, shape.nose_base_y
        line = np.array(
            [[half * 0.86, base - 0.17], [half * 1.02, base - 0.10], [half * 0.98, base - 0.03], [half * 0.72, base - 0.012]]
        ) * (sign, 1.0)
        draw.line(FINE.pixels(line), fill=255, width=3, joint="curve")
    edges = gaussian_filter(np.asarray(wings, np.float32)[rows, columns] / 255.0, 2.2)
    dark = np.asarray(person.looks.skin, np.float32) * np.array([0.30, 0.20, 0.18], np.float32)
    blend(picture[rows, columns], dark, np.asarray(np.clip(0.85 * holes + 0.5 * edges, 0, 1), np.float32))


def _add_brow(picture: Floats, person: Person, side: int, rng: np.random.Generator) -> None:
    shape, looks = person.shape, person.looks
    sign = -1.0 if side == 0 else 1.0
    count = round(170 * looks.brow_density)
    across_P = rng.uniform(0.0, 1.0, count)
    ridge_P2 = brow_line(shape, side, across_P)
    ahead_P2 = brow_line(shape, side, np.minimum(across_P + 0.02, 1.02)) - brow_line(shape, side, across_P - 0.001)
    ahead_P2 = ahead_P2 / np.linalg.norm(ahead_P2, axis=1, keepdims=True)
    upward_P2 = np.stack([ahead_P2[:, 1] * sign, -ahead_P2[:, 0] * sign], axis=1)
    thick_P = shape.brow_thickness * np.interp(across_P, [0, 0.15, 0.6, 1.0], [0.75, 1.0, 0.85, 0.25])
    from_ridge_P = rng.uniform(-0.5, 0.5, count) * thick_P
    start_P2 = ridge_P2 + upward_P2 * (from_ridge_P[:, None] - 0.012)
    lean_P = np.interp(across_P, [0.0, 0.2, 0.6, 1.0], [1.3, 0.7, 0.15, -0.1]) + rng.normal(0, 0.18, count)
    lean_P = lean_P - from_ridge_P / np.maximum(thick_P, 0.01) * 0.8
    way_P2 = ahead_P2 * np.cos(lean_P)[:, None] + upward_P2 * np.sin(lean_P)[:, None]
    end_P2 = start_P2 + way_P2 * rng.uniform(0.05, 0.10, count)[:, None]
    canvas = Image.new("L", FINE.size, 0)
    draw = ImageDraw.Draw(canvas)
    for start, end in zip(FINE.pixels(start_P2), FINE.pixels(end_P2), strict=True):
        draw.line([start, end], fill=int(rng.integers(130, 255)), width=2)
    x = sign * 0.52
    rows, columns = FINE.box(x - 0.5, shape.brow_y - 0.35, x + 0.5, shape.brow_y + 0.25)
    hairs = gaussian_filter(np.asarray(canvas, np.float32)[rows, columns] / 255.0, 0.9)
    haze = gaussian_filter(hairs, 4.0) * 0.45
    mask = np.clip(hairs * 0.95 + haze, 0.0, 0.95)
    blend(picture[rows, columns], looks.brow, np.asarray(mask, np.float32))


def _add_hair(picture: Floats, person: Person, scene: Scene, rng: np.random.Generator) -> None:
    shape, looks = person.shape, person.looks
    if looks.hair_style == "bald":
        return
    mask = _hair_mask(person, rng)
    cheek = shape.cheek_half_width
    crown_x, crown_y = looks.parting * 0.6, shape.crown_y - 0.02
    x_W, y_H1 = FINE.x_W, FINE.y_H1
    rows = slice(0, FINE.box(0, 0, 0, 3.2)[0].stop)
    y_H1 = y_H1[rows]
    angle = np.arctan2(x_W - crown_x, np.maximum(y_H1 - crown_y + 0.35, 0.05)).astype(np.float32)
    hanging = np.clip((y_H1 + 0.3) / 0.8, 0.0, 1.0)
    wave = 0.03 * np.sin(y_H1 * 5.0 + 1.7 * np.sign(x_W))
    along = angle * (1.0 - hanging) + (x_W / cheek * 1.15 + wave) * hanging
    table = rng.standard_normal(1024).astype(np.float32)
    table = 0.7 * table + 0.6 * np.interp(np.arange(1024), np.arange(0, 1024, 8), table[::8])
    index = ((along * 130.0).astype(np.int32)) % 1024
    strands = table[index]
    lit = 1.0 + 0.30 * scene.light[0] * x_W / cheek + 0.16 * np.exp(-(((y_H1 + 1.25) / 0.20) ** 2))
    depth = 1.0 - 0.45 * np.exp(-((np.abs(x_W) - cheek) ** 2) / 0.02) * (y_H1 > 0.2)
    tone = (0.80 + 0.13 * strands) * lit * depth * scene.gain
    colour = np.asarray(looks.hair, np.float32) * tone[..., None].astype(np.float32)
    colour += 9.0 * np.clip(strands, 0, None)[..., None]
    ragged = np.clip(mask[rows] * 1.8 - 0.4 + 0.16 * strands * (mask[rows] < 0.98), 0.0, 1.0)
    blend(picture[rows], colour, np.asarray(ragged * (mask[rows] > 0.02), np.float32))


def _hair_mask(person: Person, rng: np.random.Generator) -> Floats:
    """Where hair covers head and background, 0 to 1, soft."""
    shape, looks = person.shape, person.looks
    cheek, crown, line = shape.cheek_half_width, shape.crown_y, shape.hairline_y
    style = looks.hair_style
    puff = {"short": 0.10, "long": 0.16, "tied": 0.05, "receding": 0.05}[style]
    outside = [
        (0.0, crown - puff),
        (cheek * 0.50, crown - puff + 0.05),
        (cheek * 0.92, crown + 0.34 - 0.5 * puff),
        (cheek + 0.06 + 0.6 * puff, -0.80),
        (cheek + 0.05 + 0.8 * puff, -0.25),
    ]
    if style == "long":
        bottom = 1.2 + 1.6 * looks.hair_length
        outside += [(cheek + 0.22, 0.4), (cheek + 0.26, 1.1), (cheek + 0.18, bottom), (cheek - 0.12, bottom + 0.05),
                    (cheek - 0.06, 1.2), (cheek - 0.01, 0.5)]
    else:
        outside += [(cheek + 0.04, 0.14), (cheek - 0.01, 0.20)]
    back = line - (0.42 if style == "receding" else 0.0)
    inner = [
        (cheek * 0.94, -0.20),
        (cheek * 0.90, -0.60),
        (cheek * 0.70, line + 0.10 - (0.30 if style == "receding" else 0.0)),
        (cheek * 0.40, back),
    ]
    right = [*outside, *inner, (0.0, line - (0.15 if style == "receding" else 0.02))]
    half = np.asarray(right)
    outer_count = len(outside)
    left = half[1:-1] * (-1.0, 1.0)
    shift = 0.10 * looks.parting
    half[outer_count + 2 :, 1] += shift * 0.5
    left[outer_count + 1 :, 1] -= shift * 0.5
    polygon = np.concatenate([half[:outer_count], half[outer_count:], left[::-1]])
    mask = FINE.polygon(smooth_closed([tuple(p) for p in polygon], rounds=3), blur=0.02)
    _ = mirrored, soft_noise, rng
    return mask
