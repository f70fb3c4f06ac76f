"""The figure of one explained face: places, numbers, and the maps of every region."""

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from matplotlib import colormaps
from matplotlib.axes import Axes

from algr.reports.canvas import FAINT, INK, Canvas, shortened
from algr.reports.explained import ClassMap, ExplainedFace, ExplainedRegion, ModelWords
from algr.reports.overlays import ATTENTION_COLOURS, CLASS_COLOURS, overlaid, stretched
from algr.reports.places import draw_landmarks, draw_windows, region_colour, region_label

_WIDTH = 1600
_EDGE = 30
_HEAD = 102
_PLACES = (496, 392)
"""Width and height of the panels of places, in the proportion of `places.VIEW`."""
_MAP = 182
_MAP_GAP = 5
_PAIR_COLUMNS = 4
_PAIR_TITLE = 26
_PAIR_GAP = 14
_FOOT = 76
_WHOLE = 352
_LEAST_WIDTH = 1150
"""Below it the words at the head would meet."""


def draw_explanation(face: ExplainedFace, path: Path, *, model: ModelWords) -> None:
    """Draw the figure of a face and write it as a PNG."""
    explanation_figure(face, model=model).save(path)


def explanation_figure(face: ExplainedFace, *, model: ModelWords) -> Canvas:
    """The figure of a face.

    With regions: the crop with landmarks and muscle centres; the windows; a table of numbers; per
    region the attention and the class activation map. Without: the crop and the maps.
    """
    if not face.regions:
        return _whole_face_figure(face, model=model)
    rows = -(-len(face.regions) // _PAIR_COLUMNS)
    below = _HEAD + 24 + _PLACES[1] + 22
    row_height = _PAIR_TITLE + _MAP + _PAIR_GAP
    canvas = Canvas(width=_WIDTH, height=below + rows * row_height + _FOOT)
    _write_head(canvas, face, model=model)
    width, height = _PLACES
    titles = ("Landmarks and muscle centres", "Where the regions act")
    for column, (title, draw) in enumerate(
        zip(titles, (draw_landmarks, draw_windows), strict=True)
    ):
        left = _EDGE + column * (width + 4)
        canvas.text(title, x=left + 86, y=_HEAD, size=11, weight="bold")
        draw(canvas.panel(left=left, top=_HEAD + 24, width=width, height=height, name=title), face)
    table_left = _EDGE + 2 * (width + 4) + 6
    _write_table(canvas, face, left=table_left, top=_HEAD, height=height + 24)
    pair = (_WIDTH - 2 * _EDGE - (_PAIR_COLUMNS - 1) * 28) / _PAIR_COLUMNS
    for index, region in enumerate(face.regions):
        row, column = divmod(index, _PAIR_COLUMNS)
        _draw_pair(
            canvas,
            face,
            index,
            region,
            left=_EDGE + column * (pair + 28),
            top=below + row * row_height,
        )
    _write_foot(canvas, face, model=model)
    return canvas


def _write_head(canvas: Canvas, face: ExplainedFace, *, model: ModelWords) -> None:
    parts = [shortened(face.file, most=48)] + ([face.moment] if face.moment else [])
    canvas.text("  ·  ".join(parts), x=_EDGE, y=20, size=15, weight="bold")
    right = canvas.width - _EDGE
    canvas.text("research use", x=right, y=20, size=13, weight="bold", color="#a00000", ha="right")
    canvas.text(shortened(model.title, most=90), x=right, y=44, size=10, color=FAINT, ha="right")
    if face.kind == "grade":
        shares = "   ".join(f"{name} {share:.2f}" for name, share in face.probability.items())
        target = (face.regions[0].class_map if face.regions else face.class_maps[0]).target
        words = f"grade {face.verdict}      {shares}      class activation maps: {target}"
    else:
        words = f"present: {face.verdict or 'none'}"
    canvas.text(words, x=_EDGE, y=62, size=12)


def _write_table(
    canvas: Canvas, face: ExplainedFace, *, left: float, top: float, height: float
) -> None:
    """The numbers of every region, one row each."""
    rows = [_cells(face, index, region) for index, region in enumerate(face.regions)]
    columns = list(rows[0])
    name_width = 84 if face.parts else 232
    widest = [
        max(
            len(line)
            for words in (column, *(row[column] for row in rows))
            for line in words.split()
        )
        for column in columns[1:]
    ]
    room = canvas.width - _EDGE - left - name_width
    ends = [
        left + name_width + room * share
        for share in accumulate((width + 2) / (sum(widest) + 2 * len(widest)) for width in widest)
    ]
    row_height = min(28.0, (height - 36) / len(rows))
    canvas.text(columns[0], x=left, y=top, size=9, weight="bold")
    for column, end in zip(columns[1:], ends, strict=True):
        canvas.text(column, x=end, y=top, size=9, weight="bold", ha="right")
    for number, row in enumerate(rows):
        y = top + 40 + number * row_height
        canvas.text("■", x=left, y=y, size=10, color=region_colour(number))
        first, *others = row.values()
        canvas.text(first, x=left + 20, y=y, size=10)
        for words, end in zip(others, ends, strict=True):
            canvas.text(words, x=end, y=y, size=10, ha="right")


def _cells(face: ExplainedFace, index: int, region: ExplainedRegion) -> dict[str, str]:
    label, name = region_label(region, index), with_side(region.name)
    cells = {"region": name if label == region.name else f"{label}  {name}"}
    if face.kind == "au":
        cells["p"] = f"{face.probability[region.name]:.2f}"
        if face.parts:
            own, whole = face.parts[region.name]
            cells |= {"region\np": f"{own:.2f}", "face\np": f"{whole:.2f}"}
    dx, dy = (
        ("–", "–") if region.offset_2 is None else (_signed(value) for value in region.offset_2)
    )
    scale = "–" if region.scale_factor is None else f"×{region.scale_factor:.2f}"
    return cells | {
        "offset\nx": dx,
        "offset\ny": dy,
        "scale": scale,
        "attention\nmean": f"{region.attention_mean:.2f}",
        "CAM\nmax": f"{region.class_map.largest:.2g}" if region.class_map.largest > 0 else "0",
    }


def _signed(value: float) -> str:
    """Two digits with a sign, but for zero."""
    return f"{value:+.2f}" if abs(value) >= 0.005 else "0.00"


def with_side(name: str) -> str:
    """The name of a region with the side of the image as a letter."""
    return name.replace(" image-left", ", L").replace(" image-right", ", R")


def _draw_pair(
    canvas: Canvas,
    face: ExplainedFace,
    index: int,
    region: ExplainedRegion,
    *,
    left: float,
    top: float,
) -> None:
    label, name = region_label(region, index), with_side(region.name)
    title = name if label == region.name else f"{label}  {name}"
    if face.kind == "au":
        title += f"   p {face.probability[region.name]:.2f}"
    canvas.text(title, x=left, y=top, size=11, weight="bold")
    top += _PAIR_TITLE
    attention = canvas.panel(
        left=left, top=top, width=_MAP, height=_MAP, name=f"attention {region.name}"
    )
    crop_HWC = face.timed.face.crop_HWC
    values_XX = region.attention_XX
    _show(attention, overlaid(crop_HWC, stretched(values_XX), colours=ATTENTION_COLOURS))
    _caption(attention, f"attention {values_XX.min():.2f} to {values_XX.max():.2f}")
    left += _MAP + _MAP_GAP
    _draw_class_map(
        canvas.panel(left=left, top=top, width=_MAP, height=_MAP, name=f"CAM {region.name}"),
        face,
        region.class_map,
    )


def _draw_class_map(axes: Axes, face: ExplainedFace, class_map: ClassMap) -> None:
    _show(axes, overlaid(face.timed.face.crop_HWC, class_map.values_XX, colours=CLASS_COLOURS))
    if class_map.peak_2 is None:
        _caption(axes, "CAM 0 everywhere")
        return
    axes.plot(*class_map.peak_2, "+", color="white", markersize=9, markeredgewidth=1.5)
    _caption(axes, f"CAM max {class_map.largest:.2g}")


def _show(axes: Axes, image_HWC: object) -> None:
    axes.imshow(image_HWC, interpolation="bilinear")  # type: ignore[arg-type]
    axes.set_autoscale_on(False)


def _caption(axes: Axes, words: str) -> None:
    axes.text(
        0.02, 0.025, words, transform=axes.transAxes, fontsize=9, color="white", va="bottom",
        bbox={"facecolor": "black", "alpha": 0.6, "edgecolor": "none", "pad": 1.5},
    )  # fmt: skip


def _write_foot(canvas: Canvas, face: ExplainedFace, *, model: ModelWords) -> None:
    top = canvas.height - _FOOT + 8
    left = float(_EDGE)
    scales = [("CAM: 0 to the map's largest value", CLASS_COLOURS)]
    if face.regions:
        scales.insert(0, ("attention: least to most of the map", ATTENTION_COLOURS))
    for words, colours in scales:
        bar = canvas.panel(left=left, top=top + 2, width=120, height=11, name=f"scale {colours}")
        bar.imshow([[step / 255 for step in range(256)]], cmap=colormaps[colours], aspect="auto")
        canvas.text(words, x=left + 128, y=top, size=9, color=INK)
        left += 420
    canvas.text("\n".join(_notes(face, model=model)), x=_EDGE, y=top + 20, size=9, color=FAINT)


def _notes(face: ExplainedFace, *, model: ModelWords) -> Sequence[str]:
    target = "the action unit" if face.kind == "au" else "the grade"
    cam = f"CAM max in log-odds of {target}; a map shows what the network used, not why."
    if not face.regions:
        return (
            "This network has no regions, landmarks or attention: maps of its last stage.",
            cam,
        )
    moved = "offset in inner-eye-corner distances (x right, y down), scale as a factor of the start"
    places = (
        f"Ring: centre by the rule; dot: with the learned offset. Table: {moved}."
        if model.is_adaptive
        else "Dot: centre by the rule. This network learns neither offsets nor scales."
    )
    sides = "" if face.kind == "au" else "  L, R: sides of the image."
    return (f"{places}{sides}", cam)


def _whole_face_figure(face: ExplainedFace, *, model: ModelWords) -> Canvas:
    maps = face.class_maps
    is_one = len(maps) == 1
    side, columns = (_WHOLE, 1) if is_one else (_MAP, min(len(maps), 6))
    rows = -(-len(maps) // columns)
    row_height = _PAIR_TITLE + side + _PAIR_GAP
    maps_left = _EDGE + _WHOLE + 28
    width = max(maps_left + columns * (side + 12) + _EDGE, _LEAST_WIDTH)
    height = _HEAD + max(rows * row_height, _PAIR_TITLE + _WHOLE + _PAIR_GAP) + _FOOT
    canvas = Canvas(width=width, height=height)
    _write_head(canvas, face, model=model)
    canvas.text("Aligned face", x=_EDGE, y=_HEAD, size=11, weight="bold")
    top = _HEAD + _PAIR_TITLE
    crop = canvas.panel(left=_EDGE, top=top, width=_WHOLE, height=_WHOLE, name="face")
    _show(crop, face.timed.face.crop_HWC)
    for index, class_map in enumerate(maps):
        row, column = divmod(index, columns)
        left, top = maps_left + column * (side + 12), _HEAD + row * row_height
        title = f"{class_map.target}   p {face.probability[class_map.target]:.2f}"
        canvas.text(title, x=left, y=top, size=11, weight="bold")
        name = f"CAM {class_map.target}"
        _draw_class_map(
            canvas.panel(left=left, top=top + _PAIR_TITLE, width=side, height=side, name=name),
            face,
            class_map,
        )
    _write_foot(canvas, face, model=model)
    return canvas
