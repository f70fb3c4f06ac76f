"""A clinic's folder as the other readers give theirs; the preparation reads it by itself."""

# Shape suffixes: N = rows of a landmark file, or frames of a video without one; L = landmarks
# (49), 2 = x, y.

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.base import Layout, ReadOptions, Recording, SourceReading, VideoFile
from algr.data.adapters.collect import Collector, one_line, without_name
from algr.data.adapters.counts import finish
from algr.data.adapters.manifest_absent import manifest_problem
from algr.data.adapters.manifest_header import header_of
from algr.data.adapters.pictures import ranges_in_words
from algr.data.clinic import ClinicVideo, read_what_can_be
from algr.data.inside import ADVICE, Links
from algr.data.landmark_formats import read_landmarks
from algr.data.landmark_source import find_landmarks
from algr.data.manifest import EXPECTED_COLUMNS, MANIFEST_FILE, REQUIRED_COLUMNS
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
        path = source / MANIFEST_FILE
        recordings: list[Recording] = []
        reader = _Reader(source, findings=findings)
        try:
            reading = read_what_can_be(source)
        except DataError as error:
            found = _absent(source) or without_name(error.found, path)
            findings.refuse("manifest", found, at=path)
        else:
            if reading.are_columns_wrong:
                findings.note("manifest_columns", f"expected {EXPECTED_COLUMNS}", at=path)
            for warning in reading.manifest.warnings:
                findings.warn("manifest", without_name(warning, path), at=path)
            for video in reading.manifest.videos:
                recording = reader.recording(video)
                recordings += [recording] if recording else []
            for line, what in sorted(
                [*map(_parted, reading.problems), *reader.problems], key=lambda item: item[0]
            ):
                findings.refuse("manifest", what, at=path, line=line)
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


def _parted(problem: str) -> tuple[int, str]:
    """The line that a problem of the manifest names, and the problem."""
    line, _, what = problem.removeprefix("line ").partition(": ")
    return int(line), what


def _absent(source: Path) -> str:
    """That there is no manifest, and what may be meant instead; empty where there is one."""
    absent = why_no_file(source / MANIFEST_FILE)
    if not absent:
        return ""
    columns = ", ".join(REQUIRED_COLUMNS)
    meant = manifest_problem(source, any_workbook=True) or (
        f"expected a table with the columns {columns} and one line per recording: write one, or "
        "name the folder that holds it with --source"
    )
    return f"{absent}; {meant}"


class _Reader:
    """Makes recordings of the videos of a manifest."""

    def __init__(self, source: Path, *, findings: Collector) -> None:
        self._source = source
        self._links = Links(source)
        self._findings = findings
        self.problems: list[tuple[int, str]] = []
        """Lines of the manifest, and what is wrong with their files."""

    def recording(self, video: ClinicVideo) -> Recording | None:
        """The video with its landmarks; None where the manifest excludes it, or it is refused."""
        path = self._source / video.video
        if video.exclude_reason:
            reason = f"excluded by the manifest: {video.exclude_reason}"
            self._findings.note("excluded", reason, at=path)
            return None
        if self._links.lead_out(path):
            self._refuse_link(path, video)
            return None
        number_N, points_NL2, problem = self._frames(path, video)
        return Recording(
            name=video.video,
            subject=video.patient_id,
            pictures=VideoFile(path=path, index_N=number_N),
            number_N=number_N,
            labels_NA=np.empty((len(number_N), 0), np.int8),
            landmarks_NL2=points_NL2,
            grade=HOUSE_BRACKMANN_CLASS.get(video.grade_hb, _UNKNOWN),
            grade_hb=video.grade_hb,
            problem=problem,
            is_part=bool(video.excluded),
        )

    def _frames(
        self, path: Path, video: ClinicVideo
    ) -> tuple[NDArray[np.int64], NDArray[np.float32] | None, str]:
        """Frame numbers, points where there is a file of them, and why it cannot be used."""
        absent = why_no_file(path)
        if absent:
            self._findings.warn(
                "video_missing",
                f"{one_line(video.video)}: {absent}; the video is left out",
                at=self._source / MANIFEST_FILE,
                line=video.line,
            )
            return _NO_FRAMES, None, f"{absent} (line {video.line} of {MANIFEST_FILE})"
        source_of_points = find_landmarks(path, models=None)
        if source_of_points is None or source_of_points.path is None:
            number_N, problem = _frames_of(path, findings=self._findings)
            return number_N, None, problem
        if self._links.lead_out(source_of_points.path):
            self._refuse_link(source_of_points.path, video)
            return _NO_FRAMES, None, "its landmark file is a link that leads out of the folder"
        if source_of_points.passed_over:
            rest = ", ".join(source_of_points.passed_over)
            self._findings.warn("landmarks_passed_over", f"not used: {rest}", at=path)
        return _landmarks_of(source_of_points.path, findings=self._findings)

    def _refuse_link(self, path: Path, video: ClinicVideo) -> None:
        place = self._findings.place(path)
        problem = f"video: {place} is a link that leads out of the folder: {ADVICE}"
        self.problems.append((video.line, problem))


def _landmarks_of(
    beside: Path, *, findings: Collector
) -> tuple[NDArray[np.int64], NDArray[np.float32] | None, str]:
    """See `_frames`, of a video with a landmark file."""
    try:
        track = read_landmarks(beside)
    except DataError as error:
        found = error.in_one_line
        findings.warn("landmark_file", without_name(found, beside), at=beside)
        return _NO_FRAMES, None, found
    if not len(track.frames):
        findings.warn("landmark_file", "holds no frame", at=beside)
        return _NO_FRAMES, None, f"{beside.name}: holds no frame"
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
    return track.frames, track.points_FL2, ""


def _frames_of(video: Path, *, findings: Collector) -> tuple[NDArray[np.int64], str]:
    """Numbers of the frames that a video's head promises, or why it has none."""
    try:
        info = probe_video(video)
    except DataError as error:
        problem = without_name(error.found, video)
        findings.warn("unreadable", problem, at=video)
        return _NO_FRAMES, problem
    count = info.frames_stated or round(info.duration_s * info.mean_fps)
    return np.arange(max(1, count), dtype=np.int64), ""
