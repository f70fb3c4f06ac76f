"""`algr data prepare`: any layout of recordings to a prepared dataset."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

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
from algr.errors import UsageError

if TYPE_CHECKING:
    from algr.data import PrepareProgress, PrepareSummary


class SourceKind(StrEnum):
    """What can be prepared."""

    CLINIC = "clinic"
    BP4D = "bp4d"
    DISFA = "disfa"
    GFT = "gft"
    MANIFEST = "manifest"


class CameraName(StrEnum):
    """The two of DISFA."""

    LEFT = "left"
    RIGHT = "right"


_OPTIONS_OF = {
    SourceKind.CLINIC: {"--fps"},
    SourceKind.BP4D: {"--labels", "--landmark-base", "--frame-offset"},
    SourceKind.DISFA: {
        "--labels",
        "--landmark-base",
        "--frame-offset",
        "--threshold",
        "--camera",
        "--keep-tracker-errors",
    },
    SourceKind.GFT: {"--labels", "--landmark-base", "--frame-offset"},
    SourceKind.MANIFEST: {"--labels", "--landmark-base", "--frame-offset", "--threshold"},
}


@stops_cleanly("run the same command again: prepared videos are kept")
def prepare(
    kind: Annotated[SourceKind, typer.Argument(help="Layout of the source.")],
    source: Annotated[Path, typer.Option("--source", help="Folder of the recordings.")],
    name: Annotated[str, typer.Option("--name", help="Name of the dataset.")],
    fps: Annotated[
        float | None,
        typer.Option("--fps", help="Frames per second (clinic).", show_default="6"),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            help="Action units, such as AU1,AU2,AU4.",
            show_default="those of the paper; manifest: all",
        ),
    ] = None,
    threshold: Annotated[
        int | None,
        typer.Option(
            "--threshold",
            min=1,
            max=5,
            help="Least intensity that counts as present (disfa, manifest).",
            show_default="2; manifest: labels are 0 and 1",
        ),
    ] = None,
    landmark_base: Annotated[
        int | None,
        typer.Option(
            "--landmark-base",
            min=0,
            max=1,
            help="Pixel that landmark files count from.",
            show_default="what the layout says",
        ),
    ] = None,
    frame_offset: Annotated[
        int | None,
        typer.Option(
            "--frame-offset",
            help="Added to a label's frame number to get the picture's.",
            show_default="what the layout says",
        ),
    ] = None,
    camera: Annotated[
        CameraName | None,
        typer.Option("--camera", help="Camera of disfa.", show_default="left"),
    ] = None,
    keep_tracker_errors: Annotated[
        bool,
        typer.Option("--keep-tracker-errors", help="Keep frames of disfa's tracker error log."),
    ] = False,
    jobs: JobsOption = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop instead of leaving anything out.")
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
    given = {
        "--fps": fps,
        "--labels": labels,
        "--threshold": threshold,
        "--landmark-base": landmark_base,
        "--frame-offset": frame_offset,
        "--camera": camera,
        "--keep-tracker-errors": keep_tracker_errors or None,
    }
    _check_given({option for option, value in given.items() if value is not None}, kind=kind)
    common: dict[str, Any] = {
        "source": source,
        "home": locate(home),
        "name": name,
        "jobs": jobs or cpus(),
        "strict": strict,
        "replace": replace,
    }
    with progress("preparing videos") as report:

        def shown(step: "PrepareProgress") -> None:
            report(step.videos_done, step.videos_total, step.note)

        if kind is SourceKind.CLINIC:
            summary = _prepare_clinic(common, fps=fps, config=config, sets=sets, shown=shown)
        else:
            from algr.data import ReadOptions, prepare_source

            options = ReadOptions(
                label_names=_label_names(labels),
                threshold=2 if threshold is None else threshold,
                intensities=threshold is not None,
                frame_offset=frame_offset,
                landmark_base=cast(Literal[0, 1] | None, landmark_base),
                camera="right" if camera is CameraName.RIGHT else "left",
                keep_tracker_errors=keep_tracker_errors,
            )
            summary = prepare_source(
                layout=cast(Any, kind.value), options=options, progress=shown, **common
            )
    if as_json:
        print_json(summary.to_dict())
        return
    typer.echo("\n".join(summary.lines()))
    typer.echo(f"next: algr cv --dataset {name} --preset tiny{home_words(home)}", err=True)


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


def _check_given(given: set[str], *, kind: SourceKind) -> None:
    """An option that would do nothing is a mistake."""
    strange = sorted(given - _OPTIONS_OF[kind])
    if strange:
        kinds = [other.value for other in SourceKind if strange[0] in _OPTIONS_OF[other]]
        raise UsageError(
            f"{strange[0]} means nothing for {kind.value}",
            expected=f"it with {', '.join(kinds)} only",
            advice="leave it out",
        )


def _label_names(text: str | None) -> tuple[str, ...] | None:
    """The action units of a list such as AU1,AU02,4."""
    if text is None:
        return None
    from algr.data.adapters.tables import au_name

    cells = [cell.strip() for cell in text.split(",") if cell.strip()]
    names = tuple(dict.fromkeys(au_name(cell) for cell in cells))
    if not names or "" in names:
        raise UsageError(
            f"--labels {text}", expected="action units with commas between, such as AU1,AU2,AU4"
        )
    return names
