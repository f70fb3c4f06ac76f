"""Two panels of where things lie on a face: landmarks with muscle centres, and region windows.

Shape suffixes: C = centres of a region, 2 = (x, y).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.patheffects import Stroke, withStroke

from algr.faces import CROP_SIZE
from algr.reports.explained import ExplainedFace, ExplainedRegion
from algr.reports.overlays import REGION_COLOURS, grey

VIEW = (-46, 222, -18, 194)
"""Left, right, top and bottom of the panels in pixels of the crop: room for labels, and for
windows that reach beyond the crop."""
_LABEL_GAP = 13.5
_SHORT_NAME = 4
_MARKER_EDGE = 1.5
_LEAST_ARROW_PX = 0.75


@dataclass(frozen=True, kw_only=True)
class _Label:
    words: str
    colour: str
    x: float
    y: float


def region_label(region: ExplainedRegion, index: int) -> str:
    """The name of a region if it is short, else its number from 1."""
    return region.name if len(region.name) <= _SHORT_NAME else str(index + 1)


def region_colour(index: int) -> str:
    """The colour of a region."""
    return REGION_COLOURS[index % len(REGION_COLOURS)]


def draw_landmarks(axes: Axes, face: ExplainedFace) -> None:
    """The crop with landmarks, and the centres of the regions before and after their offsets."""
    _set_view(axes)
    axes.imshow(face.timed.face.crop_HWC, extent=_EXTENT, interpolation="bilinear")
    if face.landmarks_L2 is not None:
        axes.plot(
            *face.landmarks_L2.T, ".", color="white", markersize=5, markeredgecolor="black",
            markeredgewidth=0.5, label="landmarks", clip_on=True,
        )  # fmt: skip
    labels = []
    for index, region in enumerate(face.regions):
        colour = region_colour(index)
        for rule_2, moved_2 in zip(region.rule_C2, region.moved_C2, strict=True):
            if abs(moved_2 - rule_2).max() > _LEAST_ARROW_PX:
                _draw_arrow(axes, rule_2, moved_2, colour=colour)
            axes.plot(
                *rule_2, "o", color="none", markeredgecolor=colour, markersize=6,
                markeredgewidth=_MARKER_EDGE, label=f"rule {region.name}",
            )  # fmt: skip
            axes.plot(
                *moved_2, "o", color=colour, markeredgecolor="black", markersize=5,
                markeredgewidth=0.7, label=f"centre {region.name}",
            )  # fmt: skip
            words = region_label(region, index)
            labels.append(_Label(words=words, colour=colour, x=moved_2[0], y=moved_2[1]))
    _draw_labels(axes, labels)


def draw_windows(axes: Axes, face: ExplainedFace) -> None:
    """The squares of the regions where they act on the feature."""
    _set_view(axes)
    axes.imshow(grey(face.timed.face.crop_HWC), extent=_EXTENT, interpolation="bilinear")
    labels = []
    for index, region in enumerate(face.regions):
        colour = region_colour(index)
        for left, top, right, bottom in region.windows_C4:
            square = Rectangle(
                (left, top), right - left, bottom - top, fill=False, edgecolor=colour,
                linewidth=1.6, label=f"window {region.name}",
            )  # fmt: skip
            square.set_path_effects([withStroke(linewidth=2.8, foreground="black")])
            axes.add_patch(square)
            side = left if _is_left((left + right) / 2) else right
            words = region_label(region, index)
            labels.append(_Label(words=words, colour=colour, x=side, y=(top + bottom) / 2))
    _draw_labels(axes, labels)


_EXTENT = (-0.5, CROP_SIZE - 0.5, CROP_SIZE - 0.5, -0.5)


def _set_view(axes: Axes) -> None:
    left, right, top, bottom = VIEW
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_autoscale_on(False)


def _draw_arrow(axes: Axes, start: Sequence[float], end: Sequence[float], *, colour: str) -> None:
    arrow = FancyArrowPatch(
        (start[0], start[1]), (end[0], end[1]), arrowstyle="-|>", mutation_scale=9, color=colour,
        linewidth=1.6, shrinkA=0, shrinkB=0, label="offset",
    )  # fmt: skip
    arrow.set_path_effects([Stroke(linewidth=2.6, foreground="black"), withStroke(linewidth=1.6)])
    axes.add_patch(arrow)


def _is_left(x: float) -> bool:
    return x < (CROP_SIZE - 1) / 2


def _draw_labels(axes: Axes, labels: Sequence[_Label]) -> None:
    """Beside the crop, with a line to what each one names."""
    for is_left in (True, False):
        own = sorted(
            (label for label in labels if _is_left(label.x) == is_left), key=lambda label: label.y
        )
        edge = -8.0 if is_left else CROP_SIZE + 7.0
        heights = spread([label.y for label in own], gap=_LABEL_GAP, low=-8, high=CROP_SIZE + 8)
        for label, height in zip(own, heights, strict=True):
            axes.plot(
                (edge, label.x), (height, label.y), "-", color="black", linewidth=1.7, zorder=1.5
            )
            axes.plot(
                (edge, label.x), (height, label.y), "-", color=label.colour, linewidth=0.9,
                zorder=1.6,
            )  # fmt: skip
            axes.text(
                edge + (-2 if is_left else 2), height, label.words, fontsize=9,
                ha="right" if is_left else "left", va="center", label="label",
            )  # fmt: skip


def spread(wanted: Sequence[float], *, gap: float, low: float, high: float) -> list[float]:
    """Ascending places as near to the wanted ones as a gap between neighbours lets them.

    Args:
        wanted: Ascending.
        gap: Between neighbours; smaller where there is not enough room.
        low: Least place.
        high: Largest place.
    """
    count = len(wanted)
    gap = min(gap, (high - low) / max(count - 1, 1))
    lowest, places = low, []
    for place in wanted:
        places.append(max(place, lowest))
        lowest = places[-1] + gap
    highest = high
    for index in reversed(range(count)):
        places[index] = min(places[index], highest)
        highest = places[index] - gap
    return places
