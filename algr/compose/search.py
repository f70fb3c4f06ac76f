"""`algr tune`: a search, and what follows it."""

from pathlib import Path
from typing import Literal

from algr.compose.finish import Finisher, SearchResult
from algr.compose.requests import (
    EpochDisplayFactory,
    TrainingRequest,
    free_name,
    goes_on_as,
    open_material,
)
from algr.compose.start import StartListener, settle_start
from algr.compose.study import (
    STUDY_FILE,
    SearchDisplayFactory,
    StudyRecorder,
    refuse_other_study,
    run_study,
)
from algr.config import load_search_space
from algr.distributed import RayTrainExecutor, SearchJob, ray_session
from algr.tracking import Tracker
from algr.tune import StudyHeader, read_header


def search(
    request: TrainingRequest,
    *,
    trials: int,
    max_concurrent: int | None,
    space: str | None,
    gate: Literal["mean", "interval"],
    search_display: SearchDisplayFactory,
    epoch_display: EpochDisplayFactory,
    on_start: StartListener,
) -> SearchResult:
    """Run what is missing of a study and of what follows it.

    Raises:
        AlgrError: Of the part that failed; what was finished is kept for `--resume`.
    """
    material = open_material(request, command="tune")
    name = _study_name(request)
    directory = request.home.study(name)
    request, notice = settle_start(request, material, directory=directory, refits=True)
    start = notice.start
    job = SearchJob(
        config=request.config,
        space=load_search_space(
            space, dataset=request.dataset, kind=material.dataset.kind, config=request.config
        ),
        plan=material.plan,
        dataset_directory=material.dataset.directory,
        study_directory=directory,
        trials=trials,
        max_concurrent=max_concurrent,
        resume=request.resume,
        start_file=start.path if start else None,
    )
    refuse_other_study(job)
    on_start(notice)
    with (
        ray_session(address=request.address),
        Tracker.connect(request.home, dataset=material.info, uri=request.tracking_uri) as tracker,
        goes_on_as(name),
    ):
        recorder = StudyRecorder(tracker, job, tags=start.tags if start else {})
        if start is not None:
            start.record(directory)
        outcome = run_study(job, recorder, search_display)
        finisher = Finisher(
            request=request,
            material=material,
            study=recorder.study,
            name=name,
            tracker=tracker,
            executor=RayTrainExecutor(workers=request.workers),
            display=epoch_display,
            start=start,
        )
        return finisher.finish(outcome, gate=gate)


def _study_name(request: TrainingRequest) -> str:
    if request.name is not None:
        return request.name
    studies = request.home.studies
    last = last_study(studies, dataset=request.dataset) if request.resume else None
    return last or free_name(studies, request.dataset)


def last_study(studies: Path, *, dataset: str) -> str | None:
    """The study of that dataset, whatever its name, that was worked on last."""
    found = [
        directory
        for directory in (path.parent for path in studies.glob(f"*/{STUDY_FILE}"))
        if _is_search_of(dataset, read_header(directory))
    ]
    newest = max(found, key=_last_worked_on, default=None)
    return None if newest is None else newest.name


def _is_search_of(dataset: str, header: StudyHeader) -> bool:
    """Not one of the searches within outer folds, which go on with the whole they belong to."""
    return header.dataset == dataset and (
        header.identity.get("config", {}).get("cv.protocol") != "nested"
    )


def _last_worked_on(directory: Path) -> int:
    return max(path.stat().st_mtime_ns for path in directory.glob("study.*"))
