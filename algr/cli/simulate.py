"""`algr data simulate`: raw layouts with drawn faces, and traps on request."""

import shlex
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algr.cli.options import JobsOption, JsonOption, cpus, print_json, stops_cleanly
from algr.cli.progress import progress

if TYPE_CHECKING:
    from algr.simulate import SimulationSummary


class Simulated(StrEnum):
    """What can be simulated."""

    FPARA = "fpara"
    BP4D = "bp4d"
    DISFA = "disfa"


_SUBJECTS = {Simulated.FPARA: 24, Simulated.BP4D: 6, Simulated.DISFA: 6}
_RECORDINGS = {Simulated.FPARA: "videos", Simulated.BP4D: "sequences", Simulated.DISFA: "videos"}
_SOURCE_KIND = {Simulated.FPARA: "clinic", Simulated.BP4D: "bp4d", Simulated.DISFA: "disfa"}


@stops_cleanly("run the same command again: finished recordings are kept")
def simulate(
    kind: Annotated[Simulated, typer.Argument(help="Layout to write.")],
    out: Annotated[Path, typer.Argument(help="Folder to write to.", file_okay=False)],
    subjects: Annotated[
        int | None,
        typer.Option(
            "--subjects", min=1, help="Number of people.", show_default="fpara 24, else 6"
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of everything drawn.")] = 0,
    traps: Annotated[
        str,
        typer.Option("--traps", help="What to plant: all, or names separated by commas."),
    ] = "",
    frames: Annotated[
        int | None,
        typer.Option(
            "--frames",
            help="Labelled frames of each recording; not of fpara.",
            show_default="bp4d 24, disfa 80",
        ),
    ] = None,
    tasks: Annotated[
        int | None,
        typer.Option("--tasks", help="Tasks of each subject; of bp4d.", show_default="3"),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            "--scale",
            help="Size of pictures, 1 as in reality; not of fpara.",
            show_default="1",
        ),
    ] = None,
    jobs: JobsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a simulated clinic, BP4D or DISFA: drawn faces in the layout of the real thing.

    Example: algr data simulate fpara clinic --subjects 24 --seed 7
    """
    chosen = {"frames": frames, "tasks": tasks, "scale": scale}
    extra = {name: value for name, value in chosen.items() if value is not None}
    _check_options(kind, extra)
    with progress(f"simulating {_RECORDINGS[kind]}") as report:
        summary = _simulator(kind)(
            out,
            subjects=subjects or _SUBJECTS[kind],
            seed=seed,
            jobs=jobs or cpus(),
            traps=[name.strip() for name in traps.split(",") if name.strip()],
            progress=report,
            **extra,
        )
    if as_json:
        print_json(
            {
                "directory": str(out),
                "simulated": True,
                "subjects": summary.subjects,
                "videos": summary.videos,
                "frames": summary.frames,
                "planted": summary.planted,
            }
        )
        return
    typer.echo(
        f"{out}: simulated {summary.subjects} subjects, {summary.videos} {_RECORDINGS[kind]}, "
        f"{summary.frames} frames"
    )
    for trap, planted in summary.planted.items():
        typer.echo(f"planted {trap}: {_in_words(planted)}")
        if trap == "nines":
            typer.echo(f"read back as 9, by the reader of {kind}: cells {_nines_read(out)}")
    typer.echo(f"next: algr data doctor {shlex.quote(str(out))}", err=True)


def _nines_read(out: Path) -> int:
    """What the doctor will count, to stand beside what was planted."""
    from algr.data import ReadOptions, recognise

    return recognise(out).read(out, ReadOptions()).missing_codes.get("9", 0)


def _check_options(kind: Simulated, extra: Mapping[str, object]) -> None:
    from algr.errors import UsageError

    known = {
        Simulated.FPARA: set(),
        Simulated.BP4D: {"frames", "tasks", "scale"},
        Simulated.DISFA: {"frames", "scale"},
    }[kind]
    foreign = [f"--{name}" for name in extra if name not in known]
    if foreign:
        raise UsageError(
            f"{' and '.join(foreign)}: {kind} has no such option",
            expected=", ".join(f"--{name}" for name in sorted(known)) or "none of them",
        )


def _simulator(kind: Simulated) -> "Callable[..., SimulationSummary]":
    from algr.simulate import simulate_bp4d, simulate_disfa, simulate_fpara

    simulators: dict[Simulated, Callable[..., SimulationSummary]] = {
        Simulated.FPARA: simulate_fpara,
        Simulated.BP4D: simulate_bp4d,
        Simulated.DISFA: simulate_disfa,
    }
    return simulators[kind]


def _in_words(planted: Mapping[str, object]) -> str:
    """Counts, and names of people and files where they are few."""
    parts = []
    for key, value in planted.items():
        if not isinstance(value, list):
            parts.append(f"{key.replace('_', ' ')} {value}")
        elif len(value) <= 2:
            parts.append(" and ".join(map(str, value)))
        else:
            parts.append(f"{len(value)} {key.replace('_', ' ')}")
    return ", ".join(parts)
