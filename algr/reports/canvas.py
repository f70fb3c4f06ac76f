"""A figure that is laid out in pixels, so that nothing overlaps and texts are sharp at 100 %.

Uses matplotlib's objects without pyplot: nothing global is set or left behind.
"""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

DPI = 100
INK, FAINT = "#202020", "#606060"
_METADATA = {"Software": None}
"""No version of a library in the file: the same face gives the same bytes."""


class Canvas:
    """An empty figure; positions are pixels from its upper left corner.

    Args:
        width: Pixels.
        height: Pixels.
    """

    def __init__(self, *, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        FigureCanvasAgg(self.figure)

    def panel(self, *, left: float, top: float, width: float, height: float, name: str) -> Axes:
        """Axes without frame and ticks.

        Args:
            left: Of the panel.
            top: Of the panel.
            width: Of the panel.
            height: Of the panel.
            name: What it shows, kept as the axes' label.
        """
        axes = self.figure.add_axes(
            (
                left / self.width,
                1 - (top + height) / self.height,
                width / self.width,
                height / self.height,
            ),
            label=name,
        )
        axes.set_axis_off()
        return axes

    def text(self, words: str, *, x: float, y: float, size: float = 10, **style: Any) -> Text:
        """Text whose first line's upper edge is at `y`."""
        style.setdefault("color", INK)
        return self.figure.text(
            x / self.width, 1 - y / self.height, words, fontsize=size, va="top", **style
        )

    def save(self, path: Path) -> None:
        """Write a PNG that is there whole or not at all."""
        draft = path.with_name(f".{path.name}.draft")
        try:
            self.figure.savefig(draft, format="png", dpi=DPI, metadata=_METADATA)
            draft.replace(path)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def shortened(words: str, *, most: int) -> str:
    """The text, or its beginning and end."""
    if len(words) <= most:
        return words
    head = (most - 1) * 2 // 3
    return f"{words[:head]}…{words[len(words) - (most - 1 - head) :]}"
