"""Figures of a study by Optuna's own functions: PNG by matplotlib, HTML by plotly.

The HTML files hold plotly.js themselves, so that they open without a network.
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import TrialState

from algr.tune import Objective

logger = logging.getLogger(__name__)

_WIDTH_PER_PARAMETER = 2.4
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


def draw_plots(
    study: optuna.Study, folder: Path, *, objectives: tuple[Objective, ...]
) -> DrawnPlots:
    """Draw every figure that the study has enough trials for; older ones are replaced.

    Args:
        study: With the trials.
        folder: Made if it is not there.
        objectives: For the axes.
    """
    import matplotlib as mpl
    from optuna import visualization
    from optuna.visualization import matplotlib as drawn

    folder.mkdir(parents=True, exist_ok=True)
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    varied = _varied(complete)
    files: list[Path] = []
    left_out: list[str] = []
    before = mpl.get_backend()
    mpl.use("agg")
    try:
        with _quiet():
            for figure in _figures(objectives):
                if len(complete) < figure.least or len(varied) < figure.parameters:
                    left_out.append(
                        f"{figure.name}: needs {figure.least} complete trials and "
                        f"{figure.parameters} parameters with more than one value"
                    )
                    continue
                files.append(_png(figure, drawn, study, folder / f"{figure.name}.png"))
                files.append(_html(figure, visualization, study, folder / f"{figure.name}.html"))
    finally:
        mpl.use(before)
    return DrawnPlots(tuple(files), tuple(left_out))


def _figures(objectives: tuple[Objective, ...]) -> tuple[_Figure, ...]:
    first = objectives[0]
    several = len(objectives) > 1
    aim: dict[str, Any] = {"target_name": first.name}
    if several:
        aim["target"] = lambda trial: trial.values[0]

    def importance(kit: Any, study: optuna.Study) -> Any:
        evaluator = optuna.importance.FanovaImportanceEvaluator(seed=_SEED)
        return kit.plot_param_importances(study, evaluator=evaluator, **aim)

    figures = (
        _Figure("history", lambda kit, study: kit.plot_optimization_history(study, **aim), 1),
        _Figure("slice", lambda kit, study: kit.plot_slice(study, **aim), 2),
        _Figure("parallel", lambda kit, study: kit.plot_parallel_coordinate(study, **aim), 2),
        _Figure("contour", lambda kit, study: kit.plot_contour(study, **aim), 3, parameters=2),
        _Figure("importance", importance, 3, parameters=2),
    )
    if len(objectives) not in (2, 3):
        return figures
    names = [one.name for one in objectives]
    front = _Figure(
        "pareto", lambda kit, study: kit.plot_pareto_front(study, target_names=names), 1
    )
    return (*figures, front)


def _png(figure: _Figure, kit: Any, study: optuna.Study, file: Path) -> Path:
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
    picture.savefig(file, dpi=110, bbox_inches="tight")
    plt.close(picture)
    return file


def _html(figure: _Figure, kit: Any, study: optuna.Study, file: Path) -> Path:
    figure.draw(kit, study).write_html(file, include_plotlyjs=True, full_html=True)
    return file


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
