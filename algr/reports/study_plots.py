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
_SIMULATED = "simulated faces: "
_WIDTH_PER_PARAMETER = 2.4
_PIXELS_PER_ROW = 240
_SEED = 0


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
    is_of_all_objectives: bool = False


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
        objectives: For the axes; figures of one objective show the first.
        simulated: Whether the faces are drawn, which titles then say.
    """
    import matplotlib as mpl
    from optuna import visualization
    from optuna.visualization import matplotlib as drawn

    folder.mkdir(parents=True, exist_ok=True)
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    varied = _varied(complete)
    by_first = _by_first_objective(study)
    heading = _SIMULATED if simulated else ""
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
                shown = study if figure.is_of_all_objectives else by_first
                file = folder / f"{figure.name}.png"
                try:
                    files.append(_png(figure, drawn, shown, file, heading=heading))
                    parts.append(_html(figure, visualization, shown, is_first=not parts))
                except (ValueError, RuntimeError) as error:  # as of trials that are all alike
                    left_out.append(f"{figure.name} ({error})")
    finally:
        mpl.use(before)
    left_out += _of_some_trials(complete)
    if parts:
        page = folder / PAGE_FILE
        name = html.escape(f"{heading}{study.study_name}")
        write_whole(page, _PAGE.format(name=name, body="\n".join(parts)))
        files.append(page)
    return DrawnPlots(tuple(files), tuple(left_out))


def _figures(objectives: tuple[Objective, ...]) -> tuple[_Figure, ...]:
    aim = {"target_name": objectives[0].name}

    def importance(kit: Any, study: optuna.Study) -> Any:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=_SEED)
        return kit.plot_param_importances(study, evaluator=evaluator, **aim)

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

    return (*figures, _Figure("pareto", front, 1, parameters=0, is_of_all_objectives=True))


def _by_first_objective(study: optuna.Study) -> optuna.Study:
    """The study as one of its first objective, whose direction Optuna then knows.

    Colours and the line of the best value need the direction, which Optuna does not look up
    where a figure is given a target. Trials keep their numbers; those without a result count as
    failed, since Optuna draws the best value on to those that wait.
    """
    single = optuna.create_study(study_name=study.study_name, direction=study.directions[0])
    for trial in study.get_trials(deepcopy=False):
        is_complete = trial.state == TrialState.COMPLETE
        has_result = is_complete or trial.state == TrialState.PRUNED
        frozen = optuna.trial.create_trial(
            state=trial.state if has_result else TrialState.FAIL,
            value=trial.values[0] if is_complete else None,
            params=trial.params,
            distributions=trial.distributions,
            intermediate_values=trial.intermediate_values,
        )
        frozen.datetime_start = trial.datetime_start or frozen.datetime_start
        frozen.datetime_complete = trial.datetime_complete or frozen.datetime_complete
        single.add_trial(frozen)
    return single


def _png(figure: _Figure, kit: Any, study: optuna.Study, file: Path, *, heading: str) -> Path:
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
    if figure.name == "slice":
        _one_colour_scale(picture)
    if heading:
        picture.suptitle(f"{heading}{study.study_name}", y=1.0, va="bottom")
    picture.savefig(file, dpi=110, bbox_inches="tight")
    plt.close(picture)
    return file


def _html(figure: _Figure, kit: Any, study: optuna.Study, *, is_first: bool) -> str:
    """A part of the page; the first one brings plotly.js for all."""
    drawn = figure.draw(kit, study)
    rows = sum(1 for key in drawn.to_dict()["layout"] if key.startswith("yaxis"))
    if figure.name == "contour" and rows > 1:
        drawn.update_layout(height=_PIXELS_PER_ROW * round(rows**0.5) + 150)
    drawn.update_layout(autosize=True)
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
        if len(picture.axes) > 1:
            axes.tick_params(axis="x", labelrotation=45)


def _one_colour_scale(picture: Any) -> None:
    """Optuna scales the numbers of trials panel by panel, though one bar explains all of them."""
    from matplotlib.collections import PathCollection

    dots = [
        one for axes in picture.axes for one in axes.collections if isinstance(one, PathCollection)
    ]
    shown = [array for one in dots if (array := one.get_array()) is not None]
    low, high = min(map(min, shown), default=0), max(map(max, shown), default=0)
    for one in dots:
        one.set_clim(low, high)


def _of_some_trials(complete: list[optuna.trial.FrozenTrial]) -> list[str]:
    """Parameters of which Optuna's importances say nothing, since not every trial has them."""
    names = [set(trial.params) for trial in complete]
    if not names:
        return []
    some = sorted(set.union(*names) - set.intersection(*names))
    return [f"importance of {name} (not every trial has it)" for name in some]


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
