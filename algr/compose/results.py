"""`algr results`: published tables beside finished runs, without training."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from algr.compose.row_study_file import COMPARISON_FILE
from algr.compose.rows import ABLATION, MODELS, network_title
from algr.config import DataHome
from algr.config.home import check_name
from algr.config.loader import did_you_mean
from algr.cv import PLAN_FILE, read_finished, read_run_files
from algr.data import list_datasets, open_dataset
from algr.errors import StudyError, UsageError

if TYPE_CHECKING:
    from algr.reports import OwnRun, PublishedDataset, ResultsView

_RUN = "run:"


@dataclass(frozen=True, kw_only=True)
class Results:
    """What was found."""

    views: tuple["ResultsView", ...]
    others: tuple["OwnRun", ...]
    """Finished runs that belong into none of the tables."""
    unfinished: tuple[str, ...]
    """Runs of the datasets that were named which have no result yet."""


@dataclass(frozen=True)
class _Found:
    """What one name stands for."""

    runs: tuple["OwnRun", ...] = ()
    unfinished: tuple[str, ...] = ()
    published: "PublishedDataset | None" = None
    """The published dataset that it has the labels, or the name, of."""


def collect_results(names: Sequence[str], *, home: DataHome, table: int | None) -> Results:
    """Finished runs of the datasets, comparisons and runs that are named, with published tables.

    Args:
        names: Datasets, runs, or published datasets; none for the published tables alone.
        home: Where they are.
        table: The only table that is wanted, by its number in the paper.

    Raises:
        UsageError: A name stands for nothing, or for two things.
        StudyError: A run that was named is not finished.
    """
    from algr.reports import PUBLISHED, ResultsView, published_dataset, published_table, tables_of

    found = [_find(name, home=home) for name in names]
    runs = tuple({run.name: run for one in found for run in one.runs}.values())
    if table is not None:
        tables = [published_table(table)]
    elif names:
        datasets = {one.published for one in found}
        tables = [one for one in PUBLISHED if any(one in tables_of(d) for d in datasets if d)]
    else:
        tables = list(PUBLISHED)
    dataset_of = {
        run.name: published_dataset(kind=run.finished.kind, label_names=run.finished.label_names)
        for run in runs
    }
    views = tuple(
        ResultsView(
            one,
            tuple(
                run
                for run in runs
                if (dataset := dataset_of[run.name]) is not None and one in tables_of(dataset)
            ),
        )
        for one in tables
    )
    shown = {run.name for view in views for run in view.runs}
    return Results(
        views=views,
        others=tuple(run for run in runs if run.name not in shown),
        unfinished=tuple(name for one in found for name in one.unfinished),
    )


def _find(name: str, *, home: DataHome) -> _Found:
    from algr.reports import DATASET_TITLES

    if name.startswith(_RUN):
        return _of_run(name.removeprefix(_RUN), home=home)
    check_name(name, what="dataset or run")
    datasets = [summary.name for summary in list_datasets(home)]
    has_run = any((home.run(name) / file).is_file() for file in (PLAN_FILE, COMPARISON_FILE))
    if name in datasets and has_run:
        raise UsageError(
            f"{name} names a dataset and a run",
            expected="one of them",
            advice=f"write {_RUN}{name} for the run",
        )
    if name in datasets:
        return _of_dataset(name, home=home)
    if has_run:
        return _of_run(name, home=home)
    published = next((known for known in DATASET_TITLES if known == name), None)
    if published is not None:
        return _Found(published=published)
    known = [*datasets, *(path.name for path in _run_folders(home)), *DATASET_TITLES]
    raise UsageError(
        f"{name} is neither a dataset nor a run{did_you_mean(name, known)}",
        expected=f"a prepared dataset, a run, or one of {', '.join(DATASET_TITLES)}",
        advice="see the datasets with `algr data list`",
    )


def _of_dataset(name: str, *, home: DataHome) -> _Found:
    from algr.reports import published_dataset

    dataset = open_dataset(home, name)
    runs, unfinished = [], []
    for folder in _run_folders(home):
        _, plan = read_run_files(folder)
        if plan.dataset != name:
            continue
        own = _own_run(folder)
        if own is None:
            unfinished.append(folder.name)
        else:
            runs.append(own)
    published = published_dataset(kind=dataset.kind, label_names=dataset.label_names)
    return _Found(tuple(runs), tuple(unfinished), published)


def _of_run(name: str, *, home: DataHome) -> _Found:
    """One run, or the rows of a comparison that are finished."""
    from algr.reports import published_dataset

    folder = home.run(name)
    names = [name]
    if (folder / COMPARISON_FILE).is_file():
        rows = dict.fromkeys(row.name for row in (*ABLATION.rows, *MODELS.rows))
        names = [f"{name}-{row}" for row in rows]
    folders = [home.run(one) for one in names if (home.run(one) / PLAN_FILE).is_file()]
    own = {one.name: _own_run(one) for one in folders}
    runs = tuple(run for run in own.values() if run is not None)
    if not runs:
        raise StudyError(
            f"run {name!r} has no result",
            expected="a finished cross-validation, or a comparison with finished rows",
            advice=f"finish it, or have this version of algr write its result: repeat its command "
            f"with --resume --name {name}",
        )
    first = runs[0].finished
    published = published_dataset(kind=first.kind, label_names=first.label_names)
    return _Found(runs, tuple(one for one, run in own.items() if run is None), published)


def _own_run(folder: Path) -> "OwnRun | None":
    from algr.reports import OwnRun

    finished = read_finished(folder)
    if finished is None:
        return None
    config, _ = read_run_files(folder)
    return OwnRun(folder.name, network_title(config.model), finished)


def _run_folders(home: DataHome) -> list[Path]:
    return sorted(path.parent for path in home.runs.glob(f"*/{PLAN_FILE}"))
