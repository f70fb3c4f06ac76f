"""`algr cv`, `algr tune`, `algr submit`: train here, or have a cluster do it."""

from typing import TYPE_CHECKING, Annotated

import typer

from algr.cli.options import (
    AddressOption,
    DatasetOption,
    FileOption,
    FoldsOption,
    HomeOption,
    InitOption,
    JsonOption,
    NameOption,
    Preset,
    PresetOption,
    ProtocolOption,
    SeedOption,
    SetOption,
    TrackingOption,
    WorkersOption,
    dataset_here,
    home_words,
    locate,
    place_of,
    print_json,
    resolve,
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
    nest_and_print,
    run_and_print,
    share_of,
)

if TYPE_CHECKING:
    from algr.compose import SearchOptions, TrainingRequest

ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Continue what exists under --name, or else the last one; start it if there is none.",
    ),
]


@stops_cleanly("the same command with --resume goes on where it stopped")
def cv(
    dataset: DatasetOption,
    preset: PresetOption = Preset.PAPER,
    config: FileOption = None,
    sets: SetOption = None,
    seed: SeedOption = None,
    protocol: ProtocolOption = None,
    folds: FoldsOption = None,
    repeats: Annotated[
        int | None,
        typer.Option(
            "--repeats",
            min=1,
            help="Cross-validations, each on folds drawn anew.",
            show_default="1",
        ),
    ] = None,
    init_from: InitOption = None,
    name: NameOption = None,
    resume: ResumeOption = False,
    workers: WorkersOption = None,
    address: AddressOption = None,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
    details: Annotated[
        bool,
        typer.Option(
            "--details", help="Also print every figure, confusion matrices and calibration."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Cross-validate one configuration over folds of subjects.

    Example: algr cv --dataset fpara-sim --preset tiny

    On five drawings of the folds: algr cv --dataset fpara-sim --preset tiny --repeats 5

    From other weights: algr cv --dataset disfa --init-from bp4d.safetensors
    """
    resolved = resolve(
        preset,
        config,
        sets,
        seed,
        init_from=init_from,
        protocol=protocol,
        folds=folds,
        repeats=repeats,
    )
    from algr.cli.live import EpochDisplay, say_repeat
    from algr.cli.start import print_start
    from algr.cli.tables import print_cross_validation, print_repeats
    from algr.compose import TrainingRequest, cross_validate, cross_validate_repeatedly

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
    if request.config.cv.repeats > 1:
        repeated = cross_validate_repeatedly(
            request, display=EpochDisplay, on_start=print_start, on_repeat=say_repeat
        )
        if as_json:
            print_json(repeated.to_dict())
            return
        print_repeats(repeated, details=details)
    else:
        result = cross_validate(request, display=EpochDisplay, on_start=print_start)
        if as_json:
            print_json(result.to_dict())
            return
        print_cross_validation(result, details=details)
    typer.echo(f"next: algr ui{home_words(home)}, or algr tune --dataset {dataset}", err=True)


@stops_cleanly("the same command with --resume goes on where it stopped")
def tune(
    dataset: DatasetOption,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials",
            min=1,
            help="Trials in all.",
            show_default="50; with --resume as before",
        ),
    ] = None,
    max_concurrent: ConcurrentOption = None,
    gpus_per_trial: GpusOption = None,
    workers_per_trial: WorkersPerTrialOption = None,
    space: Annotated[
        str | None,
        typer.Option(
            "--space",
            help="Search space: a shipped name or a YAML file.",
            show_default="by dataset",
        ),
    ] = None,
    objective: Annotated[
        list[str] | None,
        typer.Option(
            "--objective",
            metavar="METRIC",
            help="val/METRIC, or behind one: parameters, latency_ms, train_seconds; may be "
            "repeated.",
            show_default="val/f1_macro or val/f1_mean",
        ),
    ] = None,
    points: PointsOption = None,
    warm_start: WarmStartOption = None,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Database for the trials of a new study, as postgresql+psycopg://host/name.",
            show_default="a file in the study's folder",
        ),
    ] = None,
    gate: GateOption = Gate.MEAN,
    preset: PresetOption = Preset.PAPER,
    config: FileOption = None,
    sets: SetOption = None,
    seed: SeedOption = None,
    protocol: ProtocolOption = None,
    folds: FoldsOption = None,
    init_from: InitOption = None,
    name: NameOption = None,
    resume: ResumeOption = False,
    workers: WorkersOption = None,
    address: AddressOption = None,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
    max_hours: MaxHoursOption = None,
    max_gpu_hours: MaxGpuHoursOption = None,
    deadline: DeadlineOption = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check everything, measure some steps, print the cost."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Search hyperparameters, then cross-validate, refit and register the best.

    Example: algr tune --dataset fpara-sim --preset tiny --trials 50

    How good search and training are together, without registering anything:
    algr tune --dataset fpara-sim --preset tiny --trials 20 --protocol nested
    """
    resolved = resolve(
        preset, config, sets, seed, init_from=init_from, protocol=protocol, folds=folds
    )
    from algr.compose import SearchOptions, TrainingRequest

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
    options = SearchOptions(
        trials=trials,
        max_concurrent=max_concurrent,
        gpus_per_trial=share_of(gpus_per_trial),
        workers_per_trial=workers_per_trial,
        space=space,
        objectives=tuple(objective or ()),
        points=points,
        warm_start=warm_start,
        storage=storage,
        limits=limits_of(max_hours, max_gpu_hours, deadline),
        gate=gate.value,
    )
    if dry_run:
        _dry_run(request, options, as_json=as_json)
        return
    if request.config.cv.protocol == "nested":
        nest_and_print(request, options, home=home, as_json=as_json)
        return
    run_and_print(request, options, home=home, as_json=as_json)


def _dry_run(request: "TrainingRequest", options: "SearchOptions", *, as_json: bool) -> None:
    from algr.cli.estimate import print_estimate, print_nested_estimate
    from algr.compose import estimate_nested, estimate_search

    typer.echo("measuring some steps of each size; nothing is written", err=True)
    if request.config.cv.protocol == "nested":
        nested = estimate_nested(request, options)
        if as_json:
            print_json(nested.to_dict())
        else:
            print_nested_estimate(nested)
        return
    estimate = estimate_search(request, options)
    if as_json:
        print_json(estimate.to_dict())
    else:
        print_estimate(estimate)


@stops_cleanly("the job goes on; look at it in the cluster's dashboard")
def submit(
    words: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND…", help="The algr command line to run there.")
    ],
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            help="Jobs address of the head.",
            show_default="$RAY_API_SERVER_ADDRESS or http://127.0.0.1:8265",
        ),
    ] = None,
) -> None:
    """Run an algr command as a job on a Ray cluster, and show its output.

    Example: algr submit --address http://127.0.0.1:8265 -- tune --dataset fpara --trials 50
    """
    from algr.compose import submit as submit_command

    raise typer.Exit(
        submit_command(words, address=address, show=lambda text: typer.echo(text, nl=False))
    )
