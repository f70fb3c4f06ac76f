"""`algr explain`: what a model saw in a face, as figures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from algr.cli.options import (
    HomeOption,
    JsonOption,
    TrackingOption,
    locate,
    print_json,
    stops_cleanly,
)


@stops_cleanly("figures that are written are whole; run it again with --replace")
def explain(
    files: Annotated[list[Path], typer.Argument(help="Videos or face images.")],
    model: Annotated[
        str, typer.Option("--model", help="Pulled model, or NAME@champion or NAME/VERSION.")
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder for figures and explain.json.")],
    landmarks: Annotated[
        Path | None,
        typer.Option(
            "--landmarks",
            help="Landmark file.",
            show_default="the one beside each file, else the detector",
        ),
    ] = None,
    at: Annotated[
        list[float] | None,
        typer.Option("--at", metavar="SECONDS", help="Time of a video's frame; may be repeated."),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option("--frames", min=1, help="Frames spread over each video.", show_default="4"),
    ] = None,
    grade: Annotated[
        str | None,
        typer.Option(
            "--grade", help="Grade that the maps are about.", show_default="the predicted one"
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace figures that exist.")] = False,
    tracking_uri: TrackingOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Draw what a model saw in faces: regions, offsets, attention, class activation maps.

    Example: algr explain --model ./model visit.mp4 --at 2.5 --out ./explained
    """
    from algr.compose import ExplainRequest, explain_files

    request = ExplainRequest(
        model=model,
        files=tuple(files),
        out=out,
        landmarks=landmarks,
        times_s=tuple(at or ()),
        num_frames=frames,
        grade=grade,
        replace=replace,
        home=locate(home),
        tracking_uri=tracking_uri,
    )

    def say(face: dict[str, Any]) -> None:
        typer.echo(f"{_words(face)}: {out / face['figure']}", err=as_json)

    content = explain_files(request, on_face=say)
    if as_json:
        print_json(content)
        return
    for part in content["rejected"]:
        typer.echo(f"{part['file']}: left out {part['count']} frames ({part['reason']})")
    typer.echo(content["notice"])


def _words(face: dict[str, Any]) -> str:
    place = f"{face['file']} frame {face['frame']}" if "time_s" in face else face["file"]
    time = f" ({face['time_s']:.2f} s)" if "time_s" in face else ""
    if "grade" in face:
        share = face["grade_probability"][face["grade"]]
        return f"{place}{time}: {face['grade']} {share:.2f}"
    units = sorted(face["au_probability"].items(), key=lambda unit: -unit[1])[:3]
    return f"{place}{time}: " + ", ".join(f"{name} {share:.2f}" for name, share in units)
