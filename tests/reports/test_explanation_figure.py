"""The figure of an explained face: what is on it, and that nothing lies over anything else."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image

from algr.inputs import Face, TimedFace
from algr.reports import (
    ClassMap,
    ExplainedFace,
    ExplainedRegion,
    ModelWords,
    draw_explanation,
    explanation_figure,
    explanation_json,
)
from algr.reports.canvas import Canvas, shortened
from algr.reports.overlays import overlaid, stretched
from algr.reports.places import spread
from tests.models.faces import frontal_face

UNITS = tuple(f"AU{n}" for n in (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24))
MUSCLES = tuple(
    f"{name} image-{side}"
    for name in ("frontalis", "orbicularis oculi", "nasalis", "zygomaticus", "orbicularis oris",
                 "depressor anguli oris")
    for side in ("left", "right")
)  # fmt: skip
GRADES = {"normal": 0.1, "low": 0.2, "medium": 0.6, "high": 0.1}
MODEL = ModelWords(
    name="algr-clinic",
    version=3,
    sha256="5" * 64,
    simulated=True,
    notice="For research use only.",
    has_regions=True,
    is_adaptive=True,
)


def timed_face() -> TimedFace:
    crop = np.random.default_rng(0).integers(0, 255, (176, 176, 3), dtype=np.uint8)
    face = Face(crop_HWC=crop, rotation_22=np.eye(2) / 2, shift_2=np.array([-5.0, -7.0]))
    return TimedFace(face=face, frame=12, time_s=0.48)


def class_map(target: str, *, largest: float = 0.25) -> ClassMap:
    values = np.zeros((176, 176))
    if largest > 0:
        values[20, 40] = 1
    peak = np.array([40.0, 20.0]) if largest > 0 else None
    return ClassMap(target=target, values_XX=values, largest=largest, peak_2=peak)


def regions(names: Sequence[str], *, target: str | None, centres: int) -> list[ExplainedRegion]:
    """All at the mouth, where labels crowd, with windows of the largest size."""
    generator = np.random.default_rng(1)
    return [
        ExplainedRegion(
            name=name,
            rule_C2=np.array([[62.0, 128.0], [113.0, 128.0]])[:centres],
            moved_C2=np.array([[70.0, 133.0], [105.0, 133.0]])[:centres],
            windows_C4=np.array([[40.0, 100.0, 90.0, 150.0], [85.0, 100.0, 135.0, 150.0]])[
                :centres
            ],
            offset_2=np.array([0.2, -0.125]),
            scale_factor=1.75,
            attention_XX=generator.random((176, 176)),
            attention_mean=0.5,
            class_map=class_map(target or name, largest=0.25 * (index != 1)),
        )
        for index, name in enumerate(names)
    ]


def au_face(names: tuple[str, ...] = UNITS) -> ExplainedFace:
    return ExplainedFace(
        file="a recording with a name that is longer than anybody would wish for.mp4",
        figure="visit_explained.png",
        timed=timed_face(),
        kind="au",
        probability=dict.fromkeys(names, 0.75),
        parts=dict.fromkeys(names, (0.7, 0.8)),
        verdict=", ".join(names),
        landmarks_L2=frontal_face().numpy(),
        regions=tuple(regions(names, target=None, centres=2)),
        class_maps=(),
    )


def grade_face(names: tuple[str, ...] = MUSCLES) -> ExplainedFace:
    return ExplainedFace(
        file="visit.mp4",
        figure="visit_explained.png",
        timed=timed_face(),
        kind="grade",
        probability=GRADES,
        parts={},
        verdict="medium",
        landmarks_L2=frontal_face().numpy(),
        regions=tuple(regions(names, target="high", centres=1)),
        class_maps=(),
    )


def whole_face(kind: str) -> ExplainedFace:
    is_grade = kind == "grade"
    targets = ("high",) if is_grade else UNITS
    return ExplainedFace(
        file="visit.mp4",
        figure="visit_explained.png",
        timed=timed_face(),
        kind=kind,  # type: ignore[arg-type]
        probability=GRADES if is_grade else dict.fromkeys(UNITS, 0.5),
        parts={},
        verdict="medium",
        landmarks_L2=None,
        regions=(),
        class_maps=tuple(class_map(target) for target in targets),
    )


FACES = {
    "12 action units": au_face(),
    "12 muscles": grade_face(),
    "6 muscles": grade_face(MUSCLES[::2]),
    "3 action units": au_face(UNITS[:3]),
    "grade, no regions": whole_face("grade"),
    "action units, no regions": whole_face("au"),
}


def panels(canvas: Canvas) -> list[str]:
    return [str(axes.get_label()) for axes in canvas.figure.axes]


def texts(canvas: Canvas) -> list[Text]:
    found = [*canvas.figure.texts]
    for axes in canvas.figure.axes:
        found += axes.texts
    return found


def words(canvas: Canvas) -> str:
    return "\n".join(text.get_text() for text in texts(canvas))


@pytest.mark.parametrize("name", FACES)
def test_no_text_lies_over_another_or_beyond_the_figure(name: str) -> None:
    canvas = explanation_figure(FACES[name], model=MODEL)
    canvas.figure.draw_without_rendering()

    boxes = [(text.get_text(), text.get_window_extent()) for text in texts(canvas)]

    assert [
        (one, other)
        for (one, box), (other, other_box) in combinations(boxes, 2)
        if box.overlaps(other_box)
    ] == []
    assert [
        one
        for one, box in boxes
        if box.x0 < 0 or box.y0 < 0 or box.x1 > canvas.width or box.y1 > canvas.height
    ] == []


@pytest.mark.parametrize("name", FACES)
def test_no_panel_lies_over_another_or_over_a_text_outside(name: str) -> None:
    canvas = explanation_figure(FACES[name], model=MODEL)
    canvas.figure.draw_without_rendering()

    boxes = [axes.bbox for axes in canvas.figure.axes]
    outside = [text.get_window_extent() for text in canvas.figure.texts]

    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert not any(box.overlaps(text) for box in boxes for text in outside)


@pytest.mark.parametrize("name", FACES)
def test_every_text_can_be_read_at_full_size(name: str) -> None:
    canvas = explanation_figure(FACES[name], model=MODEL)

    assert min(text.get_fontsize() for text in texts(canvas)) >= 9


def test_every_region_has_its_attention_and_its_class_map() -> None:
    found = panels(explanation_figure(FACES["12 action units"], model=MODEL))

    assert found[:2] == ["Landmarks and muscle centres", "Where the regions act"]
    assert found[2:26:2] == [f"attention {unit}" for unit in UNITS]
    assert found[3:26:2] == [f"CAM {unit}" for unit in UNITS]


def test_numbers_and_warnings_are_on_the_figure() -> None:
    found = words(explanation_figure(FACES["12 muscles"], model=MODEL))

    assert "visit.mp4  ·  frame 12, 0.48 s" in found
    assert "normal 0.10   low 0.20   medium 0.60   high 0.10" in found
    assert "class activation maps: high" in found
    assert "+0.20" in found
    assert "-0.12" in found
    assert "×1.75" in found
    assert "algr-clinic version 3, trained on simulated faces" in found
    assert "research use" in found
    assert "12  depressor anguli oris, R" in found


def test_a_map_of_zeros_says_so_and_has_no_peak() -> None:
    canvas = explanation_figure(FACES["3 action units"], model=MODEL)
    axes = {str(one.get_label()): one for one in canvas.figure.axes}

    assert axes["CAM AU2"].texts[0].get_text() == "CAM 0 everywhere"
    assert axes["CAM AU1"].texts[0].get_text() == "CAM max 0.25"
    assert len(axes["CAM AU2"].lines) == 0
    assert axes["CAM AU1"].lines[0].get_xydata().tolist() == [[40.0, 20.0]]


def test_centres_windows_and_arrows_are_drawn() -> None:
    canvas = explanation_figure(FACES["3 action units"], model=MODEL)
    centres, windows = canvas.figure.axes[:2]

    named = {str(line.get_label()): line.get_xydata().tolist() for line in centres.lines}
    squares = [str(patch.get_label()) for patch in windows.patches]
    assert named["rule AU1"] == [[113.0, 128.0]]
    assert named["centre AU1"] == [[105.0, 133.0]]
    assert len(named["landmarks"]) == 49
    assert squares == [f"window {unit}" for unit in UNITS[:3] for _ in range(2)]
    assert [str(patch.get_label()) for patch in centres.patches] == ["offset"] * 6


def test_a_network_without_regions_says_so() -> None:
    canvas = explanation_figure(FACES["grade, no regions"], model=MODEL)

    assert "no regions, landmarks or attention" in words(canvas)
    assert panels(canvas) == ["face", "CAM high", "scale inferno"]


def test_a_png_of_the_size_of_the_canvas_is_written(tmp_path: Path) -> None:
    draw_explanation(FACES["3 action units"], tmp_path / "figure.png", model=MODEL)
    draw_explanation(FACES["3 action units"], tmp_path / "again.png", model=MODEL)

    canvas = explanation_figure(FACES["3 action units"], model=MODEL)
    with Image.open(tmp_path / "figure.png") as image:
        assert image.size == (canvas.width, canvas.height)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.png", "figure.png"]
    assert (tmp_path / "figure.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_json_positions_are_pixels_of_what_was_sent() -> None:
    content = explanation_json([au_face(UNITS[:2])], model=MODEL, rejected=())

    (face,) = content["faces"]
    region = face["regions"][0]
    assert face["landmarks"][0] == [2 * (38 + 5), 2 * (48 + 7)]
    assert region["centres_by_rule"] == [[134.0, 270.0], [236.0, 270.0]]
    assert region["windows"][0][0] == [90.0, 214.0]
    assert region["class_map"] == {"target": "AU1", "largest": 0.25, "peak": [90.0, 54.0]}
    assert face["regions"][1]["class_map"]["peak"] is None
    assert (region["offset"], region["scale_factor"]) == ([0.2, -0.125], 1.75)
    assert face["local_probability"] == {"AU1": 0.7, "AU2": 0.7}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([10, 50], [10, 50]),
        ([10, 12, 14], [10, 20, 30]),
        ([95, 96, 99], [80, 90, 100]),
        ([-5, 130], [0, 100]),
        ([50] * 21, [5 * number for number in range(21)]),
        ([], []),
    ],
)
def test_labels_keep_their_order_and_distance(wanted: list[float], expected: list[float]) -> None:
    assert spread(wanted, gap=10, low=0, high=100) == pytest.approx(expected)


def test_a_constant_map_is_stretched_to_zeros() -> None:
    assert stretched(np.full((3, 3), 0.7)).tolist() == [[0.0] * 3] * 3
    assert stretched(np.array([[0.2, 0.4]])).tolist() == [[0.0, 1.0]]


def test_the_face_shows_more_where_a_map_is_low() -> None:
    crop = np.zeros((1, 2, 3), np.uint8)

    image = overlaid(crop, np.array([[0.0, 1.0]]), colours="inferno")

    assert image[0, 0].max() < 0.01
    assert image[0, 1].min() > 0.5


def test_long_names_lose_their_middle() -> None:
    assert shortened("recording.mp4", most=13) == "recording.mp4"
    assert shortened("recording-of-a-visit.mp4", most=13) == "recordin….mp4"
