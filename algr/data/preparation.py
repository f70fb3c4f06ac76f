"""From the recordings of any source to one dataset, or to nothing."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from algr.data.adapters.collect import without_name
from algr.data.assemble import DatasetPlan, assemble
from algr.data.description import DESCRIPTION_FILE, Description
from algr.data.findings import Finding
from algr.data.jobs import Control, Inspection, Job, Outcome
from algr.data.refusal import BrokenOffError
from algr.data.refused import PictureChecks
from algr.data.rows import UNKNOWN
from algr.data.staging import (
    StagedVideo,
    discard_staging,
    find_staged,
    staging_folder,
    staging_path,
)
from algr.data.store import PreparedDataset
from algr.data.summary import LeftOut, PrepareSummary, label_rates, rejected_frames
from algr.data.usable import NO_GRADE
from algr.data.watch import Watch
from algr.data.words import counted, limited
from algr.data.workers import work_through
from algr.durable import recover_folder
from algr.errors import AlgrError, DataError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """The recordings of one call, and how to treat them."""

    jobs: int
    strict: bool
    todo: Sequence[Job]
    inspections: Sequence[Inspection]
    watch: Watch
    checks: PictureChecks
    strict_advice: str = (
        "repair the video, give it an exclude_reason in the manifest, or leave out --strict"
    )


def prepare_jobs(
    work: Work, *, directory: Path, plan: DatasetPlan, replace: bool
) -> PrepareSummary:
    """Stage the recordings of `work` and write them as one dataset, or find it up to date.

    Raises:
        DataError: Nothing can be used, or another dataset of that name is there.
        BrokenOffError: Room was short; the same call goes on where this one stood.
    """
    try:
        summary = _up_to_date(directory, plan=plan, strict=work.strict, replace=replace)
        if summary is not None:
            discard_staging(directory)
        else:
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


def inspect_jobs(
    todo: Sequence[Job], *, threads: int, watch: Watch, left_out: Mapping[str, str]
) -> list[Inspection]:
    """Hash and probe all files, in threads, as that leaves the interpreter alone.

    Args:
        todo: All recordings.
        threads: How many at once.
        watch: Told how far it is.
        left_out: Label of a job to the reason for which it is left out, whatever its files are.
    """
    inspections = []
    with ThreadPoolExecutor(max_workers=max(1, threads)) as pool:
        for count, inspection in enumerate(pool.map(_inspect, todo), start=1):
            reason = left_out.get(todo[count - 1].label, "")
            inspections.append(
                dataclasses.replace(inspection, problem=reason) if reason else inspection
            )
            watch.show("checking", videos=0, frames=0, always=count == len(todo))
    return inspections


def _inspect(job: Job) -> Inspection:
    return job.inspect()


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
            f"dataset {directory.name!r} was prepared without "
            f"{counted(description.videos_left_out, 'video')} that could not be read",
            expected="with --strict, that all can be read",
            advice="run without --strict to see which, and repair them or take them out of the "
            "manifest",
        )
    count = description.videos_left_out
    return _summarise(
        directory,
        dataset=dataset,
        up_to_date=True,
        warnings=[f"{counted(count, 'video')} could not be used when it was prepared"]
        if count
        else [],
    )


def _summarise(
    directory: Path,
    *,
    dataset: PreparedDataset,
    up_to_date: bool = False,
    left_out: Sequence[LeftOut] = (),
    findings: Sequence[Finding] = (),
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
        groups=len({subject.group for subject in dataset.subjects}),
        videos=len(dataset.videos),
        frames=description.num_frames,
        frames_per_grade=description.frames_per_grade,
        frames_rejected=rejected_frames(dataset.videos),
        left_out=tuple(left_out),
        warnings=tuple(warnings),
        findings=tuple(findings),
        fingerprint=description.fingerprint,
        seconds=0.0,
        frames_decoded=frames_decoded,
        frames_per_second=frames_per_second,
        kind=description.kind,
        label_rates=label_rates(dataset.frames.labels, dataset.label_names)
        if description.kind == "au"
        else {},
    )


def _decode_and_write(
    work: Work, *, staging: Path, directory: Path, plan: DatasetPlan
) -> PrepareSummary:
    noticed = work.checks.of_sample()
    began = time.monotonic()
    outcomes, decoded = _decode(work, staging=staging)
    decoding_s = time.monotonic() - began
    left_out = [
        LeftOut(video=job.label, reason=without_name(outcome.problem, Path(job.label)))
        for job, outcome in zip(work.todo, outcomes, strict=True)
        if outcome.problem
    ]
    staged = [outcome.staged for outcome in outcomes if outcome.staged]
    unlabelled = _subjects_without_grade(staged) if plan.kind == "grade" else set()
    left_out += [
        LeftOut(video=job.label, reason=NO_GRADE)
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
    kept = {video.record.video_id for video in staged}
    noticed += work.checks.of_all(
        {
            job.label: outcome.staged.sketches()
            for job, outcome in zip(work.todo, outcomes, strict=True)
            if outcome.staged and job.record.video_id in kept
        }
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
        findings=noticed,
        warnings=[
            *(finding.text() for finding in noticed),
            *(warning for outcome in outcomes for warning in outcome.warnings),
        ],
        frames_decoded=decoded,
        frames_per_second=decoded / decoding_s if decoded else None,
    )


def _subjects_without_grade(staged: Sequence[StagedVideo]) -> set[str]:
    graded = {video.record.subject_id for video in staged if video.record.grade != UNKNOWN}
    return {video.record.subject_id for video in staged} - graded


def _decode(work: Work, *, staging: Path) -> tuple[list[Outcome], int]:
    """Outcomes in the order of the jobs, and the number of frames that were decoded now."""
    outcomes: dict[int, Outcome] = {}
    for position, inspection in enumerate(work.inspections):
        if inspection.problem:
            outcomes[position] = Outcome(staged=None, problem=inspection.problem)
        elif find_staged(staging, key=inspection.key):
            item = (work.todo[position], inspection, staging)
            outcomes[position] = _stage(item, _NO_CONTROL)
    _refuse_problems(outcomes, work=work)
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
            outcomes[missing[number]] = outcome
            work.watch.show(
                "decoding", videos=len(outcomes), frames=decoded, expected=expected, always=True
            )
    _refuse_problems(outcomes, work=work)
    return [outcomes[position] for position in range(len(work.todo))], decoded


def _stage(item: tuple[Job, Inspection, Path], control: Control) -> Outcome:
    job, inspection, staging = item
    return job.stage(inspection, staging, control)


class _NoControl:
    """For a video that lies staged already."""

    def count_frame(self) -> None:
        """Nothing is counted."""

    def is_stopped(self) -> bool:
        return False


_NO_CONTROL = _NoControl()


def _refuse_problems(outcomes: Mapping[int, Outcome], *, work: Work) -> None:
    """With `strict` nothing is left out: all that would be is told at once."""
    problems = [
        _named(work.todo[position].label, outcome.problem)
        for position, outcome in sorted(outcomes.items())
        if outcome.problem
    ]
    if problems and work.strict:
        raise DataError(
            f"--strict: {counted(len(problems), 'recording')} cannot be used",
            problems=limited(problems),
            expected="recordings that can all be used",
            advice=work.strict_advice,
        )


def _named(label: str, problem: str) -> str:
    told = " ".join(problem.split())
    return told if Path(label).name in told else f"{label}: {told}"
