"""`algr data prepare bp4d|disfa|gft|manifest`: a data set in, one dataset out, or nothing."""

import dataclasses
import shlex
from pathlib import Path
from typing import Literal

from algr.config import DataHome
from algr.data.adapters import (
    Adapter,
    ReadOptions,
    Recording,
    SourceReading,
    VideoFile,
    adapter_of,
    recognise,
)
from algr.data.adapters.recognise import EXPECTED, check_folder, refuse_others
from algr.data.align import alignment_parameters
from algr.data.assemble import DatasetPlan
from algr.data.clinic_jobs import repeats_parameters, source_digest
from algr.data.identity import claim_key, hash_id, key_path
from algr.data.images import PICTURES_VERSION
from algr.data.preparation import Work, inspect_jobs, prepare_jobs
from algr.data.recordings import RecordingJob
from algr.data.refusal import RESUMABLE, no_folders_after_refusal
from algr.data.refused import (
    PictureChecks,
    check_reading,
    told_of,
    warnings_beside_refusals,
)
from algr.data.summary import PrepareSummary
from algr.data.video import DECODING_VERSION
from algr.data.videos import Rejection, VideoRecord
from algr.data.watch import ProgressCallback, Watch
from algr.errors import AlgrError, DataError
from algr.faces import HOUSE_BRACKMANN_CLASS

SourceLayout = Literal["bp4d", "disfa", "gft", "manifest"]


def prepare_source(
    *,
    layout: SourceLayout,
    source: Path,
    home: DataHome,
    name: str,
    options: ReadOptions | None = None,
    jobs: int = 1,
    strict: bool = False,
    replace: bool = False,
    drop_repeats: bool = False,
    progress: ProgressCallback | None = None,
) -> PrepareSummary:
    """Prepare a data set as the dataset `name`.

    Broken off and called again it goes on where it stood, by recordings; the dataset appears
    whole, by one rename; refused it leaves nothing that was not there before.

    Args:
        layout: Of the source.
        source: Folder of the data set.
        home: Where datasets lie.
        name: Of the dataset.
        options: How to read the source.
        jobs: Processes that decode.
        strict: Refuse instead of leaving anything out.
        replace: Replace a dataset of that name which was made from other files or options.
        drop_repeats: Leave out frames that repeat the one before.
        progress: Called now and then.

    Raises:
        DataError: The source is wrong, or another dataset of that name is there.
        UsageError: The name cannot be used.
    """
    directory = home.dataset(name)
    Watch(progress, videos_total=0).show("reading", videos=0)
    reading = read_source(layout, source, options or ReadOptions())
    screening = check_reading(reading, source=source, strict=strict, jobs=jobs)
    with no_folders_after_refusal(home.datasets, key_path().parent):
        claim = claim_key()
        try:
            todo = [
                dataclasses.replace(_job(recording, key=claim.key), drop_repeats=drop_repeats)
                for recording in reading.recordings
            ]
            watch = Watch(progress, videos_total=len(todo))
            inspections = inspect_jobs(todo, threads=jobs, watch=watch, left_out=screening.left_out)
            work = Work(
                jobs=jobs,
                strict=strict,
                todo=todo,
                inspections=inspections,
                watch=watch,
                checks=PictureChecks(reading=reading, source=source, strict=strict, jobs=jobs),
                strict_advice="repair it, take it out of the source, or leave out --strict",
            )
            parameters = _parameters(reading) | repeats_parameters(drop_repeats=drop_repeats)
            plan = _plan(reading, work, parameters=parameters, key=claim.key)
            with warnings_beside_refusals(reading, screening):
                summary = prepare_jobs(work, directory=directory, plan=plan, replace=replace)
        except RESUMABLE:
            raise
        except AlgrError:
            claim.give_back()
            raise
    warnings = [finding.text() for finding in told_of(reading, screening)]
    return dataclasses.replace(
        summary,
        warnings=(*warnings, *summary.warnings),
        missing_codes=dict(reading.missing_codes),
        findings=(*reading.findings, *summary.findings),
        seconds=watch.elapsed_s,
    )


def read_source(layout: SourceLayout, source: Path, options: ReadOptions) -> SourceReading:
    """Read a folder as the layout that the user names.

    Raises:
        DataError: It is no folder, or has another layout.
    """
    check_folder(source)
    refuse_others(source)
    adapter = adapter_of(layout)
    if not adapter.recognises(source):
        raise _other_layout(layout, source)
    return adapter.read(source, options)


def _other_layout(layout: SourceLayout, source: Path) -> DataError:
    found: Adapter = recognise(source)
    return DataError(
        f"--source {source}: looks like {found.layout}, not like {layout}",
        expected=EXPECTED[layout],
        advice=shlex.join(
            ["algr", "data", "prepare", found.layout, "--source", str(source), "--name", "NAME"]
        ),
    )


def _job(recording: Recording, *, key: bytes) -> RecordingJob:
    return RecordingJob(
        recording=recording,
        record=VideoRecord(
            video_id=hash_id("video", recording.name, key=key),
            subject_id=hash_id("patient", recording.subject, key=key),
            grade=recording.grade,
            grade_hb=recording.grade_hb,
            rejections=tuple(
                Rejection(reason=reason, frames=frames)
                for reason, frames in sorted(recording.left_out.items())
            ),
        ),
        group=hash_id("group", recording.group, key=key) if recording.group else "",
    )


def _plan(
    reading: SourceReading, work: Work, *, parameters: dict[str, object], key: bytes
) -> DatasetPlan:
    return DatasetPlan(
        kind=reading.kind,
        label_names=reading.label_names,
        parameters=parameters,
        exercises=(),
        simulated=reading.simulated,
        source_digest=source_digest(
            work.inspections,
            simulated=reading.simulated,
            options={"parameters": parameters, "labels": list(reading.label_names)},
        ),
        parts={
            hash_id("patient", subject, key=key): part for subject, part in reading.parts.items()
        },
    )


def _parameters(reading: SourceReading) -> dict[str, object]:
    """What, beside the recordings, decides about the frames; part of the fingerprint."""
    are_videos = {isinstance(recording.pictures, VideoFile) for recording in reading.recordings}
    versions = {True: ("decoding_version", DECODING_VERSION)} | {
        False: ("pictures_version", PICTURES_VERSION)
    }
    parameters: dict[str, object] = {
        "layout": reading.layout,
        "reading": dict(reading.parameters),
        "alignment": alignment_parameters(),
        **dict(versions[is_video] for is_video in sorted(are_videos)),
    }
    if reading.kind == "grade":
        parameters["house_brackmann_class"] = {
            str(hb): grade for hb, grade in HOUSE_BRACKMANN_CLASS.items()
        }
    return parameters
