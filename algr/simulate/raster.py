"""The sheet on which a face is painted once, before it moves."""

# Shape suffixes: H = rows, W = columns, N = points, 2 = x and y, 3 = RGB (planes first: numpy
# works along rows).

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

from algr.simulate.person import Rgb

Floats = npt.NDArray[np.floating[Any]]
Array = npt.NDArray[np.float64]

LEFT, TOP, RIGHT, BOTTOM = -2.6, -2.8, 2.6, 3.4
"""Part of the face's plane that is painted, in eye distances."""


@dataclass(frozen=True)
class Raster:
    """A grid of points over the painted plane; `scale` points per eye distance."""

    scale: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in points."""
        return round((RIGHT - LEFT) * self.scale), round((BOTTOM - TOP) * self.scale)

    @property
    def x_W(self) -> Floats:
        """Face x of every column."""
        return (LEFT + (np.arange(self.size[0]) + 0.5) / self.scale).astype(np.float32)

    @property
    def y_H1(self) -> Floats:
        """Face y of every row, as a column."""
        return (TOP + (np.arange(self.size[1])[:, None] + 0.5) / self.scale).astype(np.float32)

    def pixels(self, points_N2: Array) -> list[tuple[float, float]]:
        """Points of the face as pairs that Pillow draws."""
        scaled = (np.asarray(points_N2) - (LEFT, TOP)) * self.scale - 0.5
        return [(float(x), float(y)) for x, y in scaled]

    def box(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        """Rows and columns of a rectangle of the face."""
        columns = slice(round((left - LEFT) * self.scale), round((right - LEFT) * self.scale))
        rows = slice(round((top - TOP) * self.scale), round((bottom - TOP) * self.scale))
        return rows, columns

    def polygon(self, points_N2: Array, *, blur: float = 0.0) -> Floats:
        """A filled shape, 0 to 1, with edges as soft as `blur` (eye distances)."""
        width, height = self.size
        mask = Image.new("L", (width, height), 0)
        ImageDraw.Draw(mask).polygon(self.pixels(points_N2), fill=255)
        soft = mask.filter(ImageFilter.GaussianBlur(max(blur * self.scale, 0.5)))
        return np.asarray(soft, np.float32) / np.float32(255.0)


BASE = Raster(80)
"""For what is soft: skin, light, background."""
FINE = Raster(160)
"""For hairs and lines; what frames are sampled from."""


def smooth_closed(points_N2: Sequence[tuple[float, float]], *, rounds: int = 4) -> Array:
    """A closed polygon with its corners cut, `rounds` times."""
    polygon = np.asarray(points_N2, dtype=np.float64)
    for _ in range(rounds):
        following = np.roll(polygon, -1, axis=0)
        cut = np.stack([0.75 * polygon + 0.25 * following, 0.25 * polygon + 0.75 * following], 1)
        polygon = cut.reshape(-1, 2)
    return polygon


def mirrored(right_N2: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """A closed outline from its right half, which runs from the middle to the middle."""
    left = [(-x, y) for x, y in reversed(right_N2) if x > 0]
    return [*right_N2, *left]


def bump(raster: Raster, x: float, y: float, width: float, height: float) -> Floats:
    """A Gaussian of height 1."""
    across_W = np.exp(-0.5 * ((raster.x_W - x) / width) ** 2)
    down_H1 = np.exp(-0.5 * ((raster.y_H1 - y) / height) ** 2)
    return np.asarray(across_W * down_H1, np.float32)


def pair_of_bumps(raster: Raster, x: float, y: float, width: float, height: float) -> Floats:
    """The same Gaussian on both sides."""
    across_W = np.exp(-0.5 * ((np.abs(raster.x_W) - x) / width) ** 2)
    down_H1 = np.exp(-0.5 * ((raster.y_H1 - y) / height) ** 2)
    return np.asarray(across_W * down_H1, np.float32)


def soft_noise(shape: tuple[int, int], *, cells: int, rng: np.random.Generator) -> Floats:
    """Smooth noise of about unit variance; `cells` grains across the width."""
    height, width = shape
    grains = (max(round(cells * height / width), 2), max(cells, 2))
    coarse = rng.standard_normal(grains).astype(np.float32)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.float32)


def blend(under_3HW: Floats, over: Floats | Rgb, mask_HW: Floats) -> None:
    """Lay a colour or picture over another where the mask is 1, in place."""
    for channel in range(3):
        plane_HW = under_3HW[channel]
        plane_HW += (over[channel] - plane_HW) * mask_HW


def darken(under_3HW: Floats, shadow_HW: Floats, *, tint: Rgb = (1.0, 1.0, 1.0)) -> None:
    """Take a share of the light away, of each colour by its tint, in place."""
    for channel in range(3):
        under_3HW[channel] *= 1.0 - shadow_HW * tint[channel]


def as_rgb(values: Sequence[float]) -> Rgb:
    """Three plain numbers, so that arrays keep their precision when mixed with them."""
    red, green, blue = (float(value) for value in values)
    return (red, green, blue)


@dataclass(frozen=True)
class Patch:
    """A rectangle of a frame, to draw in.

    Attributes:
        image_3HW: A view of the frame.
        x_W: Frame x of every column.
        y_H1: Frame y of every row, as a column.
    """

    image_3HW: Floats
    x_W: Floats
    y_H1: Floats

    @classmethod
    def cut(
        cls, image_3HW: Floats, *, left: float, top: float, right: float, bottom: float
    ) -> "Patch | None":
        """The part of the rectangle that lies in the frame; None if nothing does."""
        height, width = image_3HW.shape[1:]
        rows = slice(max(int(top), 0), min(int(bottom) + 1, height))
        columns = slice(max(int(left), 0), min(int(right) + 1, width))
        if rows.start >= rows.stop or columns.start >= columns.stop:
            return None
        x_W = np.arange(columns.start, columns.stop, dtype=np.float32)
        y_H1 = np.arange(rows.start, rows.stop, dtype=np.float32)[:, None]
        return cls(image_3HW[:, rows, columns], x_W, y_H1)

    def line(self, points_P2: Array) -> Floats:
        """Height of a line in every column."""
        return np.interp(self.x_W, points_P2[:, 0], points_P2[:, 1]).astype(np.float32)
