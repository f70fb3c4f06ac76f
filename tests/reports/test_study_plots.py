"""Figures of a study: drawn where there is enough, said where there is not, without a network."""

import re
from pathlib import Path

import optuna
import plotly.graph_objects as go
import pytest
from matplotlib.figure import Figure
from PIL import Image

from algr.reports import draw_plots
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


def test_figures_of_drawn_faces_say_so(tmp_path, monkeypatch):
    titles = []
    suptitle = Figure.suptitle
    monkeypatch.setattr(
        Figure,
        "suptitle",
        lambda self, text, **kw: titles.append(text) or suptitle(self, text, **kw),
    )

    found = draw_plots(_study(trials=3), tmp_path, objectives=(SCORE,), simulated=True)

    page = found.files[-1].read_text()
    headed = [title for title in titles if title.endswith("(simulated faces)")]
    assert len(headed) == len(found.files) - 1
    assert "<h1>a &lt;study&gt; (simulated faces)</h1>" in page
    assert page.count('(simulated faces)"') == len(found.files) - 1


def test_the_history_ends_with_the_last_trial_that_was_begun(tmp_path, monkeypatch):
    study = _study(trials=3)
    study.enqueue_trial({"train.learning_rate": 0.05})
    seen = []
    monkeypatch.setattr(
        "optuna.visualization.plot_optimization_history",
        lambda drawn, **_: seen.append(len(drawn.trials)) or go.Figure(),
    )

    draw_plots(study, tmp_path, objectives=(SCORE,))

    assert seen == [3]


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
