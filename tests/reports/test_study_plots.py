"""Figures of a study: drawn where there is enough, said where there is not, without a network."""

import re
from pathlib import Path

import optuna
import pytest
from matplotlib.collections import PathCollection
from PIL import Image

from algr.reports import draw_plots
from algr.reports.study_plots import _by_first_objective
from algr.tune import Objective

SCORE, COST = Objective("val/f1_macro"), Objective("latency_ms")


def _study(*, trials: int, directions=("maximize",), same: bool = False) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        study_name="a <study>",
        directions=directions,
        sampler=optuna.samplers.RandomSampler(seed=0),
    )
    for _ in range(trials):
        trial = study.ask()
        rate = trial.suggest_float("train.learning_rate", 1e-3, 1e-1, log=True)
        scale = trial.suggest_float("model.region_scale", 0.08, 0.25)
        value = 0.5 if same else 0.9 - abs(rate - 0.02) - scale
        study.tell(trial, [value, scale][: len(directions)])
    return study


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return draw_plots(_study(trials=8), tmp_path_factory.mktemp("plots"), objectives=(SCORE,))


def test_every_figure_is_a_picture_and_a_part_of_one_page(drawn):
    assert drawn.left_out == ()
    names = ["history", "slice", "parallel", "contour", "importance"]
    assert [file.name for file in drawn.files] == [*(f"{one}.png" for one in names), "study.html"]
    assert min(_width(file) for file in drawn.files[:-1]) > 500


def _width(file: Path) -> int:
    with Image.open(file) as picture:
        return picture.width


def test_the_page_asks_nothing_of_a_network(drawn):
    page = drawn.files[-1].read_text()

    assert "<title>a &lt;study&gt;</title>" in page
    assert page.count('class="plotly-graph-div"') == 5
    assert re.findall(r"<(?:script|link)[^>]+(?:src|href)=", page) == []


def test_two_objectives_have_their_front_drawn(tmp_path):
    study = _study(trials=4, directions=("maximize", "minimize"))

    assert "pareto.png" in [
        file.name for file in draw_plots(study, tmp_path, objectives=(SCORE, COST)).files
    ]


def test_too_few_trials_are_said(tmp_path):
    found = draw_plots(_study(trials=1), tmp_path, objectives=(SCORE,))

    assert [file.name for file in found.files] == ["history.png", "study.html"]
    assert [reason.partition(" ")[0] for reason in found.left_out] == [
        "slice",
        "parallel",
        "contour",
        "importance",
    ]


def test_a_study_without_trials_leaves_no_page(tmp_path):
    assert draw_plots(_study(trials=0), tmp_path, objectives=(SCORE,)).files == ()


def test_trials_that_are_all_alike_do_not_end_the_command(tmp_path):
    found = draw_plots(_study(trials=4, same=True), tmp_path, objectives=(SCORE,))

    assert "history.png" in [file.name for file in found.files]


def _conditional(*, directions=("maximize",)) -> optuna.Study:
    """Four trials; every second one has a parameter more. The last one waits."""
    study = _study(trials=0, directions=directions)
    for number in range(4):
        trial = study.ask()
        rate = trial.suggest_float("train.learning_rate", 1e-3, 1e-1, log=True)
        trial.suggest_float("model.region_scale", 0.08, 0.25)
        if number % 2:
            trial.suggest_categorical("model.peepholes", [True, False])
        study.tell(trial, [rate, number][: len(directions)])
    study.enqueue_trial({"train.learning_rate": 0.01})
    return study


def test_one_colour_bar_holds_for_every_panel_of_the_slices(tmp_path, monkeypatch):
    scales = []
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig",
        lambda picture, *_, **__: scales.append(
            {
                one.get_clim()
                for axes in picture.axes
                for one in axes.collections
                if isinstance(one, PathCollection)
            }
        ),
    )

    draw_plots(_conditional(), tmp_path, objectives=(SCORE,))

    assert scales[1] == {(0.0, 3.0)}


def test_the_first_of_two_objectives_is_drawn_with_its_direction_and_best_values(tmp_path):
    single = _by_first_objective(_conditional(directions=("maximize", "minimize")))

    assert single.direction == optuna.study.StudyDirection.MAXIMIZE
    assert [trial.number for trial in single.trials] == [0, 1, 2, 3, 4]
    assert [trial.state.name for trial in single.trials] == [*["COMPLETE"] * 4, "FAIL"]


def test_parameters_that_some_trials_lack_are_said_of_the_importance(tmp_path):
    found = draw_plots(_conditional(), tmp_path, objectives=(SCORE,))

    assert found.left_out == ("importance of model.peepholes (not every trial has it)",)


def test_drawn_faces_are_named_in_the_page(tmp_path):
    draw_plots(_study(trials=2), tmp_path, objectives=(SCORE,), simulated=True)

    assert "<h1>simulated faces: a &lt;study&gt;</h1>" in (tmp_path / "study.html").read_text()
