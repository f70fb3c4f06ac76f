"""Figures of a cross-validation: confusion matrices and reliability diagrams. No faces, no ids."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes

from algr.cv import ReliabilityBin, Section, Statistics
from algr.faces import GRADES
from algr.reports.canvas import FAINT, INK, Canvas, shortened

Value = TypeVar("Value")
_EDGE = 30
_HEAD = 88
_FOOT = 40
_COLUMNS = 4
_LEAST_WIDTH = 720
_LONE, _SMALL = 380, 190
"""Side of the only panel, and of one of several."""
_LEFT, _ABOVE, _BELOW = 92, 26, 52
"""Room for the words around a panel."""
_TABLE_COLOURS = "Blues"
_LINE = "#0072b2"
SIMULATED = "simulated faces"
_TITLES = {
    "video": "recordings, mean probability of their frames",
    "subject": "people, mean probability of their recordings",
    "units": "action units in frames",
}


def draw_statistics(
    statistics: Statistics, folder: Path, *, title: str, simulated: bool = False
) -> tuple[Path, ...]:
    """Write two PNGs per section: `confusion-<section>.png` and `reliability-<section>.png`.

    Args:
        statistics: Of a cross-validation.
        folder: For the figures; made if it is not there.
        title: Name of the run.
        simulated: The faces are drawn, and each title says so.
    """
    title = f"{SIMULATED}: {title}" if simulated else title
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for section in statistics.sections:
        for name, draw in (("confusion", confusion_figure), ("reliability", reliability_figure)):
            path = folder / f"{name}-{section.name}.png"
            draw(section, title=title).save(path)
            paths.append(path)
    return tuple(paths)


def confusion_figure(section: Section, *, title: str) -> Canvas:
    """How often which label was predicted for which; shades are shares of a row."""
    words = f"{_TITLES[section.name]}\ncounts; shaded by the share of the true label"
    panels = _Panels(section.confusion, title=f"{title}: confusion", words=words)
    labels = GRADES if section.name != "units" else ("absent", "present")
    for axes, table in panels.axes_of(section.confusion):
        _draw_table(axes, table, labels, size=11 if panels.is_lone else 9)
    return panels.canvas


def reliability_figure(section: Section, *, title: str) -> Canvas:
    """What came true against what was stated, in ten bins; the area of a dot is their share."""
    is_units = section.name == "units"
    meaning = (
        "stated probability against how often the unit was present"
        if is_units
        else "probability of the predicted grade against how often it was right"
    )
    words = f"{_TITLES[section.name]}\n{meaning}; larger dots: more of them"
    panels = _Panels(section.reliability, title=f"{title}: reliability", words=words)
    errors = section.pooled
    for (name, _), (axes, bins) in zip(
        section.reliability.items(), panels.axes_of(section.reliability), strict=True
    ):
        error = errors[f"ece_{name.lower()}" if is_units else "ece"]
        _draw_bins(axes, bins, error=error, is_lone=panels.is_lone)
    return panels.canvas


class _Panels:
    """A canvas with one panel per name, in rows."""

    def __init__(self, named: Mapping[str, object], *, title: str, words: str) -> None:
        self.is_lone = len(named) == 1
        self._side = _LONE if self.is_lone else _SMALL
        columns = min(len(named), _COLUMNS)
        rows = -(-len(named) // columns)
        cell_width, self._cell_height = self._side + _LEFT, self._side + _ABOVE + _BELOW
        self.canvas = Canvas(
            width=max(2 * _EDGE + columns * cell_width, _LEAST_WIDTH),
            height=_HEAD + rows * self._cell_height + _FOOT,
        )
        self.canvas.text(shortened(title, most=48), x=_EDGE, y=18, size=14, weight="bold")
        self.canvas.text(words, x=_EDGE, y=46, size=10, color=FAINT)
        self.canvas.text(
            "all test folds together; research use",
            x=_EDGE, y=self.canvas.height - 26, size=9, color=FAINT,
        )  # fmt: skip
        self._columns, self._cell_width = columns, cell_width

    def axes_of(self, named: Mapping[str, Value]) -> Sequence[tuple[Axes, Value]]:
        """A panel for each value, titled by its name where there are several."""
        found = []
        for index, (name, value) in enumerate(named.items()):
            row, column = divmod(index, self._columns)
            axes = self.canvas.panel(
                left=_EDGE + column * self._cell_width + _LEFT - 20,
                top=_HEAD + row * self._cell_height + _ABOVE,
                width=self._side,
                height=self._side,
                name=name,
            )
            axes.set_axis_on()
            if not self.is_lone:
                axes.set_title(name, fontsize=10, fontweight="bold", color=INK)
            found.append((axes, value))
        return found


def _draw_table(
    axes: Axes, table: Sequence[Sequence[int]], labels: Sequence[str], *, size: float
) -> None:
    counts = np.asarray(table)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    axes.imshow(shares, cmap=_TABLE_COLOURS, vmin=0, vmax=1)
    for row, column in np.ndindex(*counts.shape):
        colour = "white" if shares[row, column] > 0.6 else INK
        axes.text(
            column, row, f"{counts[row, column]}",
            ha="center", va="center", fontsize=size, color=colour,
        )  # fmt: skip
    places = range(len(labels))
    axes.set_xticks(places, labels, fontsize=size - 1)
    axes.set_yticks(places, labels, fontsize=size - 1)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted", fontsize=size)
    axes.set_ylabel("true", fontsize=size)


def _draw_bins(
    axes: Axes, bins: Sequence[ReliabilityBin], *, error: float | None, is_lone: bool
) -> None:
    size = 10 if is_lone else 8
    filled = [row for row in bins if row.items]
    total = max(sum(row.items for row in filled), 1)
    stated = [row.stated for row in filled if row.stated is not None]
    observed = [row.observed for row in filled if row.observed is not None]
    areas = [12 + (600 if is_lone else 240) * row.items / total for row in filled]
    axes.plot([0, 1], [0, 1], color="#b0b0b0", linewidth=1, zorder=0)
    axes.plot(stated, observed, color=_LINE, linewidth=1.2, zorder=1)
    axes.scatter(stated, observed, s=areas, color=_LINE, alpha=0.75, zorder=2, linewidths=0)
    axes.set_xlim(-0.04, 1.04)
    axes.set_ylim(-0.04, 1.04)
    axes.set_xticks((0, 0.5, 1), ("0", "0.5", "1"), fontsize=size)
    axes.set_yticks((0, 0.5, 1), ("0", "0.5", "1"), fontsize=size)
    axes.set_xlabel("stated", fontsize=size)
    axes.set_ylabel("observed", fontsize=size)
    words = "" if error is None else f"calibration error {100 * error:.1f} %"
    axes.text(0.02, 0.97, words, transform=axes.transAxes, fontsize=size, va="top", color=FAINT)
