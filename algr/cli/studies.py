"""`algr studies`, `status`, `pause`, `stop`, `resume`: looking after searches."""

from typing import TYPE_CHECKING, Annotated

import typer

from algr.cli.options import (
    AddressOption,
    HomeOption,
    JsonOption,
    TrackingOption,
    WorkersOption,
    home_words,
    locate,
    print_json,
    stops_cleanly,
)
from algr.cli.searching import (
    ConcurrentOption,
    DeadlineOption,
    Gate,
    GateOption,
    GpusOption,
    MaxGpuHoursOption,
    MaxHoursOption,
    PointsOption,
    WarmStartOption,
    WorkersPerTrialOption,
    limits_of,
    run_and_print,
    share_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    from algr.tune import Wish

StudyArgument = Annotated[str, typer.Argument(help="Name of the study (`algr studies`).")]


def studies(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List studies with their state, the last one worked on first.

    Example: algr studies
    """
    from algr.cli.study_tables import print_studies
    from algr.compose import list_studies

    found = list_studies(locate(home))
    if as_json:
        print_json([one.to_dict() for one in found])
    elif found:
        print_studies(found)
    else:
        typer.echo("no study yet; begin one: algr tune --dataset NAME --trials 50", err=True)


def status(study: StudyArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show one study: its trials, its best, who works on it, and about how long it will take.

    Example: algr status fpara-1
    """
    from algr.cli.study_tables import print_status
    from algr.compose import study_status

    found = study_status(locate(home), study)
    if as_json:
        print_json(found.to_dict())
        return
    print_status(found)
    if found.resumes_alone and found.summary.state not in ("running", "finished"):
        typer.echo(f"next: algr resume {study}{home_words(home)}", err=True)


def pause(study: StudyArgument, home: HomeOption = None) -> None:
    """Have a running search end after its running epochs, with exit code 130.

    Example: algr pause fpara-1
    """
    _ask(study, "pause", home)


def stop(study: StudyArgument, home: HomeOption = None) -> None:
    """Have a running search end after its running epochs, with exit code 0 and its best so far.

    Example: algr stop fpara-1
    """
    _ask(study, "stop", home)


@stops_cleanly("the same command goes on where it stopped")
def resume(
    study: StudyArgument,
    trials: Annotated[
        int | None,
        typer.Option("--trials", min=1, help="Trials in all.", show_default="as before"),
    ] = None,
    max_concurrent: ConcurrentOption = None,
    gpus_per_trial: GpusOption = None,
    workers_per_trial: WorkersPerTrialOption = None,
    points: PointsOption = None,
    warm_start: WarmStartOption = None,
    gate: GateOption = Gate.MEAN,
    max_hours: MaxHoursOption = None,
    max_gpu_hours: MaxGpuHoursOption = None,
    deadline: DeadlineOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Go on with a study by its name alone: dataset, configuration and space are its own.

    Example: algr resume fpara-1
    """
    from algr.compose import SearchOptions, resume_study

    options = SearchOptions(
        trials=trials,
        max_concurrent=max_concurrent,
        gpus_per_trial=share_of(gpus_per_trial),
        workers_per_trial=workers_per_trial,
        points=points,
        warm_start=warm_start,
        limits=limits_of(max_hours, max_gpu_hours, deadline),
        gate=gate.value,
    )
    request, options = resume_study(
        locate(home),
        study,
        options=options,
        workers=workers,
        address=address,
        tracking_uri=tracking_uri,
    )
    run_and_print(request, options, home=home, as_json=as_json)


@stops_cleanly("it can be started again")
def dashboard(
    study: StudyArgument,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.")] = 8090,
    print_only: Annotated[
        bool, typer.Option("--print", help="Print the command in place of running it.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Look at a study in Optuna's dashboard (extra `dashboard`).

    Example: algr dashboard fpara-1
    """
    import shlex

    from algr.compose import dashboard_command, run_dashboard

    command = dashboard_command(locate(home), study, host=host, port=port)
    if print_only:
        typer.echo(shlex.join(command.argv))
        return
    if command.is_installed:
        typer.echo(f"open {command.url}; stop it with Ctrl-C", err=True)
    raise typer.Exit(run_dashboard(command))


def _ask(study: str, wish: "Wish", home: "Path | None") -> None:
    from algr.compose import ask_study

    holder = ask_study(locate(home), study, wish)
    who = f"process {holder['pid']} on {holder['host']}" if holder else "the process"
    typer.echo(
        f"asked {who} to {wish} study {study} after its running epochs\n"
        f"next: algr status {study}{home_words(home)}",
        err=True,
    )
