"""`algr data`: examine a source, show folds, purge a patient."""

import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from algr.cli.data import NameArgument
from algr.cli.options import (
    FoldsOption,
    HomeOption,
    JobsOption,
    JsonOption,
    SeedOption,
    TrackingOption,
    cpus,
    folds_values,
    home_words,
    locate,
    print_json,
    stops_cleanly,
)
from algr.cli.progress import progress
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
from algr.errors import DataError, Interrupted, UsageError

if TYPE_CHECKING:
    from algr.compose.purge import PurgeOutcome


class Protocol(StrEnum):
    """Ways to choose an epoch."""

    HONEST = "honest"
    PAPER = "paper"


@stops_cleanly("run it again")
def doctor(
    source: Annotated[Path, typer.Argument(help="Folder of a data set, as it was unpacked.")],
    sample: Annotated[
        int, typer.Option("--sample", min=0, help="Pictures to decode, about.")
    ] = 600,
    labels: LabelsOption = None,
    threshold: ThresholdOption = None,
    landmark_base: LandmarkBaseOption = None,
    frame_offset: FrameOffsetOption = None,
    swap_axes: SwapAxesOption = False,
    camera: CameraOption = None,
    keep_tracker_errors: TrackerErrorsOption = False,
    jobs: JobsOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Examine a source before it is prepared, and print the command that prepares it.

    Example: algr data doctor ~/BP4D
    """
    from algr.data import ready_models
    from algr.data.adapters import recognise
    from algr.data.doctor import examine_source

    choices = ReadChoices(
        labels=labels,
        threshold=threshold,
        landmark_base=landmark_base,
        frame_offset=frame_offset,
        swap_axes=swap_axes,
        camera=camera,
        keep_tracker_errors=keep_tracker_errors,
    )
    check_given(choices.given(), layout=recognise(source).layout)
    with progress("examining") as report:
        found = examine_source(
            source,
            options=choices.options(),
            sample=sample,
            jobs=jobs or cpus(),
            has_detector=ready_models(locate(home)) is not None,
            tick=lambda stage, done, total: report(done, total, stage),
        )
    if found.command:
        found = replace(found, command=found.command + home_words(home))
    if as_json:
        print_json(found.to_dict())
    else:
        from algr.cli.doctor import print_examination

        print_examination(found)
    if found.verdict == "refused":
        raise typer.Exit(DataError.exit_code)


@stops_cleanly("run it again")
def folds(
    name: NameArgument,
    num_folds: FoldsOption = None,
    protocol: Annotated[
        Protocol | None,
        typer.Option("--protocol", help="Which subjects choose the epoch.", show_default="honest"),
    ] = None,
    seed: SeedOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the folds of a dataset: subjects, frames, and rates or grades in each part.

    Example: algr data folds fpara-sim --folds 5
    """
    from algr.config import resolve_config
    from algr.data import open_dataset, plan_folds
    from algr.data.fold_report import count_folds

    overrides = {
        **folds_values(num_folds),
        "cv.protocol": protocol.value if protocol else None,
        "seed": seed,
    }
    config = resolve_config(overrides=overrides).config
    dataset = open_dataset(locate(home), name)
    report = count_folds(dataset, plan_folds(dataset, cv=config.cv, seed=config.seed))
    if as_json:
        print_json(report.to_dict())
    else:
        from algr.cli.folds import print_folds

        print_folds(report)


@stops_cleanly("run the same command again: the old dataset is there, or the new one")
def purge(
    patient: Annotated[
        str, typer.Argument(help="Patient id as the manifest spells it; - to read it from input.")
    ],
    dataset: Annotated[
        str | None, typer.Option("--dataset", help="Name of a prepared dataset.")
    ] = None,
    everywhere: Annotated[bool, typer.Option("--all", help="All prepared datasets.")] = False,
    is_hash: Annotated[
        bool, typer.Option("--hash", help="PATIENT is the keyed hash (`algr data ids`).")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it, change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove a patient from prepared datasets, and list what was trained on them.

    Example: algr data purge P-017 --dataset fpara-sim --dry-run
    """
    if (dataset is None) != everywhere:
        raise UsageError(
            "both --dataset and --all" if everywhere else "neither --dataset nor --all",
            expected="--dataset NAME for one dataset, or --all",
        )
    if not (dry_run or yes or sys.stdin.isatty()) or (patient == "-" and not (dry_run or yes)):
        raise UsageError(
            "nobody can be asked whether to go on",
            expected="--yes to remove the patient, or --dry-run to see what would happen",
        )
    from algr.compose import patient_hash, purge_patient

    given = sys.stdin.readline().strip() if patient == "-" else patient.strip()
    subject_id = given.lower() if is_hash else patient_hash(given)
    located = locate(home)
    if not (dry_run or yes):
        plan = purge_patient(
            subject_id, home=located, dataset=dataset, dry_run=True, tracking_uri=tracking_uri
        )
        _print_purge(plan)
        if not typer.confirm("remove the patient's frames", err=True):
            raise Interrupted("not confirmed; nothing was changed")
    with progress("purging") as report:
        outcome = purge_patient(
            subject_id,
            home=located,
            dataset=dataset,
            dry_run=dry_run,
            tracking_uri=tracking_uri,
            progress=report,
        )
    if as_json:
        print_json(outcome.to_dict())
    else:
        _print_purge(outcome)


def _print_purge(outcome: "PurgeOutcome") -> None:
    from algr.compose import CANNOT_REMOVE

    would = "would be removed" if outcome.dry_run else "removed"
    for name in outcome.ended:
        typer.echo(f"{name}: an earlier purge or preparation that was killed is cleaned up")
    for item in outcome.datasets:
        videos = f"{item.videos} video{'' if item.videos == 1 else 's'}"
        typer.echo(f"{item.dataset}: {item.frames} frames of {videos} {would}")
        typer.echo(f"  fingerprint before: {item.fingerprint_before}")
        if not outcome.dry_run:
            gone = "none: nobody is left, the dataset is gone"
            typer.echo(f"  fingerprint now:    {item.fingerprint or gone}")
        if item.used_by:
            typer.echo("  made with the patient in it, and still there:")
        for use in item.used_by:
            typer.echo(f"    {use.text()}")
    typer.echo("this command cannot remove:")
    for what in CANNOT_REMOVE:
        typer.echo(f"  - {what}")
    if not outcome.dry_run:
        typer.echo(f"record, without ids: {outcome.log}", err=True)
