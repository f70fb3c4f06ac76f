"""`algr data prepare clinic`: recordings in, one dataset out, or nothing."""

import dataclasses
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from algr.config import DataHome
from algr.data.assemble import DatasetPlan, assemble
from algr.data.clinic import check_source, is_simulated, read_manifest
from algr.data.clinic_jobs import (
    clinic_jobs,
    excluded_videos,
    preparation_parameters,
    source_digest,
)
from algr.data.decode import (
    Control,
    Inspection,
    Outcome,
    VideoJob,
    inspect_video,
    landmark_counts,
    stage_video,
)
from algr.data.description import DESCRIPTION_FILE, Description
from algr.data.detector.models import ready_models
from algr.data.identity import claim_key, key_path
from algr.data.manifest import EXERCISES
from algr.data.refusal import RESUMABLE, BrokenOffError, no_folders_after_refusal
from algr.data.rows import UNKNOWN
from algr.data.staging import StagedVideo, find_staged, staging_folder, staging_path
from algr.data.store import PreparedDataset
from algr.data.summary import LeftOut, PrepareProgress, PrepareSummary, Stage, rejected_frames
from algr.data.workers import work_through
from algr.durable import recover_folder
from algr.errors import AlgrError, DataError, UsageError
from algr.faces import GRADES

ProgressCallback = Callable[[PrepareProgress], None]
_SHOW_EVERY_S = 0.5


