"""`algr explain`: faces of files through a bundle's network to figures and `explain.json`.

Faces are written to the output folder and nowhere else.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from algr.bundle import RESEARCH_USE, Bundle, read_bundle, rebuild_network
from algr.config import DataHome
from algr.data import ready_models
from algr.durable import write_whole
from algr.errors import UsageError
from algr.inputs import Source, TimedFace, faces_at, find_source, image_face, spread_faces
from algr.tracking import is_reference, pull

if TYPE_CHECKING:
    from algr.reports import ExplainedFace

DEFAULT_FRAMES = 4
JSON_NAME = "explain.json"


@dataclass(frozen=True, kw_only=True)
class ExplainRequest:
    """What the user asked for."""

    model: str
    """Folder of a pulled bundle, or a reference such as `fpara@champion`."""
    files: tuple[Path, ...]
    out: Path
    landmarks: Path | None = None
    times_s: tuple[float, ...] = ()
    """Of a video; empty for frames spread over it."""
    num_frames: int | None = None
    """Of each video; none for `DEFAULT_FRAMES`."""
    grade: str | None = None
    """That the class activation maps are about; none for the predicted one."""
    replace: bool = False
    home: DataHome
    tracking_uri: str | None = None


@dataclass(frozen=True, kw_only=True)
class _Chosen:
    """A face that will be explained."""

    source: Source
    timed: TimedFace

    @property
    def figure(self) -> str:
        """Name of its figure: never that of the file itself."""
        stem = self.source.path.stem
        if self.source.is_image:
            return f"{stem}_explained.png"
        return f"{stem}_frame{self.timed.frame:06d}_explained.png"


def explain_files(
    request: ExplainRequest, *, on_face: Callable[[dict[str, Any]], None]
) -> dict[str, Any]:
    """Draw one figure per face, and write `explain.json` beside them.

    Args:
        request: What to explain, and where to.
        on_face: Told of each face when its figure is written, with its part of the JSON.

    Returns:
        The content of `explain.json`.

    Raises:
        UsageError: Options contradict each other, or something would be overwritten.
        DataError: A file cannot be read, or holds no face that can be used.
        IntegrityError: The model's files were altered, or its network cannot be built again.
        TrackingError: A registered model cannot be fetched.
    """
    _check_options(request)
    models = ready_models(request.home)
    sources = [
        find_source(path, landmarks=request.landmarks, models=models) for path in request.files
    ]
    _check_kinds(request, sources)
    bundle = _find_bundle(request)
    grade = _grade_index(bundle, request.grade)
    chosen, rejected = _choose_faces(sources, request)
    _check_targets(request, chosen)
    network = rebuild_network(bundle)

    from algr.compose.explained_face import explain_face, model_words
    from algr.reports import draw_explanation, explanation_json

    words = model_words(bundle, network, notice=RESEARCH_USE)
    _make_folder(request.out)
    faces: list[ExplainedFace] = []
    for one in chosen:
        face = explain_face(
            network,
            bundle,
            one.timed,
            file=one.source.path.name,
            figure=one.figure,
            grade=grade,
            words=words,
        )
        draw_explanation(face, request.out / face.figure, model=words)
        faces.append(face)
        on_face(explanation_json([face], model=words, rejected=())["faces"][0])
    content = explanation_json(faces, model=words, rejected=rejected)
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_whole(request.out / JSON_NAME, text + "\n")
    return content


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--out {out} cannot be made: {error.strerror or error}",
            expected="a folder that can be written",
            advice="choose another --out",
        ) from error


def _check_options(request: ExplainRequest) -> None:
    if request.landmarks is not None and len(request.files) > 1:
        raise UsageError(
            f"--landmarks names one file, but there are {len(request.files)} files to explain",
            expected="a landmark file beside each of them, or one file at a time",
        )
    if request.times_s and request.num_frames is not None:
        raise UsageError(
            "--at and --frames are both given",
            expected="the times of the frames, or how many to spread over the video",
            advice="leave one of them out",
        )
    wrong = [f"{time_s:g}" for time_s in request.times_s if not 0 <= time_s < math.inf]
    if wrong:
        raise UsageError(
            f"--at {', '.join(wrong)}", expected="seconds after the first frame, 0 or more"
        )
    if request.out.exists() and not request.out.is_dir():
        raise UsageError(f"--out {request.out} is a file", expected="a folder, new or not")


def _check_kinds(request: ExplainRequest, sources: Sequence[Source]) -> None:
    if all(source.is_image for source in sources):
        option = "--at" if request.times_s else "--frames" if request.num_frames else ""
        if option:
            raise UsageError(
                f"{option} without a video: all files are images",
                expected="a video among them",
                advice=f"leave {option} out",
            )


def _find_bundle(request: ExplainRequest) -> Bundle:
    directory = Path(request.model)
    if directory.exists() or not is_reference(request.model):
        return read_bundle(directory)
    return pull(request.model, home=request.home, out=None, uri=request.tracking_uri).bundle


def _grade_index(bundle: Bundle, grade: str | None) -> int | None:
    if grade is None:
        return None
    if bundle.kind != "grade":
        raise UsageError(
            f"--grade {grade}: {bundle.name} detects action units",
            advice="leave it out; each map is about the action unit of its region",
        )
    if grade not in bundle.labels:
        raise UsageError(f"--grade {grade}", expected=f"one of {', '.join(bundle.labels)}")
    return bundle.labels.index(grade)


def _choose_faces(
    sources: Sequence[Source], request: ExplainRequest
) -> tuple[list[_Chosen], list[dict[str, Any]]]:
    chosen: list[_Chosen] = []
    rejected: list[dict[str, Any]] = []
    for source in sources:
        path = source.path
        if source.is_image:
            chosen.append(_Chosen(source=source, timed=image_face(source)))
            continue
        assert source.landmarks is not None
        if request.times_s:
            found = faces_at(path, landmarks=source.landmarks, times_s=request.times_s)
        else:
            count = request.num_frames or DEFAULT_FRAMES
            found = spread_faces(path, landmarks=source.landmarks, count=count)
        chosen += [_Chosen(source=source, timed=timed) for timed in found.faces]
        rejected += [
            {"file": path.name, "reason": reason, "count": count}
            for reason, count in sorted(found.rejected.items())
        ]
    return chosen, rejected


def _check_targets(request: ExplainRequest, chosen: Sequence[_Chosen]) -> None:
    """Refuse two figures of one name, and to overwrite what was sent or what is there."""
    counts = Counter(one.figure for one in chosen)
    twice = [name for name, count in counts.items() if count > 1]
    if twice:
        raise UsageError(
            "several figures would have the same name",
            problems=twice,
            expected="files whose names differ before the ending",
            advice="explain them one by one, each with its own --out",
        )
    names = [*counts, JSON_NAME]
    sent = {path.resolve() for path in request.files}
    targets = [request.out / name for name in names]
    lost = [str(path) for path in targets if path.resolve() in sent]
    if lost:
        raise UsageError(
            "a figure would overwrite a file that it is made from",
            problems=lost,
            advice="choose another --out",
        )
    there = [str(path) for path in targets if path.exists()]
    if there and not request.replace:
        raise UsageError(
            f"{len(there)} {'file exists' if len(there) == 1 else 'files exist'} already",
            problems=there,
            expected="names that are free",
            advice="choose another --out, or replace them with --replace",
        )
