"""`algr data`: simulate, prepare, list, look at, verify."""

from pathlib import Path
from typing import Annotated

import typer

from algr.cli.landmarks import files_app
from algr.cli.options import (
    HomeOption,
    JsonOption,
    locate,
    print_json,
    stops_cleanly,
)
from algr.cli.prepare import prepare
from algr.cli.reading import (
    CameraOption,
    FrameOffsetOption,
    LabelsOption,
    LandmarkBaseOption,
    ReadChoices,
    SwapAxesOption,
    ThresholdOption,
    TrackerErrorsOption,
    check_given,
)
from algr.cli.simulate import simulate
from algr.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Simulate, prepare and inspect datasets.")
app.command()(simulate)
app.add_typer(files_app, name="landmarks")

NameArgument = Annotated[str, typer.Argument(help="Name of a prepared dataset.")]


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


app.command()(prepare)


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
    from algr.cli.info import print_facts

    print_facts(facts)


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
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help="The clinic's manifest.csv.")
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", help="Folder of the source instead, of any layout."),
    ] = None,
    labels: LabelsOption = None,
    threshold: ThresholdOption = None,
    landmark_base: LandmarkBaseOption = None,
    frame_offset: FrameOffsetOption = None,
    swap_axes: SwapAxesOption = False,
    camera: CameraOption = None,
    keep_tracker_errors: TrackerErrorsOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the keyed hash beside each id of a person or recording, for those who hold the key.

    Example: algr data ids fpara-sim --manifest clinic/manifest.csv
    """
    from algr.data import match_ids, open_dataset
    from algr.data.adapters import recognise

    if (manifest is None) == (source is None):
        raise UsageError(
            "--manifest and --source: " + ("none is given" if manifest is None else "both"),
            expected="--manifest FILE of a clinic, or --source DIR of any source",
        )
    place = manifest or source
    assert place is not None
    choices = ReadChoices(
        labels=labels,
        threshold=threshold,
        landmark_base=landmark_base,
        frame_offset=frame_offset,
        swap_axes=swap_axes,
        camera=camera,
        keep_tracker_errors=keep_tracker_errors,
    )
    if choices.given():
        layout = "clinic" if source is None else recognise(source).layout
        check_given(choices.given(), layout=layout)
    dataset = open_dataset(locate(home), name)
    rows = [row.to_dict() for row in match_ids(dataset, place, options=choices.options())]
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
