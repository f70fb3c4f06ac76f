"""Videos whose picture stands still: looked for in as many frames as the sample allows."""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import Recording, VideoFile
from algr.data.doctor.sampling import Sample
from algr.data.findings import Finding
from algr.data.standstill import (
    Standstill,
    StandstillMeter,
    count_repeated,
    repeated_places,
    standstill_words,
)
from algr.data.video import watch_video
from algr.data.words import MOST_PROBLEMS
from algr.errors import DataError

FRAMES_PER_PICTURE = 30
"""Frames that are compared with the one before, for each picture that is sampled."""
_KEPT = "they are kept, each with its own label"


@dataclass(frozen=True, kw_only=True)
class VideoStandstill:
    """A video in which frames repeat the one before."""

    recording: int
    """Position in the reading."""
    file: Path
    frames: int
    """That were compared."""
    found: tuple[Standstill, ...]


@dataclass(frozen=True, kw_only=True)
class StandstillReport:
    """All videos of a source."""

    videos: int
    frames: int
    """That were compared with the one before."""
    whole: int
    """Videos that were looked at to their end."""
    found: tuple[VideoStandstill, ...]

    @property
    def repeated(self) -> int:
        """Frames that repeat the one before."""
        return sum(count_repeated(video.found) for video in self.found)


def look_for_standstills(
    recordings: Sequence[Recording],
    *,
    sample: int,
    jobs: int,
    only: Collection[int] | None = None,
    tick: Callable[[int], None] = lambda _: None,
) -> StandstillReport:
    """Compare the frames of all videos with the ones before, from the beginning of each.

    Args:
        recordings: Of any kind; pictures in files are compared by their bytes elsewhere.
        sample: Pictures to decode, about: so many times `FRAMES_PER_PICTURE` frames are shared out.
        jobs: Threads that decode.
        only: Positions of the recordings that matter; None for all.
        tick: Told the number of videos that are done.
    """
    videos = {
        position: recording.pictures
        for position, recording in enumerate(recordings)
        if isinstance(recording.pictures, VideoFile) and (only is None or position in only)
    }
    most = sample * FRAMES_PER_PICTURE // max(1, len(videos))
    if not most:
        return StandstillReport(videos=len(videos), frames=0, whole=0, found=())
    meters: list[StandstillMeter] = []
    with ThreadPoolExecutor(max_workers=max(1, jobs)) as pool:
        for meter in pool.map(lambda video: _watch(video.path, most=most), videos.values()):
            meters.append(meter)
            tick(len(meters))
    found = [
        VideoStandstill(
            recording=position, file=video.path, frames=meter.frames, found=meter.found()
        )
        for (position, video), meter in zip(videos.items(), meters, strict=True)
    ]
    return StandstillReport(
        videos=len(videos),
        frames=sum(meter.frames for meter in meters),
        whole=sum(meter.frames < most for meter in meters),
        found=tuple(video for video in found if video.found),
    )


def _watch(path: Path, *, most: int) -> StandstillMeter:
    try:
        return watch_video(path, most=most)
    except DataError:
        return StandstillMeter()  # the look at its pictures says why


def without_repeated(
    samples: Sequence[Sample], recordings: Sequence[Recording], report: StandstillReport
) -> list[Sample]:
    """The samples without pairs in which a picture belongs to the frame before.

    By such a picture the landmarks of the frame before seem to be the right ones.
    """
    repeated = {video.recording: repeated_places(video.found) for video in report.found}
    cleaned = []
    for sample in samples:
        pictures = recordings[sample.recording].pictures
        places = repeated.get(sample.recording, frozenset())
        if places and isinstance(pictures, VideoFile):
            cleaned.append(_without(sample, pictures.index_N, places))
        else:
            cleaned.append(sample)
    return cleaned


def _without(sample: Sample, index_N: NDArray[np.int64], places: Collection[int]) -> Sample:
    pairs = [pair for pair in sample.fast if not any(int(index_N[row]) in places for row in pair)]
    return replace(sample, fast=tuple(pairs))


def standstill_findings(report: StandstillReport, *, source: Path) -> list[Finding]:
    """Each video, worst first."""
    ordered = sorted(report.found, key=lambda video: -count_repeated(video.found))
    findings = [
        Finding(
            severity="warning",
            code="frame_repeated",
            message=f"{standstill_words(video.found, frames=video.frames)}; {_KEPT}",
            file=_below(video.file, source),
            count=count_repeated(video.found),
        )
        for video in ordered[:MOST_PROBLEMS]
    ]
    hidden = ordered[MOST_PROBLEMS:]
    if hidden:
        count = sum(count_repeated(video.found) for video in hidden)
        findings.append(
            Finding(
                severity="warning",
                code="frame_repeated",
                message=f"{count} frames of {len(hidden)} more videos repeat the picture before",
                count=count,
            )
        )
    return findings


def _below(file: Path, source: Path) -> str:
    return file.relative_to(source).as_posix() if file.is_relative_to(source) else str(file)
