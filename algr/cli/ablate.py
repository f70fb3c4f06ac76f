"""`algr ablate`, `algr compare-models`, `algr results`: the tables of the paper."""

from typing import TYPE_CHECKING, Annotated

import typer

from algr.cli.options import (
    AddressOption,
    DatasetOption,
    FileOption,
    HomeOption,
    InitOption,
    JsonOption,
    NameOption,
    Preset,
    PresetOption,
    SeedOption,
    SetOption,
    TrackingOption,
    WorkersOption,
    dataset_here,
    locate,
    place_of,
    print_json,
    resolve,
    stops_cleanly,
)
from algr.cli.train import ResumeOption

if TYPE_CHECKING:
    from algr.compose import RowTable, TrainingRequest

FAILED_ROWS = 3
"""Exit code where a row could not be trained: a wrong configuration, as for `algr cv`."""

RowsOption = Annotated[
    str | None,
    typer.Option("--rows", metavar="A,B", help="Rows to train.", show_default="all"),
]


@stops_cleanly("the same command with --resume goes on where it stopped")
def ablate(
    dataset: DatasetOption,
    rows: RowsOption = None,
    preset: PresetOption = Preset.PAPER,
    config: FileOption = None,
    sets: SetOption = None,
    seed: SeedOption = None,
    init_from: InitOption = None,
    name: NameOption = None,
    resume: ResumeOption = False,
    workers: WorkersOption = None,
    address: AddressOption = None,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cross-validate the rows of the paper's ablation study, Tables 4 and 5.

    Example: algr ablate --dataset bp4d --rows without-adaptive,full

    Rows: without-all, without-fusion, without-relation, plain-bilstm, without-adaptive, full.
    """
    resolved = resolve(preset, config, sets, seed, init_from=init_from)
    from algr.compose import ABLATION, TrainingRequest

    request = TrainingRequest(
        dataset=dataset_here(dataset, home),
        dataset_place=place_of(dataset),
        home=locate(home),
        config=resolved.config,
        name=name,
        resume=resume,
        workers=workers,
        address=address,
        tracking_uri=tracking_uri,
    )
    _compare(request, ABLATION, rows=rows, as_json=as_json)


@stops_cleanly("the same command with --resume goes on where it stopped")
def compare_models(
    dataset: DatasetOption,
    rows: RowsOption = None,
    preset: PresetOption = Preset.PAPER,
    config: FileOption = None,
    sets: SetOption = None,
    seed: SeedOption = None,
    init_from: InitOption = None,
    name: NameOption = None,
    resume: ResumeOption = False,
    workers: WorkersOption = None,
    address: AddressOption = None,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cross-validate ALGRNet and the networks it is compared with, Tables 2, 3 and 7.

    Example: algr compare-models --dataset fpara --rows jaanet,algrnet

    Rows: resnet18, resnet50, transformer, jaanet, algrnet.
    """
    resolved = resolve(preset, config, sets, seed, init_from=init_from)
    from algr.compose import MODELS, TrainingRequest

    request = TrainingRequest(
        dataset=dataset_here(dataset, home),
        dataset_place=place_of(dataset),
        home=locate(home),
        config=resolved.config,
        name=name,
        resume=resume,
        workers=workers,
        address=address,
        tracking_uri=tracking_uri,
    )
    _compare(request, MODELS, rows=rows, as_json=as_json)


def results(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[DATASET|RUN]…",
            help="Datasets and runs of your own, or bp4d, disfa, fpara for what is published.",
        ),
    ] = None,
    table: Annotated[
        int | None,
        typer.Option(
            "--table",
            min=2,
            max=7,
            help="Number of a table of the paper.",
            show_default="those of the datasets",
        ),
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the published tables beside your own finished runs.

    Example: algr results bp4d --table 2
    """
    from algr.compose import collect_results
    from algr.reports import results_dict, results_text

    found = collect_results(names or [], home=locate(home), table=table)
    if found.unfinished:
        typer.echo(f"left out, without a result: {', '.join(found.unfinished)}", err=True)
    if as_json:
        print_json(results_dict(found.views, others=found.others))
    else:
        typer.echo(results_text(found.views, others=found.others))


def _compare(
    request: "TrainingRequest", comparison: "RowTable", *, rows: str | None, as_json: bool
) -> None:
    from algr.cli.rows import RowsDisplay
    from algr.cli.start import print_start
    from algr.compose import compare_rows
    from algr.reports import comparison_text

    chosen = None if rows is None else [name.strip() for name in rows.split(",") if name.strip()]
    report = compare_rows(
        request, comparison, rows=chosen, display=RowsDisplay(), on_start=print_start
    )
    if as_json:
        print_json(report.to_dict())
    else:
        typer.echo(comparison_text(report))
    if report.failed:
        typer.echo(
            f"algr: {len(report.failed)} of {len(report.rows)} rows failed: "
            f"{', '.join(row.name for row in report.failed)}",
            err=True,
        )
        raise typer.Exit(FAILED_ROWS)
