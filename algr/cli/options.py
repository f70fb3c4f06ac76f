"""Options that several commands share, and the helpers that read them."""

import functools
import json
import os
import shlex
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

import typer

from algr.cli.progress import progress
from algr.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from algr.config import DataHome, ResolvedConfig

P = ParamSpec("P")
R = TypeVar("R")

HomeOption = Annotated[
    Path | None,
    typer.Option(
        "--data-home",
        help="Folder of datasets, studies, runs and models.",
        show_default="$ALGR_HOME or ~/.local/share/algr",
        file_okay=False,
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as JSON, alone on standard output.")
]


JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Parallel processes.", show_default="number of CPUs"),
]


class Preset(StrEnum):
    """Shipped sets of values."""

    PAPER = "paper"
    TINY = "tiny"


class Protocol(StrEnum):
    """Who chooses epochs and hyperparameters."""

    HONEST = "honest"
    PAPER = "paper"
    NESTED = "nested"


ProtocolOption = Annotated[
    Protocol | None,
    typer.Option(
        "--protocol",
        help="Who chooses: validation subjects; the test fold, as in the paper; or, for tune, "
        "inner folds within each outer fold.",
        show_default="honest",
    ),
]
FoldsOption = Annotated[
    str | None,
    typer.Option(
        "--folds",
        metavar="N|loso",
        help="Number of folds, or loso to leave one subject out at a time.",
        show_default="3",
    ),
]
PresetOption = Annotated[
    Preset, typer.Option("--preset", help="Values to start from.", show_default=True)
]
FileOption = Annotated[
    Path | None, typer.Option("--config", help="YAML file with configuration keys.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One configuration key; may be repeated."),
]
SeedOption = Annotated[
    int | None,
    typer.Option("--seed", help="Seed of everything that is drawn.", show_default="0"),
]
InitOption = Annotated[
    str | None,
    typer.Option(
        "--init-from",
        metavar="REF",
        help="Weights to start from: an imported FILE, the FOLDER of a pulled model, "
        "NAME@champion, NAME/VERSION, run:NAME (fold k from its fold k) or run:NAME:K.",
        show_default="none",
    ),
]
DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset", help="Name of a prepared dataset (`algr data list`), or where one lies."
    ),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="Name of the run or study.", show_default="made from the dataset"),
]
TrackingOption = Annotated[
    str | None,
    typer.Option(
        "--tracking-uri",
        help="MLflow tracking server.",
        show_default="$MLFLOW_TRACKING_URI or a store in the data home",
    ),
]
AddressOption = Annotated[
    str | None,
    typer.Option(
        "--address",
        help="Running Ray cluster, for instance host:6379.",
        show_default="a local one, for this command",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        help="Ray Train workers.",
        show_default="one per fold, at most one per device",
    ),
]


def resolve(
    preset: Preset,
    file: Path | None,
    sets: list[str] | None,
    seed: int | None,
    *,
    init_from: str | None = None,
    protocol: Protocol | None = None,
    folds: str | None = None,
    repeats: int | None = None,
) -> "ResolvedConfig":
    """The configuration that the shared options describe."""
    from algr.config import resolve_config

    overrides = {
        "seed": seed,
        "train.init_from": init_from,
        "cv.protocol": None if protocol is None else protocol.value,
        "cv.repeats": repeats,
        **folds_values(folds),
    }
    return resolve_config(preset=preset.value, file=file, sets=sets or (), overrides=overrides)


def folds_values(text: str | None) -> dict[str, Any]:
    """What `--folds` says, by configuration key."""
    if text is None:
        return {}
    if text == "loso":
        return {"cv.scheme": "loso"}
    if not text.isdecimal():
        raise UsageError(
            f"--folds {text} is no number of folds", expected="a number from 2 on, or loso"
        )
    return {"cv.scheme": "kfold", "cv.num_folds": int(text)}


def locate(home: Path | None) -> "DataHome":
    """The data home that the option, the environment or the default names."""
    from algr.config import DataHome

    return DataHome.locate(home)


def dataset_here(dataset: str, home: Path | None) -> str:
    """The name of a dataset that may have been given by its place; then a copy is made here."""
    from algr.data.remote import is_place, local_name

    if not is_place(dataset):
        return dataset
    with progress("copying bytes") as report:
        return local_name(locate(home), dataset, progress=report)


def place_of(dataset: str) -> str:
    """The place by which a dataset was given; empty if it was its name."""
    from algr.data.remote import is_place

    return dataset if is_place(dataset) else ""


def home_words(home: Path | None) -> str:
    """The option as it was typed, for a command to type next."""
    return f" --data-home {shlex.quote(str(home))}" if home else ""


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def stops_cleanly(advice: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Turn Ctrl-C into `Interrupted` with the given advice, so that the exit code is 130."""

    def decorate(command: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(command)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return command(*args, **kwargs)
            except KeyboardInterrupt:
                raise Interrupted("interrupted", advice=advice) from None

        return wrapped

    return decorate


def cpus() -> int:
    """CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
