"""The `algr` command, its groups, and the one table from exception to message and exit code."""

import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Annotated

import typer

import algr
from algr.cli.ablate import ablate, compare_models, results
from algr.cli.compare import compare
from algr.cli.config import app as config_app
from algr.cli.data import app as data_app
from algr.cli.data_checks import doctor, folds, purge
from algr.cli.data_places import pull, push
from algr.cli.demo import demo
from algr.cli.explain import explain
from algr.cli.landmarks import app as landmarks_app
from algr.cli.models import app as models_app
from algr.cli.models import predict, serve, sync, ui
from algr.cli.studies import dashboard, pause, resume, status, stop, studies
from algr.cli.train import cv, submit, tune
from algr.errors import AlgrError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train, cross-validate, search, register and serve ALGRNet: facial action units and "
    "facial palsy grades.",
    epilog="Exit codes: 0 done, 1 a bug, 2 usage, 3 configuration or search space, 4 data, "
    "5 study or resume mismatch, 6 tracking or registry, 7 cluster, 8 integrity, "
    "130 interrupted (can be resumed).",
)
for data_command in (doctor, folds, purge, push, pull):
    data_app.command()(data_command)
app.add_typer(data_app, name="data")
app.add_typer(config_app, name="config")
app.add_typer(models_app, name="models")
app.add_typer(landmarks_app, name="landmarks")
for command in (
    cv,
    compare,
    tune,
    studies,
    status,
    pause,
    stop,
    resume,
    dashboard,
    ablate,
    compare_models,
    results,
    predict,
    explain,
    serve,
    ui,
    sync,
    submit,
    demo,
):
    app.command()(command)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"algr {algr.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[  # noqa: ARG001 - handled by its callback
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show debugging messages.")
    ] = False,
) -> None:
    from algr.logs import set_up_logging

    set_up_logging(verbose=verbose)


def main() -> None:
    """Run the command line and leave with the documented exit code."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        app()
    except AlgrError as error:
        typer.echo(f"algr: {error.message}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - a bug: keep the traceback, tell where it is
        path = _write_crash_log(traceback.format_exc())
        typer.echo(f"algr: a bug in algr: {type(error).__name__}: {error}", err=True)
        typer.echo(f"  to do: report it with the traceback in {path}", err=True)
        sys.exit(1)


def _write_crash_log(text: str) -> Path:
    handle, name = tempfile.mkstemp(prefix="algr-crash-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(f"algr {algr.__version__}\n{' '.join(sys.argv)}\n\n{text}")
    return Path(name)
