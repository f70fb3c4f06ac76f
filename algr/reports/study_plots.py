"""Figures of a study by Optuna's own functions: PNG by matplotlib, HTML by plotly.

The page holds plotly.js itself (4.8 MB), so that it opens without a network.
"""

import html
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from algr.durable import write_whole
from algr.tune import Objective

PAGE_FILE = "study.html"
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{name}</title></head>
<body style="font-family: sans-serif"><h1>{name}</h1>
{body}
</body></html>
"""
_WIDTH_PER_PARAMETER = 2.4
_PIXELS_PER_ROW = 240
_SEED = 0
_SIMULATED = "simulated faces"


@dataclass(frozen=True)
class DrawnPlots:
    """What was drawn, and what was not."""

    files: tuple[Path, ...]
    left_out: tuple[str, ...]
    """Names of figures with the reason."""


@dataclass(frozen=True)
class _Figure:
    name: str
    draw: Callable[[Any, optuna.Study], Any]
    """From `optuna.visualization` or its matplotlib twin, and the study."""
    least: int
    """Complete trials that it needs."""
    parameters: int = 1
    """Parameters that it needs."""


def draw_plots(
    study: optuna.Study,
    folder: Path,
    *,
    objectives: tuple[Objective, ...],
    simulated: bool = False,
) -> DrawnPlots:
    """Draw every figure that the study has enough trials for; older ones are replaced.

    Args:
        study: With the trials.
        folder: Made if it is not there.
        objectives: For the axes.
        simulated: Whether the faces are nobody's; every figure says so then.
    """
    import matplotlib as mpl
    from optuna import visualization
    from optuna.visualization import matplotlib as drawn

    folder.mkdir(parents=True, exist_ok=True)
    study = _begun(study)
    heading = _SIMULATED if simulated else ""
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    varied = _varied(complete)
    files: list[Path] = []
    parts: list[str] = []
    left_out: list[str] = []
    before = mpl.get_backend()
    mpl.use("agg")
    try:
        with _quiet():
            for figure in _figures(objectives):
                if len(complete) < figure.least or len(varied) < figure.parameters:
                    left_out.append(
                        f"{figure.name} (fewer than {figure.least} complete trials or "
                        f"{figure.parameters} varied parameters)"
                    )
                    continue
                try:
                    files.append(_png(figure, drawn, study, folder / f"{figure.name}.png", heading))
                    parts.append(_html(figure, visualization, study, heading, is_first=not parts))
                except (ValueError, RuntimeError) as error:  # as of trials that are all alike
                    left_out.append(f"{figure.name} ({error})")
    finally:
        mpl.use(before)
    if parts:
        page = folder / PAGE_FILE
        name = html.escape(study.study_name + (f" ({heading})" if heading else ""))
        write_whole(page, _PAGE.format(name=name, body="\n".join(parts)))
        files.append(page)
    return DrawnPlots(tuple(files), tuple(left_out))


def _begun(study: optuna.Study) -> optuna.Study:
    """The study without trials that wait, on to which Optuna would draw the best value so far."""
    begun = optuna.create_study(study_name=study.study_name, directions=study.directions)
    begun.add_trials(
        [one for one in study.get_trials(deepcopy=False) if one.state != TrialState.WAITING]
    )
    return begun


def _figures(objectives: tuple[Objective, ...]) -> tuple[_Figure, ...]:
    first = objectives[0]
    several = len(objectives) > 1
    aim: dict[str, Any] = {"target_name": first.name}
    if several:
        aim["target"] = lambda trial: trial.values[0]

    def importance(kit: Any, study: optuna.Study) -> Any:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=_SEED)
        return kit.plot_param_importances(study, evaluator=evaluator, **aim)

    def history(kit: Any, study: optuna.Study) -> Any:
        return kit.plot_optimization_history(study, **aim)

    figures = (
        _Figure(
            "history",
            lambda kit, study: kit.plot_optimization_history(study, **aim),
            1,
            parameters=0,
        ),
        _Figure("slice", lambda kit, study: kit.plot_slice(study, **aim), 2),
        _Figure("parallel", lambda kit, study: kit.plot_parallel_coordinate(study, **aim), 2),
        _Figure("contour", lambda kit, study: kit.plot_contour(study, **aim), 3, parameters=2),
        _Figure("importance", importance, 3, parameters=2),
    )
    if len(objectives) not in (2, 3):
        return figures
    names = [one.name for one in objectives]

    def front(kit: Any, study: optuna.Study) -> Any:
        return kit.plot_pareto_front(study, target_names=names)

    return (*figures, _Figure("pareto", front, 1, parameters=0))


def _png(figure: _Figure, kit: Any, study: optuna.Study, file: Path, heading: str) -> Path:
    import matplotlib.pyplot as plt
    import numpy as np

    axes = figure.draw(kit, study)
    panels = np.atleast_1d(np.asarray(axes, dtype=object))
    picture = panels.flat[0].figure
    rows, columns = panels.shape if panels.ndim == 2 else (1, panels.size)
    if panels.size > 1:
        picture.set_size_inches(2 + _WIDTH_PER_PARAMETER * columns, 2 + _WIDTH_PER_PARAMETER * rows)
    else:
        picture.set_size_inches(9, 5.5)
    _legible(picture)
    if heading:
        picture.suptitle(f"{picture.get_suptitle()} ({heading})".strip(), y=1.02)
    picture.savefig(file, dpi=110, bbox_inches="tight")
    plt.close(picture)
    return file


def _html(figure: _Figure, kit: Any, study: optuna.Study, heading: str, *, is_first: bool) -> str:
    """A part of the page; the first one brings plotly.js for all."""
    drawn = figure.draw(kit, study)
    rows = sum(1 for key in drawn.to_dict()["layout"] if key.startswith("yaxis"))
    if figure.name == "contour" and rows > 1:
        drawn.update_layout(height=_PIXELS_PER_ROW * round(rows**0.5) + 150)
    drawn.update_layout(autosize=True)
    if heading:
        drawn.update_layout(title_text=f"{drawn.layout.title.text or figure.name} ({heading})")
    return str(drawn.to_html(include_plotlyjs=is_first, full_html=False))


def _legible(picture: Any) -> None:
    """Labels of logarithmic axes that do not run into each other."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for axes in picture.axes:
        for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
            if scale == "log":
                axis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axis.set_minor_formatter(NullFormatter())


def _varied(trials: list[optuna.trial.FrozenTrial]) -> set[str]:
    values: dict[str, set[Any]] = {}
    for trial in trials:
        for key, value in trial.params.items():
            values.setdefault(key, set()).add(value)
    return {key for key, found in values.items() if len(found) > 1}


@contextmanager
def _quiet() -> Iterator[None]:
    """Optuna calls its matplotlib figures experimental at each call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
