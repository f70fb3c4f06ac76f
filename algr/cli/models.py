"""`algr models`, `algr predict`, `algr serve`, `algr ui`: use what was trained."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from algr.cli.options import (
    HomeOption,
    JsonOption,
    TrackingOption,
    locate,
    print_json,
    stops_cleanly,
)

app = typer.Typer(no_args_is_help=True, help="List, pull and import models.")


class OfficialDataset(StrEnum):
    """Datasets whose regions the official JAA-Net code draws."""

    BP4D = "bp4d"
    DISFA = "disfa"
    GFT = "gft"


HostOption = Annotated[str, typer.Option("--host", help="Address to listen on.")]


@app.command("list")
@stops_cleanly("run it again")
def list_command(
    tracking_uri: TrackingOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """List registered models with their scores and aliases.

    Example: algr models list
    """
    from algr.cli.tables import print_models
    from algr.compose import list_registered

    rows = list_registered(locate(home), tracking_uri=tracking_uri)
    if as_json:
        print_json(rows)
        return
    if not rows:
        typer.echo("no model is registered yet", err=True)
        typer.echo("next: algr tune --dataset NAME", err=True)
        return
    print_models(rows)


@app.command()
@stops_cleanly("run it again")
def pull(
    reference: Annotated[str, typer.Argument(help="NAME@champion or NAME/VERSION.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder to write.", show_default="below the data home"),
    ] = None,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a registered model as a folder, and check every file of it.

    Example: algr models pull fpara@champion --out ./model
    """
    from algr.compose import pull_model

    pulled = pull_model(reference, home=locate(home), out=out, tracking_uri=tracking_uri)
    if as_json:
        print_json(pulled.to_dict())
        return
    typer.echo(f"{pulled.directory}: {pulled.name} version {pulled.version}, intact")
    typer.echo(f"next: algr predict --model {pulled.directory} VIDEO_OR_IMAGE", err=True)


@app.command("import-jaanet")
@stops_cleanly("run it again")
def import_jaanet_command(
    weights: Annotated[Path, typer.Option("--weights", help="Folder of the six official files.")],
    epoch: Annotated[int, typer.Option("--epoch", min=0, help="Number in their names.")],
    regions: Annotated[
        OfficialDataset, typer.Option("--regions", help="Dataset that they were trained on.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Safetensors file to write.")],
    as_json: JsonOption = False,
) -> None:
    """Turn official JAA-Net v2 weights into a file to start from.

    Example: algr models import-jaanet --weights DIR --epoch 5 --regions bp4d --out bp4d.safetensors
    """
    from algr.models.imported import import_jaanet

    report = import_jaanet(weights, epoch, regions=regions.value, out=out)
    if as_json:
        print_json(report.to_dict())
        return
    for part in report.parts:
        typer.echo(
            f"{part.file}: {part.num_official} tensors as {part.num_ours} "
            f"(sha256 {part.sha256[:12]})"
        )
    typer.echo(
        f"{report.path}: jaanet, {report.num_parameters:,} values, "
        f"{len(report.label_names)} regions: {', '.join(report.label_names)}"
    )


@stops_cleanly("nothing was written")
def predict(
    files: Annotated[list[Path], typer.Argument(help="Videos or face images.")],
    model: Annotated[Path, typer.Option("--model", help="Pulled model.")],
    landmarks: Annotated[
        Path | None,
        typer.Option(
            "--landmarks",
            help="Landmark file.",
            show_default="the one beside each file, else the detector",
        ),
    ] = None,
    fps: Annotated[
        float, typer.Option("--fps", min=0.01, help="Frames per second of video.")
    ] = 6.0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Grade faces: per frame, and per video by the mean over its frames.

    Example: algr predict --model ./model visit.mp4
    """
    from algr.cli.tables import print_predictions
    from algr.compose import predict_files

    results = predict_files(model, files, home=locate(home), landmarks=landmarks, fps=fps)
    if as_json:
        print_json(results[0] if len(results) == 1 else results)
        return
    print_predictions(files, results)


@stops_cleanly("the server has stopped")
def serve(
    model: Annotated[Path, typer.Argument(help="Pulled model.")],
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 8000,
    home: HomeOption = None,
) -> None:
    """Serve a pulled model over HTTP.

    Example: algr serve ./model
    """
    from algr.data import ready_models
    from algr.serving import serve as serve_bundle

    models = ready_models(locate(home))
    typer.echo(f"serving {model} on http://{host}:{port} (POST /predict, /docs)", err=True)
    if models is not None:
        typer.echo("photographs without landmarks: the detector finds them", err=True)
    serve_bundle(model, models=models, host=host, port=port)


@stops_cleanly("the interface has stopped")
def ui(
    host: HostOption = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port.")] = 5000,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
) -> None:
    """Open the MLflow interface on the store of this data home.

    Example: algr ui
    """
    from algr.compose import run_ui

    raise typer.Exit(
        run_ui(
            locate(home),
            tracking_uri=tracking_uri,
            host=host,
            port=port,
            say=lambda text: typer.echo(text, err=True),
        )
    )


@stops_cleanly("run it again: what was sent stays sent")
def sync(
    tracking_uri: TrackingOption = None, home: HomeOption = None, as_json: JsonOption = False
) -> None:
    """Send the records that an outage of the tracking store left in the ledger.

    Example: algr sync
    """
    from algr.compose import sync_ledger

    report = sync_ledger(locate(home), tracking_uri=tracking_uri)
    if as_json:
        print_json(report)
        return
    typer.echo(
        f"{report['records']} records of {report['ledgers']} ledgers sent, "
        f"{report['closed_runs']} abandoned runs closed"
    )
