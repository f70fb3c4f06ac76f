"""A clinic's folder as the other readers give theirs; the preparation reads it by itself."""

# Shape suffixes: N = rows of a landmark file.

from pathlib import Path

import numpy as np

from algr.data.adapters.base import Layout, ReadOptions, Recording, SourceReading, VideoFile
from algr.data.adapters.collect import Collector
from algr.data.adapters.counts import finish
from algr.data.adapters.manifest_header import header_of
from algr.data.clinic import ClinicVideo, read_manifest
from algr.data.landmarks import landmark_path, read_landmark_csv
from algr.data.manifest import MANIFEST_FILE
from algr.errors import DataError
from algr.faces import GRADES, HOUSE_BRACKMANN_CLASS

_UNKNOWN = -1


class Clinic:
    """Reads recordings of a clinic, described by `manifest.csv`."""

    layout: Layout = "clinic"

    def recognises(self, source: Path) -> bool:
        """Whether there is a `manifest.csv` with a column of videos or patients."""
        return bool(header_of(source / MANIFEST_FILE) & {"video", "patient_id"})

    def read(self, source: Path, options: ReadOptions) -> SourceReading:
        """See `Adapter.read`; the frames are those of the landmark files."""
        del options
        findings = Collector(source)
        recordings = []
        try:
            manifest = read_manifest(source)
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
    if not path.is_file():
        findings.warn("video_missing", "no such file; it is left out", at=path)
        return None
    beside = landmark_path(path)
    try:
        track = read_landmark_csv(beside)
    except DataError as error:
        findings.warn("landmark_file", " ".join(error.message.split()), at=beside)
        return None
    if not len(track.frames):
        findings.warn("landmark_file", "holds no frame", at=beside)
        return None
    return Recording(
        name=video.video,
        subject=video.patient_id,
        pictures=VideoFile(path=path, index_N=track.frames),
        number_N=track.frames,
        labels_NA=np.empty((len(track.frames), 0), np.int8),
        landmarks_NL2=track.points_FL2,
        grade=HOUSE_BRACKMANN_CLASS.get(video.grade_hb, _UNKNOWN),
        grade_hb=video.grade_hb,
    )
