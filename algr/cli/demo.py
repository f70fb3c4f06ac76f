"""`algr demo`: the whole chain on a simulated clinic, by commands that one can type again."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algr.cli.options import stops_cleanly
from algr.errors import DataError

if TYPE_CHECKING:
    from algr.config import DataHome


@dataclass(frozen=True)
class Stage:
    """One step of the demonstration."""

    title: str
    words: tuple[str, ...]


@stops_cleanly("run it again: finished videos are kept, and a new study is begun")
def demo(
    folder: Annotated[Path, typer.Argument(help="Folder for everything the demo makes.")] = Path(
        "demo"
    ),
    subjects: Annotated[int, typer.Option("--subjects", min=8, help="Simulated people.")] = 12,
    trials: Annotated[int, typer.Option("--trials", min=1, help="Trials of the search.")] = 3,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="Epochs per fold.")] = 2,
) -> None:
    """Simulate a clinic, search, register, predict: about 6 minutes on 2 cores.

    Example: algr demo demo
    """
    from algr.config import DataHome

    home = DataHome(folder.absolute() / "home")
    study = _free_name(home, "demo")
    held_out = folder / "held-out"
    model = folder / study / "model"
    stages = (
        Stage(
            "simulate a clinic (drawn faces, not patients)",
            _words("data simulate fpara", folder / "clinic", "--subjects", subjects, "--seed 7"),
        ),
        Stage(
            "simulate visits of people whom no model has seen",
            _words("data simulate fpara", held_out, "--subjects 4 --seed 8"),
        ),
        Stage(
            "prepare: decode, align, store",
            _words("data prepare clinic --source", folder / "clinic", "--name fpara-sim --fps 4"),
        ),
        Stage(
            "search, cross-validate the best, refit, register",
            _words(
                "tune --dataset fpara-sim --preset tiny --trials",
                trials,
                "--set",
                f"train.num_epochs={epochs}",
                "--set train.batch_size=8 --set train.warmup_steps=10",
                "--name",
                study,
            ),
        ),
        Stage("list the registry", _words("models list")),
        Stage(
            "pull the best grade classifier", _words("models pull fpara-sim@champion --out", model)
        ),
    )
    os.environ["ALGR_HOME"] = str(home.root)
    os.environ["MLFLOW_TRACKING_URI"] = ""
    typer.echo(f"$ export ALGR_HOME={shlex.quote(str(home.root))}", err=True)
    timings = [(stage.title, _run(stage)) for stage in stages]
    video = _first_video(held_out)
    last = Stage(
        "predict on a video of a person whom the model has not seen",
        _words("predict --model", model, video),
    )
    timings.append((last.title, _run(last)))
    _print_end(timings, home=home, model=model, video=video)


def _words(*parts: object) -> tuple[str, ...]:
    """Words of a command line; strings are split at blanks, paths are kept whole."""
    words: list[str] = []
    for part in parts:
        words += part.split() if isinstance(part, str) else [str(part)]
    return tuple(words)


def _run(stage: Stage) -> float:
    """Run one command, its output shown as it comes.

    Returns:
        Wall time in seconds.
    """
    typer.echo(f"\n# {stage.title}\n$ algr {shlex.join(stage.words)}", err=True)
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", "algr", *stage.words], check=False)  # noqa: S603
    if done.returncode:
        typer.echo(f"the demo stopped: `algr {shlex.join(stage.words)}` failed", err=True)
        raise typer.Exit(done.returncode)
    return time.monotonic() - started


def _free_name(home: "DataHome", stem: str) -> str:
    """`stem-1`, or the next number that no study has."""
    number = 1
    while home.study(f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def _first_video(folder: Path) -> Path:
    videos = sorted(folder.glob("*.mp4"))
    if not videos:
        raise DataError(f"no video in {folder}", advice="remove the demo folder and run it again")
    return videos[-1]


def _print_end(
    timings: Sequence[tuple[str, float]], *, home: "DataHome", model: Path, video: Path
) -> None:
    typer.echo("\n# seconds per stage", err=True)
    for title, seconds in timings:
        typer.echo(f"{seconds:7.1f}  {title}", err=True)
    typer.echo(f"{sum(seconds for _, seconds in timings):7.1f}  in all", err=True)
    path = () if shutil.which("algr") else (f". {shlex.quote(sys.prefix)}/bin/activate",)
    lines = (
        *path,
        f"export ALGR_HOME={shlex.quote(str(home.root))}",
        "algr ui                                         # runs, curves, models in a browser",
        f"algr serve {shlex.quote(str(model))}            # POST /predict, /docs",
        f"algr predict --model {shlex.quote(str(model))} {shlex.quote(str(video))} --json",
        "algr cv --dataset fpara-sim --preset tiny       # the whole tiny recipe",
        "algr tune --dataset fpara-sim --preset tiny --trials 50",
    )
    typer.echo("\n# what to type next\n" + "\n".join(lines), err=True)
