"""Figures of a cross-validation: what is on them, and that no word leaves the picture."""

from pathlib import Path

import pytest
from matplotlib.text import Text

from algr.cv import Section, Statistics, statistics_of
from algr.metrics import gather_evidence
from algr.reports import confusion_figure, draw_statistics, reliability_figure
from algr.reports.canvas import Canvas
from tests.metrics.drawn_frames import graded_frames, unit_frames

GRADED = statistics_of(gather_evidence(graded_frames(seed=0, frames=200)), draws=20)
UNITS = statistics_of(gather_evidence(unit_frames(seed=0)), draws=20)


def words_on(canvas: Canvas) -> list[Text]:
    canvas.figure.canvas.draw()
    return [text for text in canvas.figure.findobj(Text) if text.get_text()]


def title_of(canvas: Canvas) -> str:
    return canvas.figure.texts[0].get_text()


def numbers_on(canvas: Canvas) -> list[str]:
    return [text.get_text() for axes in canvas.figure.axes for text in axes.texts]


@pytest.mark.parametrize("section", [*GRADED.sections, *UNITS.sections], ids=lambda s: s.name)
@pytest.mark.parametrize("figure", [confusion_figure, reliability_figure])
def test_no_word_leaves_the_picture(figure, section: Section) -> None:
    canvas = figure(section, title="a-run-with-a-rather-long-name-that-somebody-typed-in-full-1")

    boxes = [text.get_window_extent() for text in words_on(canvas)]

    assert min(min(box.x0, box.y0) for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= canvas.width
    assert max(box.y1 for box in boxes) <= canvas.height


def test_the_confusion_shows_every_count_in_its_place() -> None:
    (section, *_) = GRADED.sections

    canvas = confusion_figure(section, title="run")

    counts = section.confusion["grade"]
    (axes,) = canvas.figure.axes
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    assert shown == {
        (column, row): str(counts[row][column]) for row in range(4) for column in range(4)
    }
    assert axes.get_yticklabels()[0].get_text() == "normal"
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("true", "predicted")


def test_the_reliability_has_a_dot_for_every_bin_with_items() -> None:
    (section, *_) = GRADED.sections

    canvas = reliability_figure(section, title="run")

    (axes,) = canvas.figure.axes
    expected = [[row.stated, row.observed] for row in section.reliability["grade"] if row.items]
    assert axes.collections[0].get_offsets().tolist() == expected
    assert numbers_on(canvas) == [f"calibration error {100 * section.pooled['ece']:.1f} %"]


def test_units_have_a_panel_each() -> None:
    (section,) = UNITS.sections

    titles = [axes.get_title() for axes in confusion_figure(section, title="run").figure.axes]

    assert titles == ["AU1", "AU12"]


@pytest.mark.parametrize(
    ("statistics", "names"),
    [
        (GRADED, ["subject", "video"]),
        (UNITS, ["units"]),
    ],
)
def test_the_folder_holds_whole_pictures(
    tmp_path: Path, statistics: Statistics, names: list[str]
) -> None:
    paths = draw_statistics(statistics, tmp_path / "figures", title="run")

    expected = sorted(f"{what}-{name}" for what in ("confusion", "reliability") for name in names)
    assert sorted(path.stem for path in (tmp_path / "figures").iterdir()) == expected
    assert sorted(path.stem for path in paths) == expected
    assert {path.read_bytes()[:4] for path in paths} == {b"\x89PNG"}


def test_figures_of_drawn_faces_say_so_in_their_titles(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    titles: list[str] = []
    monkeypatch.setattr(Canvas, "save", lambda canvas, _: titles.append(title_of(canvas)))

    draw_statistics(UNITS, tmp_path, title="run", simulated=True)

    assert titles == [
        "simulated faces: run: confusion",
        "simulated faces: run: reliability",
    ]
