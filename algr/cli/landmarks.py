"""`algr landmarks` and `algr data landmarks`: the detector, and landmark files."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from algr.cli.options import HomeOption, JsonOption, locate, print_json, stops_cleanly
from algr.cli.progress import progress
from algr.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Install the landmark detector and look after it.")
files_app = typer.Typer(no_args_is_help=True, help="Convert and make landmark files.")


ReplaceOption = Annotated[bool, typer.Option("--replace", help="Write over a file that is there.")]


class Base(StrEnum):
    """Number of the first pixel."""

    ZERO = "0"
    ONE = "1"


@app.command()
@stops_cleanly("run it again")
def install(
    source: Annotated[
        Path,
        typer.Option("--from", help="Wheel of mediapipe 0.10.21, or folder of models."),
    ],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take the detector's two model files out of a wheel that you have.

    Example: algr landmarks install --from mediapipe-0.10.21-cp311-cp311-manylinux_2_28_x86_64.whl
    """
    from algr.data.detector.models import detector_status, install_models

    install_models(source, home=locate(home))
    report = detector_status(locate(home))
    if as_json:
        print_json(report.to_dict())
        return
    typer.echo(f"{report.folder}: {' and '.join(report.models)}, intact")
    for step in report.missing:
        typer.echo(f"next: {step}", err=True)


@app.command()
@stops_cleanly("run it again")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Say whether the detector can run, and what is missing.

    Example: algr landmarks status
    """
    from algr.data.detector.models import detector_status

    report = detector_status(locate(home))
    if as_json:
        print_json(report.to_dict())
        return
    typer.echo(f"detector: {'ready' if report.is_ready else 'not ready'}")
    typer.echo(f"LiteRT: {'installed' if report.runtime else 'missing'}")
    typer.echo(f"models: {report.folder}")
    for name, state in report.models.items():
        typer.echo(f"  {name}: {state}")
    for step in report.missing:
        typer.echo(f"next: {step}", err=True)


@files_app.command()
@stops_cleanly("run it again")
def convert(
    source: Annotated[Path, typer.Argument(help="Landmark file, or folder of .pts files.")],
    out: Annotated[Path, typer.Option("--out", help="CSV to write.", dir_okay=False)],
    base: Annotated[
        Base | None,
        typer.Option("--base", help="First pixel's number.", show_default="1 for .pts, else 0"),
    ] = None,
    first_frame: Annotated[
        int | None,
        typer.Option(
            "--first-frame",
            min=0,
            help="Number of the first frame in the file.",
            show_default="1 for OpenFace 2 and .pts without 0, else 0",
        ),
    ] = None,
    replace: ReplaceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Bring a landmark file of another program to algr's own CSV.

    Example: algr data landmarks convert openface.csv --out visit_land.csv
    """
    from algr.data.landmark_formats import read_landmarks
    from algr.data.landmarks import write_landmark_csv

    _check_free(out, replace=replace)
    track = read_landmarks(source, base=int(base) if base else None, first_frame=first_frame)
    write_landmark_csv(out, track)
    if as_json:
        print_json(
            {
                "out": str(out),
                "format": track.form,
                "frames": len(track.frames),
                "notes": list(track.notes),
            }
        )
        return
    typer.echo(f"{out}: {len(track.frames)} frames of {track.form}")
    for note in track.notes:
        typer.echo(f"note: {note}", err=True)


@files_app.command()
@stops_cleanly("run it again")
def detect(
    video: Annotated[Path, typer.Argument(help="Video.", dir_okay=False)],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="CSV to write.", show_default="STEM_land.csv beside it", dir_okay=False
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option("--fps", min=0.01, help="Frames per second to look at.", show_default="all"),
    ] = None,
    replace: ReplaceOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the landmarks of a video and write them as a file to keep.

    Example: algr data landmarks detect visit.mp4
    """
    from algr.data.detection import detect_video, open_networks
    from algr.data.landmarks import landmark_path, write_landmark_csv

    target = out or landmark_path(video)
    _check_free(target, replace=replace)
    networks = open_networks(locate(home))
    with progress("finding landmarks") as report:
        found = detect_video(
            video,
            networks=networks,
            fps=fps,
            progress=lambda done, total: report(done, total, ""),
        )
    write_landmark_csv(target, found.track)
    rejected = sum(found.rejected.values())
    if as_json:
        print_json(
            {
                "out": str(target),
                "frames": len(found.track.frames),
                "rejected": found.rejected,
                "frames_with_others": found.frames_with_others,
            }
        )
        return
    typer.echo(f"{target}: {len(found.track.frames) - rejected} frames with landmarks")
    for reason, count in found.rejected.items():
        typer.echo(f"rejected: {count} frames: {reason}")
    if found.frames_with_others:
        typer.echo(f"another face in {found.frames_with_others} frames; one face was followed")


def _check_free(out: Path, *, replace: bool) -> None:
    if out.exists() and not replace:
        raise UsageError(
            f"--out {out}: is there already",
            expected="a name that is free: points may have been corrected by hand",
            advice="choose another --out, or write over it with --replace",
        )
