"""Furrows and folds: shadows in the skin that come with a muscle and stay away without it."""

# Shape suffixes: F = frames, N = folds, H = rows, W = columns, P = points, 2 = x and y.

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from algr.simulate.exercises import Motion
from algr.simulate.palsy import Palsy
from algr.simulate.person import Person, Shape
from algr.simulate.raster import FINE, Array, Floats


@dataclass(frozen=True)
class Fold:
    """A shadow on one side of the face.

    Attributes:
        name: What a clinician would call it.
        side: Image side.
        rows: Where it lies on `FINE`.
        columns: Where it lies on `FINE`.
        shadow_HW: Darkening at full depth, as a share; negative where the skin catches light.
    """

    name: str
    side: int
    rows: slice
    columns: slice
    shadow_HW: Floats


Line = Sequence[tuple[float, float]]


def draw_folds(person: Person, rng: np.random.Generator) -> tuple[Fold, ...]:
    """All folds of a person, both sides."""
    shape = person.shape
    folds = []
    for side in (0, 1):
        folds += [
            _crease("furrows", side, _furrows(shape, rng), depth=0.36, width=0.024),
            _crease("glabella", side, _glabella(shape, rng), depth=0.38, width=0.024),
            _crease("crow", side, _crow(rng), depth=0.27, width=0.020),
            _crease("bunny", side, _bunny(rng), depth=0.30, width=0.020),
            _crease("nasolabial", side, [_nasolabial(shape)], depth=0.46, width=0.042),
            _crease("corner", side, [_corner(shape)], depth=0.32, width=0.026),
            _crease("bag", side, _bags(), depth=0.24, width=0.024),
            _crease("perioral", side, _perioral(shape), depth=0.26, width=0.018),
            _crease("marionette", side, [_marionette(shape)], depth=0.32, width=0.032),
            _apple(side),
            _chin(shape, side, rng),
            _crease("dimple", side, [_dimple(shape)], depth=0.46, width=0.030),
        ]
    return tuple(folds)


def depths(folds: Sequence[Fold], person: Person, palsy: Palsy, motion: Motion) -> Array:
    """How deep each fold is in each frame, (F, N); 1 is full depth."""
    columns = [_depth(fold, person.looks.age, palsy, motion) for fold in folds]
    return np.stack([np.clip(depth_F, 0.0, 1.4) for depth_F in columns], axis=1)


def _depth(fold: Fold, age: float, palsy: Palsy, motion: Motion) -> Array:
    """Depth over the frames, (F,).

    Without tone a side is smooth; the sound side, which works against it, is furrowed at rest.
    """
    side, other = fold.side, 1 - fold.side
    brow_tone = max(1.0 - 0.9 * palsy.brow_droop[side], 0.0)
    mouth_tone = max(1.0 - 0.9 * palsy.mouth_droop[side], 0.0)
    at_rest = {
        "furrows": 0.30 * age * brow_tone + 0.35 * palsy.brow_droop[other],
        "glabella": 0.12 * age * brow_tone,
        "nasolabial": (0.22 + 0.40 * age) * mouth_tone + 0.45 * palsy.mouth_droop[other],
        "bag": 0.25 * age,
        "marionette": 0.35 * palsy.mouth_droop[side] + 0.2 * age,
    }
    depth_F = np.full(motion.movers_FK.shape[0], at_rest.get(fold.name, 0.0))
    for column, (name, of_side) in enumerate(motion.movers):
        if of_side == side and name in _DRAWN_BY[fold.name]:
            depth_F += _DRAWN_BY[fold.name][name] * motion.movers_FK[:, column]
    return depth_F


_DRAWN_BY: dict[str, dict[str, float]] = {
    "furrows": {"frontalis": 1.0, "AU1": 0.55, "AU2": 0.55},
    "glabella": {"corrugator": 1.0, "AU4": 1.0, "AU9": 0.4},
    "crow": {"orbicularis": 0.8, "zygomatic": 0.5, "AU6": 1.1, "AU12": 0.2},
    "bunny": {"levator": 1.0, "AU9": 1.1},
    "nasolabial": {"zygomatic": 0.65, "levator": 0.5, "AU9": 0.35, "AU10": 0.75, "AU12": 0.6},
    "corner": {"zygomatic": 0.85, "AU12": 0.5, "AU14": 1.0},
    "bag": {"orbicularis": 1.0, "AU6": 0.9, "AU7": 0.7},
    "perioral": {"pucker": 1.0, "AU23": 0.75, "AU24": 0.3},
    "marionette": {"AU15": 1.0},
    "apple": {"zygomatic": 1.0, "orbicularis": 0.3, "AU6": 0.7, "AU12": 0.6},
    "chin": {"mentalis": 1.0, "pucker": 0.6, "depressor": 0.3, "AU15": 0.3, "AU17": 1.1},
    "dimple": {"AU14": 1.4},
}
"""The muscles and action units that draw a fold, with the depth that full effort gives."""


