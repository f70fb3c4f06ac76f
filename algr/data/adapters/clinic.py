"""A clinic's folder as the other readers give theirs; the preparation reads it by itself."""

# Shape suffixes: N = rows of a landmark file, or frames of a video without one; L = landmarks
# (49), 2 = x, y.

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.base import Layout, ReadOptions, Recording, SourceReading, VideoFile
from algr.data.adapters.collect import Collector
from algr.data.adapters.counts import finish
from algr.data.adapters.manifest_header import header_of
from algr.data.adapters.pictures import ranges_in_words
from algr.data.clinic import ClinicVideo, read_source_manifest
from algr.data.landmark_formats import read_landmarks
from algr.data.landmark_source import find_landmarks
from algr.data.manifest import MANIFEST_FILE
from algr.data.presence import why_no_file
from algr.data.video import probe_video
from algr.errors import DataError
from algr.faces import GRADES, HOUSE_BRACKMANN_CLASS

_UNKNOWN = -1
_NO_FRAMES = np.empty(0, np.int64)


class Clinic:
    """Reads recordings of a clinic, described by `manifest.csv`."""

    layout: Layout = "clinic"

    def recognises(self, source: Path) -> bool:
        """Whether there is a `manifest.csv` with a column of videos or patients."""
        return bool(header_of(source / MANIFEST_FILE) & {"video", "patient_id"})

    def read(self, source: Path, options: ReadOptions) -> SourceReading:
        """See `Adapter.read`; the frames are those of the landmark file, if there is one.

        Of a video without one the head is read to count its frames.
        """
        del options
        findings = Collector(source)
        recordings = []
        try:
            manifest = read_source_manifest(source)
        except DataError as error:
            for problem in error.problems or (error.message,):
                findings.refuse("manifest", " ".join(problem.split()), at=source / MANIFEST_FILE)
        else:
            for warning in manifest.warnings:
                findings.warn("manifest", warning, at=source / MANIFEST_FILE)
            for video in manifest.videos:
                recording = _recording(video, source=source, findings=findings)
                recordings += [recording] if recording else []
        return finish(
            SourceReading(
                layout="clinic",
                variant="manifest.csv",
                kind="grade",
                label_names=GRADES,
                recordings=tuple(recordings),
                findings=(),
                parameters={},
            ),
            source=source,
            parts={},
            findings=findings,
        )


def _recording(video: ClinicVideo, *, source: Path, findings: Collector) -> Recording | None:
    path = source / video.video
    if video.exclude_reason:
        findings.note("excluded", f"excluded by the manifest: {video.exclude_reason}", at=path)
        return None
    absent = why_no_file(path)
    if absent:
        findings.warn("video_missing", f"{absent}; it is left out", at=path)
        return None
    source_of_points = find_landmarks(path, models=None)
    if source_of_points is None or source_of_points.path is None:
        number_N, points_NL2 = _frames_of(path, findings=findings), None
    else:
        passed_over = source_of_points.passed_over
        number_N, points_NL2 = _landmarks_of(source_of_points.path, findings=findings)
        if passed_over:
            findings.warn("landmarks_passed_over", f"not used: {', '.join(passed_over)}", at=path)
    if not len(number_N):
        return None
    return Recording(
        name=video.video,
        subject=video.patient_id,
        pictures=VideoFile(path=path, index_N=number_N),
        number_N=number_N,
        labels_NA=np.empty((len(number_N), 0), np.int8),
        landmarks_NL2=points_NL2,
        grade=HOUSE_BRACKMANN_CLASS.get(video.grade_hb, _UNKNOWN),
        grade_hb=video.grade_hb,
    )


def _landmarks_of(
    beside: Path, *, findings: Collector
) -> tuple[NDArray[np.int64], NDArray[np.float32] | None]:
    """Frame numbers and points of a landmark file; no frames where it is wrong."""
    try:
        track = read_landmarks(beside)
    except DataError as error:
        findings.warn("landmark_file", " ".join(error.message.split()), at=beside)
        return _NO_FRAMES, None
    if not len(track.frames):
        findings.warn("landmark_file", "holds no frame", at=beside)
        return _NO_FRAMES, None
    last = int(track.frames[-1])
    without_row = last + 1 - len(track.frames)
    if 0 < without_row < len(track.frames) - 1:  # else it holds every second frame on purpose
        missing = np.setdiff1d(np.arange(last), track.frames)
        findings.warn(
            "landmark_rows",
            f"{without_row} of {last + 1} frames have no row, such as "
            f"{ranges_in_words(missing.tolist())}",
            at=beside,
            count=without_row,
        )
    for note in track.notes:
        findings.note("landmark_notes", f"{track.form}: {note}", at=beside)
    return track.frames, track.points_FL2


def _frames_of(video: Path, *, findings: Collector) -> NDArray[np.int64]:
    """Numbers of the frames that a video's head promises."""
    try:
        info = probe_video(video)
    except DataError as error:
        findings.warn("unreadable", error.found, at=video)
        return _NO_FRAMES
    count = info.frames_stated or round(info.duration_s * info.mean_fps)
    return np.arange(max(1, count), dtype=np.int64)
