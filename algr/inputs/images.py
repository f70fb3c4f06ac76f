"""Image files to pixels, with limits: uploads come from anywhere.

Shape suffixes: H = height, W = width, C = channels (RGB).
"""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from algr.errors import DataError

MAX_PIXELS = 40_000_000
"""Largest image that is decoded; a camera's 24 megapixels fit."""
_FORMATS = ("JPEG", "PNG")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr")


def is_image_file(path: Path) -> bool:
    """Whether the file begins as a JPEG or PNG does."""
    with path.open("rb") as file:
        return file.read(8).startswith(_SIGNATURES)


def decode_image(content: bytes, *, name: str) -> NDArray[np.uint8]:
    """The pixels of a JPEG or PNG file, upright as a camera's orientation tag says.

    Args:
        content: Of the file.
        name: For messages.

    Returns:
        RGB (height, width, 3).

    Raises:
        DataError: It is no such file, is cut off, or is larger than `MAX_PIXELS`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise _too_large(name, f"{width} x {height} pixels")
            if image.mode not in _MODES:
                raise DataError(
                    f"{name}: an image of mode {image.mode}",
                    expected="8 bits per channel",
                    advice="save it as an ordinary JPEG or PNG",
                )
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_large(name, str(error)) from error
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(
            f"{name}: cannot be read as an image",
            expected="a whole JPEG or PNG file",
            advice="send the file as the camera or the editor wrote it",
        ) from error


def _too_large(name: str, found: str) -> DataError:
    return DataError(
        f"{name}: {found}",
        expected=f"at most {MAX_PIXELS // 1_000_000} million pixels",
        advice="send a smaller image",
    )