def _crease(name: str, side: int, lines: Sequence[Line], *, depth: float, width: float) -> Fold:
    """Dark lines with lit shoulders; lines are given for the image-right side."""
    sign = -1.0 if side == 0 else 1.0
    points = np.concatenate([np.asarray(line, dtype=np.float64) for line in lines])
    margin = 4.0 * width
    left, top = points.min(axis=0) - margin
    right, bottom = points.max(axis=0) + margin
    if sign < 0:
        left, right = -right, -left
    rows, columns = FINE.box(left, top, right, bottom)
    canvas = Image.new("L", (columns.stop - columns.start, rows.stop - rows.start), 0)
    draw = ImageDraw.Draw(canvas)
    for line in lines:
        smooth = _smooth_line(np.asarray(line, dtype=np.float64) * (sign, 1.0))
        pixels = [(x - columns.start, y - rows.start) for x, y in FINE.pixels(smooth)]
        count = len(pixels) - 1
        for index in range(count):
            fade = np.sin(np.pi * (index + 0.5) / count) ** 0.6
            draw.line(pixels[index : index + 2], fill=int(255 * fade), width=3)
    mask = np.asarray(canvas, np.float32) / 255.0
    narrow = gaussian_filter(mask, width * FINE.scale * 0.55)
    wide = gaussian_filter(mask, width * FINE.scale * 1.9)
    shadow = narrow - 0.9 * wide
    shadow *= depth / max(float(shadow.max()), 1e-3)
    return Fold(name, side, rows, columns, shadow.astype(np.float32))


def _smooth_line(points_P2: Array) -> Array:
    for _ in range(3):
        inner = np.stack(
            [
                0.75 * points_P2[:-1] + 0.25 * points_P2[1:],
                0.25 * points_P2[:-1] + 0.75 * points_P2[1:],
            ],
            axis=1,
        ).reshape(-1, 2)
        points_P2 = np.concatenate([points_P2[:1], inner, points_P2[-1:]])
    return points_P2


def _furrows(shape: Shape, rng: np.random.Generator) -> list[Line]:
    lines: list[Line] = []
    low, high = shape.brow_y - 0.20, max(shape.hairline_y + 0.14, shape.brow_y - 0.62)
    for y in np.linspace(low, high, 4 if rng.uniform() < 0.6 else 3):
        wave = rng.normal(0.0, 0.012, size=6)
        x = np.linspace(0.03, rng.uniform(0.62, 0.82), 6)
        lines.append(
            [(float(a), float(y + b - 0.05 * a * a)) for a, b in zip(x, wave, strict=True)]
        )
    return lines


def _glabella(shape: Shape, rng: np.random.Generator) -> list[Line]:
    lean = rng.normal(0.0, 0.015)
    y = shape.brow_y
    return [
        [(0.085 + lean, y - 0.14), (0.10, y - 0.02), (0.085, y + 0.10)],
        [(0.16, y - 0.10), (0.165, y - 0.03), (0.15, y + 0.02)],
    ]


def _crow(rng: np.random.Generator) -> list[Line]:
    tilt = rng.normal(0.0, 0.02)
    return [
        [(0.80, -0.02), (0.90, -0.08 + tilt), (0.99, -0.16 + tilt)],
        [(0.81, 0.04), (0.92, 0.05 + tilt), (1.02, 0.04 + tilt)],
        [(0.79, 0.10), (0.88, 0.15 + tilt), (0.97, 0.21 + tilt)],
    ]


def _bunny(rng: np.random.Generator) -> list[Line]:
    y = rng.normal(0.0, 0.015)
    return [
        [(0.05, 0.15 + y), (0.12, 0.19 + y), (0.18, 0.27 + y)],
        [(0.05, 0.25 + y), (0.13, 0.29 + y), (0.19, 0.36 + y)],
        [(0.06, 0.05 + y), (0.13, 0.09 + y), (0.19, 0.17 + y)],
    ]


