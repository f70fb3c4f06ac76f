"""`algr data prepare`: any layout of recordings to a prepared dataset."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

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

if TYPE_CHECKING:
    from algr.data import PrepareProgress, PrepareSummary


_LEAST_FOR_FOLDS = 3
"""One to test, one to choose the epoch on, one to train on."""


class SourceKind(StrEnum):
    """What can be prepared."""

    CLINIC = "clinic"
    BP4D = "bp4d"
    DISFA = "disfa"
    GFT = "gft"
    MANIFEST = "manifest"


@stops_cleanly("run the same command again: prepared videos are kept")
def prepare(
    kind: Annotated[SourceKind, typer.Argument(help="Layout of the source.")],
    source: Annotated[Path, typer.Option("--source", help="Folder of the recordings.")],
    name: Annotated[str, typer.Option("--name", help="Name of the dataset.")],
    fps: Annotated[
        float | None,
        typer.Option("--fps", help="Frames per second (clinic).", show_default="6"),
    ] = None,
    labels: LabelsOption = None,
    threshold: ThresholdOption = None,
    landmark_base: LandmarkBaseOption = None,
    frame_offset: FrameOffsetOption = None,
    swap_axes: SwapAxesOption = False,
    camera: CameraOption = None,
    keep_tracker_errors: TrackerErrorsOption = False,
    jobs: JobsOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop instead of leaving anything out.")
    ] = False,
    drop_repeats: Annotated[
        bool,
        typer.Option("--drop-repeats", help="Leave out frames that repeat the one before."),
    ] = False,
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
    choices = ReadChoices(
        labels=labels,
        threshold=threshold,
        landmark_base=landmark_base,
        frame_offset=frame_offset,
        swap_axes=swap_axes,
        camera=camera,
        keep_tracker_errors=keep_tracker_errors,
    )
    given = choices.given() | ({"--fps"} if fps is not None else set())
    check_given(given, layout=kind.value, more={"--fps": "clinic"})
    common: dict[str, Any] = {
        "source": source,
        "home": locate(home),
        "name": name,
        "jobs": jobs or cpus(),
        "strict": strict,
        "drop_repeats": drop_repeats,
        "replace": replace,
    }
    with progress("preparing videos") as report:

        def shown(step: "PrepareProgress") -> None:
            report(step.videos_done, step.videos_total, step.note)

        if kind is SourceKind.CLINIC:
            summary = _prepare_clinic(common, fps=fps, config=config, sets=sets, shown=shown)
        else:
            from algr.data import prepare_source

            summary = prepare_source(
                layout=cast(Any, kind.value), options=choices.options(), progress=shown, **common
            )
    if as_json:
        print_json(summary.to_dict())
        return
    typer.echo("\n".join(summary.lines()))
    typer.echo(_next_line(summary, home), err=True)


def _next_line(summary: "PrepareSummary", home: Path | None) -> str:
    """What can be done with the dataset: the small network is for drawn faces alone."""
    if summary.groups < _LEAST_FOR_FOLDS:
        return (
            f"next: add recordings of more people, as folds need {_LEAST_FOR_FOLDS}; this one: "
            f"algr data info {summary.name}{home_words(home)}"
        )
    preset = " --preset tiny" if summary.simulated else ""
    return f"next: algr cv --dataset {summary.name}{preset}{home_words(home)}"


def _prepare_clinic(
    common: dict[str, Any],
    *,
    fps: float | None,
    config: Path | None,
    sets: list[str] | None,
    shown: Any,
) -> "PrepareSummary":
    from algr.config import resolve_config
    from algr.data import prepare_clinic

    resolved = resolve_config(file=config, sets=sets or (), overrides={"data.fps": fps})
    return prepare_clinic(fps=resolved.config.data.fps, progress=shown, **common)
