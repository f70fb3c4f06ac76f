"""Interlaced frames: two moments in one picture, every second line each. Only the first is kept.

A moving face in a woven picture has a comb along every edge. The lines of the upper field are
taken as they are and the lines between them are the mean of their neighbours, in whole numbers, so
that the same file gives the same pixels on every machine. This halves the sharpness from top to
bottom, which the aligned face of 200 pixels seldom shows.
"""

# Shape suffixes: H, W = rows, columns; C = RGB.

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

FIELDS_VERSION = 1
"""Raised whenever the same interlaced file would give other pixels; others do not depend on it."""


def field_taker() -> Callable[[Any], Any]:
    """A function from a woven frame to its upper field, a frame of half the height.

    The lines are picked before colours are converted, because colour lines are woven, too.
    """
    import av

    graphs: dict[tuple[object, ...], Any] = {}

    def take(frame: Any) -> Any:
        shape = (frame.width, frame.height, frame.format.name)
        if shape not in graphs:
            graph = av.filter.Graph()
            source = graph.add_buffer(
                width=frame.width,
                height=frame.height,
                format=frame.format,
                time_base=frame.time_base,
            )
            field = graph.add("field", "type=top")
            sink = graph.add("buffersink")
            source.link_to(field)
            field.link_to(sink)
            graph.configure()
            graphs[shape] = graph
        graphs[shape].push(frame)
        return graphs[shape].pull()

    return take


def fill_lines(field_HWC: NDArray[np.uint8], *, height: int) -> NDArray[np.uint8]:
    """A picture of `height` lines, of which the field is every second one, from the first."""
    below_HWC = np.concatenate([field_HWC[1:], field_HWC[-1:]]).astype(np.uint16)
    picture_HWC = np.repeat(field_HWC, 2, axis=0)
    picture_HWC[1::2] = (field_HWC + below_HWC + 1) // 2
    return picture_HWC[:height]
