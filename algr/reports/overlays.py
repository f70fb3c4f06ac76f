"""Maps laid over faces, in colours that keep their order for colour-blind readers and in grey.

Shape suffixes: H = W = X = pixels along a side of the crop, C = RGB.
"""

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

ATTENTION_COLOURS = "viridis"
CLASS_COLOURS = "inferno"
REGION_COLOURS = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"),
    *("#f0e442", "#b0b0b0", "#7f5fc0", "#9adf6e", "#ff9e9e", "#a6761d"),
)
"""Neighbours differ in lightness too; labels, not colours, say which region it is."""
_LEAST_COVER, _MOST_COVER = 0.25, 0.8
_LUMA = (0.299, 0.587, 0.114)


def grey(crop_HWC: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The face without colours, 0 to 1, (H, W, 3)."""
    luma_HW = crop_HWC @ np.asarray(_LUMA) / 255
    return np.repeat(luma_HW[:, :, None], 3, axis=2)


def overlaid(
    crop_HWC: NDArray[np.uint8], values_XX: NDArray[np.floating], *, colours: str
) -> NDArray[np.float64]:
    """A map over a grey face, (H, W, 3): the higher the value, the less of the face shows.

    Args:
        crop_HWC: RGB.
        values_XX: 0 to 1.
        colours: A colour map of matplotlib.
    """
    coloured_HWC = colormaps[colours](np.clip(values_XX, 0, 1))[:, :, :3]
    cover_HW1 = (_LEAST_COVER + (_MOST_COVER - _LEAST_COVER) * values_XX)[:, :, None]
    return np.asarray(grey(crop_HWC) * (1 - cover_HW1) + coloured_HWC * cover_HW1, np.float64)


def stretched(values_XX: NDArray[np.floating]) -> NDArray[np.float64]:
    """From its own least to its own largest value; a constant map becomes 0."""
    least, most = float(values_XX.min()), float(values_XX.max())
    if most <= least:
        return np.zeros_like(values_XX, np.float64)
    return np.asarray((values_XX - least) / (most - least), np.float64)
