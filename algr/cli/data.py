"""`algr data`: simulate, prepare, list, look at, verify."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from algr.cli.options import (
    FileOption,
    HomeOption,
    JobsOption,
    JsonOption,
    SetOption,
    cpus,
    home_words,
    locate,
    print_json,
    stops_cleanly,
)
from algr.cli.progress import progress
from algr.cli.simulate import simulate

app = typer.Typer(no_args_is_help=True, help="Simulate, prepare and inspect datasets.")
app.command()(simulate)

NameArgument = Annotated[str, typer.Argument(help="Name of a prepared dataset.")]


class SourceKind(StrEnum):
    """What can be prepared."""

    CLINIC = "clinic"


@app.command("contact-sheet")
@stops_cleanly("run it again")
def contact_sheet_command(
    source: Annotated[Path, typer.Argument(help="Folder of a simulation.")],
    out: Annotated[Path, typer.Argument(help="PNG to write.", dir_okay=False)],
    landmarks: Annotated[bool, typer.Option("--landmarks", help="Draw the points.")] = False,
) -> None:
    """Draw frames of a simulation on one picture, a row per visit or subject.

    Example: algr data contact-sheet clinic sheet.png
    """
    from algr.simulate import contact_sheet

    contact_sheet(source, out, landmarks=landmarks)
    typer.echo(str(out))


@app.command()
@stops_cleanly("run the same command again: prepared videos are kept")
def prepare(
    kind: Annotated[SourceKind, typer.Argument(help="Layout of the source.")],
    source: Annotated[Path, typer.Option("--source", help="Folder with manifest.csv.")],
    name: Annotated[str, typer.Option("--name", help="Name of the dataset.")],
    fps: Annotated[
        float | None, typer.Option("--fps", help="Frames per second.", show_default="6")
    ] = None,
    jobs: JobsOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at an unreadable video.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a dataset of that name.")
    ] = False,
    config: FileOption = None,
    sets: SetOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Decode, align and store recordings as a dataset.

    Example: algr data prepare clinic --source clinic --name fpara-sim
    """
    from algr.config import resolve_config
    from algr.data import prepare_clinic

    del kind
    resolved = resolve_config(file=config, sets=sets or (), overrides={"data.fps": fps})
    with progress("preparing videos") as report:
        summary = prepare_clinic(
            source=source,
            home=locate(home),
            name=name,
            fps=resolved.config.data.fps,
            jobs=jobs or cpus(),
            strict=strict,
            replace=replace,
            progress=lambda step: report(step.videos_done, step.videos_total, step.note),
        )
    if as_json:
        print_json(summary.to_dict())
        return
    typer.echo("\n".join(summary.lines()))
    typer.echo(f"next: algr cv --dataset {name} --preset tiny{home_words(home)}", err=True)


@app.command("list")
@stops_cleanly("run it again")
def list_command(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the prepared datasets.

    Example: algr data list
    """
    from algr.data import list_datasets

    located = locate(home)
    rows = [summary.to_dict() for summary in list_datasets(located)]
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo(f"no dataset in {located.datasets}", err=True)
        typer.echo("next: algr data prepare clinic --source DIR --name NAME", err=True)
        return
    _print_table(rows)


@app.command()
@stops_cleanly("run it again")
def info(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what a dataset holds and how it was prepared.

    Example: algr data info fpara-sim
    """
    from algr.data import describe_dataset

    facts = describe_dataset(locate(home), name)
    if as_json:
        print_json(facts)
        return
    width = max(len(key) for key in facts)
    for key, value in facts.items():
        typer.echo(f"{key:<{width}}  {_shown(value)}")


@app.command()
@stops_cleanly("run it again")
def verify(name: NameArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Read every byte of a dataset and compare checksums.

    Example: algr data verify fpara-sim
    """
    from algr.data import verify_dataset

    report = verify_dataset(locate(home).dataset(name))
    if as_json:
        print_json(report.to_dict())
        return
    typer.echo(f"{name}: intact, {report.shards} shards, {report.frames} frames")


@app.command()
@stops_cleanly("run it again")
def ids(
    name: NameArgument,
    manifest: Annotated[Path, typer.Option("--manifest", help="The clinic's manifest.csv.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the keyed hash beside each patient id, for those who hold the key.

    Example: algr data ids fpara-sim --manifest clinic/manifest.csv
    """
    from algr.data import match_ids, open_dataset

    rows = [row.to_dict() for row in match_ids(open_dataset(locate(home), name), manifest)]
    if as_json:
        print_json(rows)
        return
    _print_table(rows)


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(inner) for inner in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _print_table(rows: list[dict[str, object]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*rows[0], box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(_shown(value) for value in row.values()))
    Console().print(table)