def prepare_clinic(
    *,
    source: Path,
    home: DataHome,
    name: str,
    fps: float = 6.0,
    jobs: int = 1,
    strict: bool = False,
    replace: bool = False,
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
        strict: Stop at a video that cannot be read instead of leaving it out.
        replace: Replace a dataset of that name which was made from other files or options.
        progress: Called now and then.

    Raises:
        DataError: The source is wrong, or another dataset of that name is there.
        UsageError: The name or a number cannot be used.
    """
    directory = home.dataset(name)
    if not (math.isfinite(fps) and fps > 0):
        raise UsageError(f"--fps {fps:g}", expected="frames per second, more than 0")
    manifest = read_manifest(check_source(source))
    with no_folders_after_refusal(home.datasets, key_path().parent):
        claim = claim_key()
        try:
            models = ready_models(home)
            todo = clinic_jobs(manifest, source=source, fps=fps, key=claim.key, models=models)
            watch = _Watch(progress, videos_total=len(todo))
            work = _Work(
                jobs=jobs,
                strict=strict,
                todo=todo,
                inspections=_inspect(todo, threads=jobs, watch=watch),
                watch=watch,
            )
            plan = _plan(work, fps=fps, simulated=is_simulated(source))
            summary = _prepare(work, directory=directory, plan=plan, replace=replace)
        except RESUMABLE:
            raise
        except AlgrError:
            claim.give_back()
            raise
    return dataclasses.replace(
        summary,
        left_out=(*excluded_videos(manifest), *summary.left_out),
        warnings=(*manifest.warnings, *summary.warnings),
        landmarks=landmark_counts(work.inspections),
        seconds=watch.elapsed_s,
    )


def _plan(work: "_Work", *, fps: float, simulated: bool) -> DatasetPlan:
    return DatasetPlan(
        kind="grade",
        label_names=GRADES,
        parameters=preparation_parameters(fps),
        exercises=EXERCISES,
        simulated=simulated,
        source_digest=source_digest(work.inspections, simulated=simulated),
    )


def _prepare(work: "_Work", *, directory: Path, plan: DatasetPlan, replace: bool) -> PrepareSummary:
    try:
        summary = _up_to_date(directory, plan=plan, strict=work.strict, replace=replace)
        if summary is None:
            with staging_folder(directory) as staging:
                summary = _decode_and_write(work, staging=staging, directory=directory, plan=plan)
    except OSError as error:
        kind = BrokenOffError if staging_path(directory).exists() else DataError
        raise kind(
            f"{error.filename or directory.parent}: {error.strerror or error}",
            expected="a data home that can be written to, with enough space",
            advice="choose another --data-home, or make room; finished videos are kept",
        ) from error
    return summary


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Work:
    """The videos of one call, and how to treat them."""

    jobs: int
    strict: bool
    todo: Sequence[VideoJob]
    inspections: Sequence[Inspection]
    watch: "_Watch"


class _Watch:
    """Turns counts into reports with an estimate of the time that is left."""

    def __init__(self, report: ProgressCallback | None, *, videos_total: int) -> None:
        self._report = report
        self._videos_total = videos_total
        self._started = time.monotonic()
        self._shown = -_SHOW_EVERY_S

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def show(
        self,
        stage: Stage,
        *,
        videos: int,
        frames: int = 0,
        expected: int = 0,
        seconds_left: float | None = None,
        always: bool = False,
    ) -> None:
        now = self.elapsed_s
        if self._report is None or (not always and now - self._shown < _SHOW_EVERY_S):
            return
        self._shown = now
        self._report(
            PrepareProgress(
                stage=stage,
                videos_done=videos,
                videos_total=self._videos_total,
                frames_done=frames,
                frames_expected=max(expected, frames),
                elapsed_s=now,
                seconds_left=seconds_left,
            )
        )


def _inspect(todo: Sequence[VideoJob], *, threads: int, watch: _Watch) -> list[Inspection]:
    """Hashing and probing leave the interpreter alone, so threads do."""
    inspections = []
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for count, inspection in enumerate(pool.map(inspect_video, todo), start=1):
            inspections.append(inspection)
            watch.show("checking", videos=0, frames=0, always=count == len(todo))
    return inspections


def _up_to_date(
    directory: Path, *, plan: DatasetPlan, strict: bool, replace: bool
) -> PrepareSummary | None:
    """The summary of the dataset that is there, if it is the one that is asked for."""
    recover_folder(directory)
    if not (directory / DESCRIPTION_FILE).exists():
        return None
    try:
        dataset = PreparedDataset.open(directory)
    except AlgrError:
        if replace:
            return None
        raise
    description = dataset.description
    if description.source_digest != plan.source_digest:
        if replace:
            return None
        raise DataError(
            f"dataset {directory.name!r} was prepared from other files or options",
            expected="a name that is free, or the same files, options and id key",
            advice="choose another --name, or replace it with --replace",
        )
    if strict and description.videos_left_out:
        raise DataError(
            f"dataset {directory.name!r} was prepared without {description.videos_left_out} "
            "videos that could not be read",
            expected="with --strict, that all can be read",
            advice="run without --strict to see which, and repair them or take them out of the "
            "manifest",
        )
    count = description.videos_left_out
    return _summarise(
        directory,
        dataset=dataset,
        up_to_date=True,
        warnings=[f"{count} videos could not be used when it was prepared"] if count else [],
    )


def _summarise(
    directory: Path,
    *,
    dataset: PreparedDataset,
    up_to_date: bool = False,
    left_out: Sequence[LeftOut] = (),
    warnings: Sequence[str] = (),
    frames_decoded: int = 0,
    frames_per_second: float | None = None,
) -> PrepareSummary:
    description: Description = dataset.description
    return PrepareSummary(
        name=directory.name,
        directory=directory,
        up_to_date=up_to_date,
        simulated=description.simulated,
        subjects=len(description.subjects),
        videos=len(dataset.videos),
        frames=description.num_frames,
        frames_per_grade=description.frames_per_grade,
        frames_rejected=rejected_frames(dataset.videos),
        left_out=tuple(left_out),
        warnings=tuple(warnings),
        fingerprint=description.fingerprint,
        seconds=0.0,
        frames_decoded=frames_decoded,
        frames_per_second=frames_per_second,
    )


def _decode_and_write(
    work: _Work, *, staging: Path, directory: Path, plan: DatasetPlan
) -> PrepareSummary:
    began = time.monotonic()
    outcomes, decoded = _decode(work, staging=staging)
    decoding_s = time.monotonic() - began
    left_out = [
        LeftOut(video=job.label, reason=outcome.problem)
        for job, outcome in zip(work.todo, outcomes, strict=True)
        if outcome.problem
    ]
    staged = [outcome.staged for outcome in outcomes if outcome.staged]
    unlabelled = _subjects_without_grade(staged)
    left_out += [
        LeftOut(video=job.label, reason="no readable video of this patient has a grade")
        for job, outcome in zip(work.todo, outcomes, strict=True)
        if outcome.staged and job.record.subject_id in unlabelled
    ]
    staged = [video for video in staged if video.record.subject_id not in unlabelled]
    if not staged:
        raise DataError(
            "no video could be used",
            problems=[f"{video.video}: {video.reason}" for video in left_out],
            expected="at least one",
            advice="correct these and run the same command again",
        )
    total = sum(video.record.frames_kept for video in staged)
    assemble(
        staged,
        directory,
        plan=dataclasses.replace(plan, videos_left_out=len(left_out)),
        labels={job.record.video_id: job.label for job in work.todo},
        progress=lambda written: work.watch.show(
            "writing",
            videos=len(work.todo),
            frames=written,
            expected=total,
            always=written == total,
        ),
    )
    return _summarise(
        directory,
        dataset=PreparedDataset.open(directory),
        left_out=left_out,
        warnings=[warning for outcome in outcomes for warning in outcome.warnings],
        frames_decoded=decoded,
        frames_per_second=decoded / decoding_s if decoded else None,
    )


def _subjects_without_grade(staged: Sequence[StagedVideo]) -> set[str]:
    graded = {video.record.subject_id for video in staged if video.record.grade != UNKNOWN}
    return {video.record.subject_id for video in staged} - graded


def _decode(work: _Work, *, staging: Path) -> tuple[list[Outcome], int]:
    """Outcomes in the order of the jobs, and the number of frames that were decoded now."""
    outcomes: dict[int, Outcome] = {}
    for position, inspection in enumerate(work.inspections):
        if inspection.problem:
            outcome = Outcome(staged=None, problem=inspection.problem)
            _record(outcomes, position, outcome, work=work)
        elif find_staged(staging, key=inspection.key):
            item = (work.todo[position], inspection, staging)
            _record(outcomes, position, _stage(item, _NO_CONTROL), work=work)
    missing = [position for position in range(len(work.todo)) if position not in outcomes]
    expected = sum(work.inspections[position].frames_expected for position in missing)
    began = time.monotonic()
    decoded = 0

    def tick(frames: int) -> None:
        nonlocal decoded
        decoded = frames
        rate = frames / max(time.monotonic() - began, 1e-9)
        work.watch.show(
            "decoding",
            videos=len(outcomes),
            frames=frames,
            expected=expected,
            seconds_left=max(expected - frames, 0) / rate if frames else None,
        )

    items = [(work.todo[position], work.inspections[position], staging) for position in missing]
    with closing(work_through(_stage, items, jobs=work.jobs, tick=tick)) as results:
        for number, outcome in results:
            _record(outcomes, missing[number], outcome, work=work)
            work.watch.show(
                "decoding", videos=len(outcomes), frames=decoded, expected=expected, always=True
            )
    return [outcomes[position] for position in range(len(work.todo))], decoded


def _stage(item: tuple[VideoJob, Inspection, Path], control: Control) -> Outcome:
    job, inspection, staging = item
    return stage_video(job, inspection, staging, control)


class _NoControl:
    """For a video that lies staged already."""

    def count_frame(self) -> None:
        """Nothing is counted."""

    def is_stopped(self) -> bool:
        return False


_NO_CONTROL = _NoControl()


def _record(outcomes: dict[int, Outcome], position: int, outcome: Outcome, *, work: _Work) -> None:
    if outcome.problem and work.strict:
        raise DataError(
            f"--strict: {outcome.problem}",
            expected="videos that can all be read",
            advice="repair the video, give it an exclude_reason in the manifest, or leave out "
            "--strict",
        )
    outcomes[position] = outcome