def _nasolabial(shape: Shape) -> Line:
    base, half, mouth = shape.nose_base_y, shape.nose_half_width, shape.mouth_y
    corner = shape.mouth_half_width
    return [
        (half * 1.06, base - 0.14),
        (half * 1.28, base - 0.02),
        (0.5 * (half * 1.3 + corner + 0.13), 0.5 * (base + mouth)),
        (corner + 0.13, mouth - 0.02),
        (corner + 0.16, mouth + 0.16),
    ]


def _corner(shape: Shape) -> Line:
    corner, mouth = shape.mouth_half_width, shape.mouth_y
    return [(corner + 0.05, mouth - 0.09), (corner + 0.085, mouth), (corner + 0.06, mouth + 0.09)]


def _dimple(shape: Shape) -> Line:
    """The pit beside a corner of the mouth that is drawn in."""
    corner, mouth = shape.mouth_half_width, shape.mouth_y
    return [(corner + 0.06, mouth - 0.06), (corner + 0.11, mouth - 0.01), (corner + 0.08, mouth)]


def _bags() -> list[Line]:
    return [
        [(0.27, 0.15), (0.40, 0.215), (0.56, 0.215), (0.70, 0.15)],
        [(0.30, 0.22), (0.42, 0.30), (0.58, 0.31)],
    ]


def _perioral(shape: Shape) -> list[Line]:
    top, low = shape.mouth_y - shape.upper_lip, shape.mouth_y + shape.lower_lip
    above: list[Line] = [
        [(1.05 * x, top + 0.25 * x), (1.15 * x, top - 0.04 + 0.2 * x), (1.22 * x, top - 0.10)]
        for x in (0.06, 0.14, 0.22, 0.29)
    ]
    below: list[Line] = [
        [(x, low - 0.15 * x), (1.12 * x, low - 0.15 * x + 0.05), (1.18 * x, low - 0.15 * x + 0.09)]
        for x in (0.10, 0.20, 0.28)
    ]
    return above + below


def _marionette(shape: Shape) -> Line:
    corner, mouth = shape.mouth_half_width, shape.mouth_y
    return [
        (corner + 0.02, mouth + 0.05),
        (corner + 0.06, mouth + 0.18),
        (corner + 0.05, mouth + 0.34),
    ]


def _apple(side: int) -> Fold:
    """The cheek that bunches up in a smile: bright above, dark below."""
    sign = -1.0 if side == 0 else 1.0
    x, y = sign * 0.62, 0.52
    rows, columns = FINE.box(min(x - 0.5, x + 0.5), y - 0.4, max(x - 0.5, x + 0.5), y + 0.7)
    x_W, y_H1 = FINE.x_W[columns] - x, FINE.y_H1[rows] - y
    lit = np.exp(-0.5 * ((x_W / 0.19) ** 2 + (y_H1 / 0.13) ** 2))
    below = np.exp(-0.5 * ((x_W / 0.20) ** 2 + ((y_H1 - 0.27) / 0.10) ** 2))
    above = np.exp(-0.5 * ((x_W / 0.22) ** 2 + ((y_H1 + 0.22) / 0.05) ** 2))
    shadow = -0.13 * lit + 0.13 * below + 0.10 * above
    return Fold("apple", side, rows, columns, shadow.astype(np.float32))


def _chin(shape: Shape, side: int, rng: np.random.Generator) -> Fold:
    """The dimpled chin."""
    sign = -1.0 if side == 0 else 1.0
    y = shape.chin_y - 0.27
    rows, columns = FINE.box(-0.4, y - 0.25, 0.4, y + 0.25)
    x_W, y_H1 = FINE.x_W[columns], FINE.y_H1[rows] - y
    size = (rows.stop - rows.start, columns.stop - columns.start)
    grain = gaussian_filter(rng.standard_normal(size), 2.6)
    grain /= grain.std()
    area = np.exp(-0.5 * ((x_W / 0.15) ** 2 + (y_H1 / 0.10) ** 2))
    half_W = 1.0 / (1.0 + np.exp(-sign * x_W / 0.03))
    shadow = 0.11 * np.clip(grain + 0.2, -1.0, 2.0) * area * half_W
    return Fold("chin", side, rows, columns, shadow.astype(np.float32))
