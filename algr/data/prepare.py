"""`algr data prepare clinic`: recordings in, one dataset out, or nothing."""

import dataclasses
import math
from pathlib import Path

from algr.config import DataHome
from algr.data.adapters import ReadOptions
from algr.data.adapters.clinic import Clinic
from algr.data.assemble import DatasetPlan
from algr.data.clinic import check_source, is_simulated, read_manifest
from algr.data.clinic_jobs import (
    clinic_jobs,
    excluded_videos,
    preparation_parameters,
    source_digest,
)
from algr.data.decode import landmark_counts
from algr.data.detector.models import ready_models
from algr.data.identity import claim_key, key_path
from algr.data.manifest import EXERCISES
from algr.data.preparation import Work, inspect_jobs, prepare_jobs
from algr.data.refusal import RESUMABLE, no_folders_after_refusal
from algr.data.refused import (
    PictureChecks,
    check_reading,
    told_of,
    warnings_beside_refusals,
)
from algr.data.summary import PrepareSummary
from algr.data.watch import ProgressCallback, Watch
from algr.errors import AlgrError, UsageError
from algr.faces import GRADES

_TOLD_ELSEWHERE = ("landmark_file", "landmarks_passed_over", "unreadable", "video_missing")
"""Findings that the summary tells of the video that is left out, or when it is decoded."""


def prepare_clinic(
    *,
    source: Path,
    home: DataHome,
    name: str,
    fps: float = 6.0,
    jobs: int = 1,
    strict: bool = False,
    replace: bool = False,
    drop_repeats: bool = False,
    progress: ProgressCallback | None = None,
) -> PrepareSummary:
    """Prepare the recordings of a clinic as the dataset `name`.

    A preparation that was broken off goes on where it stood: finished videos lie in a hidden
    folder beside the dataset until all are there. The dataset appears whole, by one rename. A
    preparation that is refused leaves nothing that was not there before.

    Args:
        source: Folder with `manifest.csv`, videos and landmark files.
        home: Where datasets lie.
        name: Of the dataset.
        fps: Frames per second to take from each video, unless the manifest says otherwise.
        jobs: Processes that decode.
        strict: Refuse instead of leaving a video out; all that would be is told at once.
        replace: Replace a dataset of that name which was made from other files or options.
        drop_repeats: Leave out frames that repeat the one before.
        progress: Called now and then.

    Raises:
        DataError: The source is wrong, or another dataset of that name is there.
        UsageError: The name or a number cannot be used.
    """
    directory = home.dataset(name)
    if not (math.isfinite(fps) and fps > 0):
        raise UsageError(f"--fps {fps:g}", expected="frames per second, more than 0")
    check_source(source)
    Watch(progress, videos_total=0).show("reading", videos=0)
    models = ready_models(home)
    reading = Clinic().read(source, ReadOptions())
    screening = check_reading(
        reading, source=source, strict=False, jobs=jobs, has_detector=models is not None
    )
    manifest = read_manifest(source)
    with no_folders_after_refusal(home.datasets, key_path().parent):
        claim = claim_key()
        try:
            todo = clinic_jobs(
                manifest,
                source=source,
                fps=fps,
                key=claim.key,
                models=models,
                drop_repeats=drop_repeats,
            )
            watch = Watch(progress, videos_total=len(todo))
            inspections = inspect_jobs(todo, threads=jobs, watch=watch, left_out=screening.left_out)
            work = Work(
                jobs=jobs,
                strict=strict,
                todo=todo,
                inspections=inspections,
                watch=watch,
                checks=PictureChecks(reading=reading, source=source, strict=strict, jobs=jobs),
            )
            parameters = preparation_parameters(fps, drop_repeats=drop_repeats)
            plan = _plan(work, parameters=parameters, simulated=is_simulated(source))
            with warnings_beside_refusals(reading, screening):
                summary = prepare_jobs(work, directory=directory, plan=plan, replace=replace)
        except RESUMABLE:
            raise
        except AlgrError:
            claim.give_back()
            raise
    told = [part for part in told_of(reading, screening) if part.code not in _TOLD_ELSEWHERE]
    warnings = [finding.text() for finding in told]
    return dataclasses.replace(
        summary,
        left_out=(*excluded_videos(manifest), *summary.left_out),
        warnings=(*warnings, *summary.warnings),
        landmarks=landmark_counts(work.inspections),
        seconds=watch.elapsed_s,
    )


def _plan(work: Work, *, parameters: dict[str, object], simulated: bool) -> DatasetPlan:
    return DatasetPlan(
        kind="grade",
        label_names=GRADES,
        parameters=parameters,
        exercises=EXERCISES,
        simulated=simulated,
        source_digest=source_digest(work.inspections, simulated=simulated),
    )
