"""The fine part of the painting: hair, brows, freckles."""

# Shape suffixes: H = rows, W = columns, P = points, 2 = x and y, 3 = RGB.

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from algr.simulate.geometry import brow_line
from algr.simulate.person import Looks, Person, Rgb, Scene, Shape
from algr.simulate.raster import FINE, Array, Floats, as_rgb, blend, smooth_closed, soft_noise
from algr.simulate.skin import hair_end


def add_details(picture: Floats, person: Person, scene: Scene, rng: np.random.Generator) -> None:
    """Paint freckles, nostrils, brows and hair on a `FINE` picture (3, H, W), in place."""
    _add_freckles(picture, person.looks, rng)
    _add_nostrils(picture, person)
    for side in (0, 1):
        _add_brow(picture, person, side, rng)
    if person.looks.hair_style != "bald":
        _add_hair(picture, person, scene, rng)


class _Canvas:
    """A small mask to draw on, somewhere on the `FINE` sheet."""

    def __init__(self, left: float, top: float, right: float, bottom: float) -> None:
        self.rows, self.columns = FINE.box(left, top, right, bottom)
        size = (self.columns.stop - self.columns.start, self.rows.stop - self.rows.start)
        self._image = Image.new("L", size, 0)
        self.draw = ImageDraw.Draw(self._image)

    def pixels(self, points_P2: Array) -> list[tuple[float, float]]:
        offset = (self.columns.start, self.rows.start)
        return [(x - offset[0], y - offset[1]) for x, y in FINE.pixels(points_P2)]

    def mask(self, *, blur: float) -> Floats:
        drawn = np.asarray(self._image, np.float32) / np.float32(255.0)
        return np.asarray(gaussian_filter(drawn, blur), np.float32)

    def lay(self, picture: Floats, colour: Rgb, mask: Floats) -> None:
        blend(picture[:, self.rows, self.columns], colour, mask)


def _tinted(colour: Rgb, factors: Rgb) -> Rgb:
    return as_rgb([a * b for a, b in zip(colour, factors, strict=True)])


def _add_freckles(picture: Floats, looks: Looks, rng: np.random.Generator) -> None:
    canvas = _Canvas(-1.1, -0.9, 1.1, 1.8)
    for _ in range(round(looks.freckles * 90) + int(rng.integers(0, 3))):
        x, y = rng.normal(0.0, 0.5), rng.normal(0.45, 0.32)
        _dot(canvas, x, y, radius=rng.uniform(0.6, 1.5), strength=int(rng.integers(60, 160)))
    for _ in range(int(rng.uniform() < 0.3)):
        _dot(canvas, rng.uniform(-0.7, 0.7), rng.uniform(-0.6, 1.3), radius=2.6, strength=210)
    dark = _tinted(looks.skin, (0.55, 0.42, 0.36))
    canvas.lay(picture, dark, 0.8 * canvas.mask(blur=0.8))


def _dot(canvas: _Canvas, x: float, y: float, *, radius: float, strength: int) -> None:
    ((px, py),) = canvas.pixels(np.array([[x, y]]))
    canvas.draw.ellipse((px - radius, py - radius, px + radius, py + radius), fill=strength)


def _add_nostrils(picture: Floats, person: Person) -> None:
    half, base = person.shape.nose_half_width, person.shape.nose_base_y
    holes, wings = _Canvas(-0.5, 0.3, 0.5, 1.1), _Canvas(-0.5, 0.3, 0.5, 1.1)
    for sign in (-1.0, 1.0):
        x, y = sign * half * 0.42, base - 0.020
        hole = [(x - 0.060, y + 0.004), (x, y - 0.034), (x + 0.060, y + 0.004), (x, y + 0.024)]
        holes.draw.polygon(holes.pixels(smooth_closed(hole, rounds=3)), fill=255)
        line = [(0.84, -0.18), (1.0, -0.11), (0.98, -0.03), (0.74, -0.008)]
        points = np.array([(sign * half * dx, base + dy) for dx, dy in line])
        wings.draw.line(wings.pixels(points), fill=255, width=3, joint="curve")
    dark = _tinted(person.looks.skin, (0.34, 0.22, 0.20))
    holes.lay(picture, dark, 0.85 * holes.mask(blur=1.8))
    wings.lay(picture, dark, 0.42 * wings.mask(blur=2.6))


def _add_brow(picture: Floats, person: Person, side: int, rng: np.random.Generator) -> None:
    shape, looks = person.shape, person.looks
    sign = -1.0 if side == 0 else 1.0
    count = round(300 * looks.brow_density)
    across_P = rng.beta(1.15, 1.05, count)
    ridge_P2 = brow_line(shape, side, across_P)
    ahead_P2 = brow_line(shape, side, across_P + 0.01) - brow_line(shape, side, across_P - 0.01)
    ahead_P2 = ahead_P2 / np.linalg.norm(ahead_P2, axis=1, keepdims=True)
    upward_P2 = np.stack([ahead_P2[:, 1] * sign, -ahead_P2[:, 0] * sign], axis=1)
    thick_P = np.interp(across_P, [0, 0.12, 0.35, 0.65, 1.0], [0.55, 0.95, 1.0, 0.75, 0.2])
    offset_P = np.clip(rng.normal(0.0, 0.28, count), -0.5, 0.5)
    start_P2 = ridge_P2 + upward_P2 * (offset_P * thick_P * shape.brow_thickness - 0.010)[:, None]
    lean_P = np.interp(across_P, [0.0, 0.15, 0.5, 1.0], [1.2, 0.7, 0.15, -0.1]) - offset_P * 0.8
    lean_P = lean_P + rng.normal(0.0, 0.15, count)
    way_P2 = ahead_P2 * np.cos(lean_P)[:, None] + upward_P2 * np.sin(lean_P)[:, None]
    end_P2 = start_P2 + way_P2 * rng.uniform(0.04, 0.09, count)[:, None]
    x = sign * 0.52
    canvas = _Canvas(x - 0.5, shape.brow_y - 0.35, x + 0.5, shape.brow_y + 0.25)
    starts, ends = canvas.pixels(start_P2), canvas.pixels(end_P2)
    shades = rng.integers(110, 235, count)
    for start, end, shade in zip(starts, ends, shades, strict=True):
        canvas.draw.line([start, end], fill=int(shade), width=1)
    hairs = canvas.mask(blur=0.8)
    haze = np.asarray(gaussian_filter(hairs, 4.5), np.float32)
    canvas.lay(picture, looks.brow, np.clip(1.15 * hairs + 0.85 * haze, 0.0, 0.93))


