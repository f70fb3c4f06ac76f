"""What `algr tune` and `algr resume` share: options, and running a search to its printed end."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from algr.cli.options import home_words, print_json

if TYPE_CHECKING:
    from algr.compose import SearchOptions, SearchResult, TrainingRequest
    from algr.tune import Limits


class Gate(StrEnum):
    """When a newly registered model becomes the champion."""

    MEAN = "mean"
    INTERVAL = "interval"


GateOption = Annotated[
    Gate, typer.Option("--gate", help="What moves the champion: a better mean, or a sure gain.")
]
ConcurrentOption = Annotated[
    int | None,
    typer.Option("--max-concurrent", min=1, help="Trials at once.", show_default="one per device"),
]
PointsOption = Annotated[
    Path | None,
    typer.Option("--points", metavar="FILE", help="YAML list of points that are tried first."),
]
WarmStartOption = Annotated[
    str | None,
    typer.Option(
        "--warm-start",
        metavar="STUDY",
        help="Earlier study with the same parameters, whose finished trials are used.",
    ),
]
MaxHoursOption = Annotated[
    float | None,
    typer.Option("--max-hours", help="Hours after which the search ends.", show_default="none"),
]
MaxGpuHoursOption = Annotated[
    float | None,
    typer.Option(
        "--max-gpu-hours",
        help="GPU-hours of trials after which the search ends.",
        show_default="none",
    ),
]
DeadlineOption = Annotated[
    str | None,
    typer.Option(
        "--deadline",
        metavar="ISO",
        help="Date and time at which the search ends, as 2026-05-01T08:00.",
        show_default="none",
    ),
]


GpusOption = Annotated[
    str | None,
    typer.Option(
        "--gpus-per-trial",
        metavar="PART",
        help="Part of a GPU that a trial holds, or auto: as many as fit; memory is measured first.",
        show_default="a whole one",
    ),
]


WorkersPerTrialOption = Annotated[
    int | None,
    typer.Option(
        "--workers-per-trial",
        min=1,
        help="Devices of a trial, each with a worker of its own: folds beside each other; a "
        "multiple of the folds shares the batches of each.",
        show_default="1: folds in turn",
    ),
]


def share_of(text: str | None) -> "float | Literal['auto'] | None":
    """What `--gpus-per-trial` asks for."""
    from algr.compose.gpu_share import parse_share

    return None if text is None else parse_share(text)


def limits_of(
    max_hours: float | None, max_gpu_hours: float | None, deadline: str | None
) -> "Limits":
    """The limits of a command that starts now."""
    from algr.tune import settle_limits

    return settle_limits(
        max_hours=max_hours, max_gpu_hours=max_gpu_hours, deadline=deadline, now=time.time()
    )


def run_and_print(
    request: "TrainingRequest", options: "SearchOptions", *, home: Path | None, as_json: bool
) -> None:
    """Search, finish, and print what came of it."""
    from algr.cli.live import EpochDisplay, search_display
    from algr.cli.start import print_start
    from algr.cli.tables import print_search
    from algr.compose import search

    result = search(
        request,
        options,
        search_display=search_display,
        epoch_display=EpochDisplay,
        on_start=print_start,
    )
    if as_json:
        print_json(result.to_dict())
    else:
        print_search(result)
    words = home_words(home)
    if result.outcome.stopped is not None:
        typer.echo("\n".join(_ended_early(result, words)), err=True)
    elif not as_json:
        typer.echo(
            f"next: algr models pull {request.dataset}@champion --out ./model{words}", err=True
        )


def _ended_early(result: "SearchResult", words: str) -> tuple[str, str]:
    """What is missing of a search that ended by a limit or request, and what to type next."""
    outcome = result.outcome
    assert outcome.stopped is not None
    ended = sum(one.state not in ("RUNNING", "WAITING") for one in outcome.trials)
    begun = sum(one.state != "WAITING" and not one.adopted for one in outcome.trials)
    missing = (
        "nothing is cross-validated or registered yet"
        if result.cross_validated is None
        else "the best one is cross-validated, not refitted or registered yet"
    )
    next_line = f"next: algr resume {result.study}{words}"
    if not outcome.is_complete:
        next_line += (
            f", or, to finish with what has begun, algr resume {result.study} --trials {begun}"
            f"{words}"
        )
    notice = (
        f"notice: study {result.study} ended by {outcome.stopped.reason} with {ended} trials done; "
    )
    return notice + missing, next_line


def nest_and_print(
    request: "TrainingRequest", options: "SearchOptions", *, home: Path | None, as_json: bool
) -> None:
    """Search within each outer fold, and print how the chosen configurations scored."""
    from algr.cli.live import EpochDisplay, search_display
    from algr.cli.start import print_start
    from algr.cli.tables import print_nested
    from algr.compose import search_nested

    nested = search_nested(
        request,
        options,
        search_display=search_display,
        epoch_display=EpochDisplay,
        on_start=print_start,
    )
    if as_json:
        print_json(nested.to_dict())
        return
    print_nested(nested)
    typer.echo(
        f"next: algr tune --dataset {request.dataset}{home_words(home)}, which selects and "
        "registers",
        err=True,
    )
