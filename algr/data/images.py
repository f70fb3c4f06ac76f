"""Picture files as they are displayed: 8-bit RGB, turned upright."""

# Shape suffixes: H, W = displayed rows, columns; C = RGB.

import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

PICTURES_VERSION = 1
"""Raised whenever the same file would give other pixels."""
_MAX_PIXELS = 100_000_000
_WIDE_MODES = ("I", "F")
"""More than 8 bits per value: there is no telling which grey is white."""


class PictureError(Exception):
    """A picture that cannot be used; the text says why."""


def load_picture(path: Path) -> NDArray[np.uint8]:
    """The pixels of a picture file, (H, W, 3).

    Raises:
        PictureError: It is no whole picture, or not one of 8 bits.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow, on odd but readable files
            with Image.open(path) as image:
                _check(image)
                return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)
    except PictureError:
        raise
    except Exception as error:  # Pillow's readers raise whatever they stumble over
        reason = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise PictureError(reason.replace(str(path), path.name)) from error


def _check(image: Image.Image) -> None:
    if image.width * image.height > _MAX_PIXELS:
        raise PictureError(f"{image.width} x {image.height} pixels are too many")
    if image.mode.startswith(_WIDE_MODES):
        raise PictureError("has more than 8 bits per colour")