def _add_hair(picture: Floats, person: Person, scene: Scene, rng: np.random.Generator) -> None:
    shape, looks = person.shape, person.looks
    cheek = shape.cheek_half_width
    bottom = 3.0 if looks.hair_style == "long" else 0.5
    rows, columns = FINE.box(-cheek - 0.6, shape.crown_y - 0.4, cheek + 0.6, bottom)
    mask = _hair_mask(shape, looks)[rows, columns]
    x_W, y_H1 = FINE.x_W[columns], FINE.y_H1[rows]
    locks = soft_noise((mask.shape[0], mask.shape[1]), cells=14, rng=rng)
    root_x, root_y = 0.7 * looks.parting, shape.crown_y - 0.55
    angle = np.arctan2(x_W - root_x, np.maximum(y_H1 - root_y, 0.1))
    hanging = np.clip((y_H1 + 0.5) / 1.0, 0.0, 1.0)
    wave = 0.05 * looks.curl * np.sin(y_H1 * 6.0 + 1.7 * np.sign(x_W))
    along = angle * (1.0 - hanging) + (0.9 * x_W / cheek + wave) * hanging
    along = along + 0.012 * (1.0 + 1.2 * looks.curl) * locks
    table = rng.standard_normal(2048).astype(np.float32)
    table = 0.55 * table + np.repeat(table[:256], 8) * 0.8
    strands = table[(along * 170.0).astype(np.int32) % 2048]
    crown = np.exp(-(((y_H1 - shape.crown_y - 0.33) / 0.16) ** 2))
    lit = 1.0 + 0.32 * scene.light[0] * x_W / cheek + 0.20 * crown
    fringe = np.exp(-(((y_H1 - shape.hairline_y + 0.02) / 0.10) ** 2 + (x_W / (0.62 * cheek)) ** 4))
    roots = 1.0 - 0.25 * fringe
    below = np.clip((y_H1 - 0.1) / 0.5, 0.0, 1.0)
    behind = 1.0 - 0.35 * below * np.exp(-(((np.abs(x_W) - cheek) / 0.14) ** 2))
    tone = (0.78 + 0.075 * strands + 0.05 * locks) * lit * roots * behind * scene.gain
    gloss = (
        0.035 * (60.0 + sum(looks.hair) / 3.0) * np.clip(strands, 0.0, None) * lit * (mask > 0.6)
    )
    colour = np.stack([np.asarray(value * tone + gloss, np.float32) for value in looks.hair])
    ragged = np.clip(mask * 1.7 - 0.35 + 0.22 * strands * (mask < 0.97), 0.0, 1.0)
    blend(picture[:, rows, columns], colour, np.asarray(ragged * (mask > 0.03), np.float32))


def _hair_mask(shape: Shape, looks: Looks) -> Floats:
    """Where hair covers head and background, 0 to 1, soft."""
    cheek, crown, line = shape.cheek_half_width, shape.crown_y, shape.hairline_y
    style = looks.hair_style
    puff = {"short": 0.08, "long": 0.13, "tied": 0.04, "receding": 0.04}[style]
    recess = 0.34 if style == "receding" else 0.0
    outside = [
        (0.0, crown - puff),
        (cheek * 0.50, crown - puff + 0.05),
        (cheek * 0.92, crown + 0.34 - 0.5 * puff),
        (cheek + 0.05 + 0.6 * puff, -0.80),
        (cheek + 0.04 + 0.8 * puff, -0.25),
    ]
    if style == "long":
        bottom = hair_end(looks)
        outside += [
            (cheek + 0.20, 0.4),
            (cheek + 0.25, 1.2),
            (cheek + 0.20, bottom - 0.1),
            (cheek + 0.02, bottom + 0.02),
            (cheek - 0.10, bottom - 0.2),
            (cheek + 0.02, 1.2),
            (cheek - 0.01, 0.5),
        ]
    else:
        outside += [(cheek + 0.03, 0.12), (cheek - 0.02, 0.18)]
    inside = [
        (cheek * 0.93, -0.22),
        (cheek * 0.90, -0.58),
        (cheek * 0.74, line + 0.10 - 0.8 * recess),
        (cheek * 0.42, line - 0.02 - 1.2 * recess),
        (0.12, line - 0.04 - 0.3 * recess),
    ]
    # A parting lifts the hairline on its side and lowers it on the other.
    right, left = np.array([*outside, *inside]), np.array([*outside, *inside]) * (-1.0, 1.0)
    tilt = 0.09 * looks.parting
    right[-3:, 1] += tilt
    left[-3:, 1] -= tilt
    polygon = [(float(x), float(y)) for x, y in (*right, *left[:0:-1])]
    return FINE.polygon(smooth_closed(polygon, rounds=3), blur=0.030)
