"""Any pictures or videos that a `manifest.csv` describes, a line per frame."""

# Shape suffixes: N = frames of a recording, A = action units, L = landmarks (49), 2 = x, y.

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters.base import (
    ImageFiles,
    Layout,
    ReadOptions,
    Recording,
    SourceReading,
    VideoFile,
)
from algr.data.adapters.collect import Collector, one_line
from algr.data.adapters.counts import finish
from algr.data.adapters.manifest_header import header_of
from algr.data.adapters.manifest_landmarks import LandmarkFile, read_landmark_file
from algr.data.adapters.manifest_rows import Row, Table, read_table
from algr.data.adapters.matlab import UnreadableError
from algr.data.adapters.pictures import is_picture, is_video
from algr.data.adapters.tables import LabelParser, ValueRule
from algr.data.identity import composed, folded_id
from algr.data.inside import ADVICE, Links
from algr.data.landmarks import landmark_path
from algr.data.manifest import MANIFEST_FILE
from algr.data.presence import ABSENT, why_no_file
from algr.data.rows import UNKNOWN
from algr.faces import GRADES, HOUSE_BRACKMANN_CLASS, NUM_LANDMARKS


class Manifest:
    """Reads a table of pictures or of frames of videos."""

    layout: Layout = "manifest"

    def recognises(self, source: Path) -> bool:
        """Whether there is a `manifest.csv` with a column `file` or `subject`."""
        names = header_of(source / MANIFEST_FILE)
        return bool(names & {"file", "subject"}) and not names & {"video", "patient_id"}

    def read(self, source: Path, options: ReadOptions) -> SourceReading:
        """See `Adapter.read`."""
        findings = Collector(source)
        rule = ValueRule(highest=5 if options.intensities else 1, advice=_ADVICE)
        parser = LabelParser(rule=rule, findings=findings)
        path = source / MANIFEST_FILE
        table = read_table(path, wanted=options.label_names, parser=parser, findings=findings)
        recordings: list[Recording] = []
        if table:
            links = Links(source)
            rows = _usable(table, source=source, links=links, findings=findings)
            rows = _without_copies(rows, at=path, findings=findings)
            _check_subjects(rows, at=path, findings=findings)
            builder = _Builder(source, table=table, options=options, links=links, findings=findings)
            recordings = [
                recording
                for name, owned in _by_recording(rows).items()
                if (recording := builder.recording(name, owned))
            ]
            if options.frame_offset:
                _refuse_offset_of_pictures(recordings, findings=findings)
        is_grade = table is not None and not table.label_names
        return finish(
            SourceReading(
                layout="manifest",
                variant="grades" if is_grade else "action units",
                kind="grade" if is_grade else "au",
                label_names=GRADES if is_grade or table is None else table.label_names,
                recordings=tuple(recordings),
                findings=(),
                parameters={
                    "threshold": options.threshold if options.intensities else None,
                    "landmark_base": options.landmark_base,
                    "frame_offset": options.frame_offset or 0,
                },
                missing_codes=dict(parser.missing),
            ),
            source=source,
            parts={},
            findings=findings,
            swap_axes=options.swap_axes,
        )


_ADVICE = "Intensities need --threshold"


def _usable(table: Table, *, source: Path, links: Links, findings: Collector) -> list[Row]:
    """The lines whose file is there and is a picture, or a video with a frame number."""
    manifest = source / MANIFEST_FILE
    usable = []
    for row in table.rows:
        if not row.file:
            continue
        if not (is_picture(row.file) or is_video(row.file)):
            findings.refuse(
                "manifest_line",
                f"file: {one_line(row.file)!r}; expected the name of a picture or a video",
                at=manifest,
                line=row.line,
            )
            continue
        if links.lead_out(source / row.file):
            findings.refuse(
                "manifest_line",
                f"file: {one_line(row.file)} is a link that leads out of the folder: {ADVICE}",
                at=manifest,
                line=row.line,
            )
            continue
        absent = why_no_file(source / row.file)
        lacks_frame = is_video(row.file) and row.frame is None and row.is_frame_read
        if lacks_frame:
            findings.refuse(
                "manifest_line",
                "frame: empty; expected the 0-based frame of the video",
                at=manifest,
                line=row.line,
            )
        if absent:
            name = one_line(row.file)
            found = f"no file {name}" if absent == ABSENT else f"{name} {absent}"
            findings.warn(
                "file_missing",
                f"{found}; the frame is left out",
                at=manifest,
                line=row.line,
            )
        usable += [row] if not absent and row.is_whole and not lacks_frame else []
    return usable


def _without_copies(rows: Sequence[Row], *, at: Path, findings: Collector) -> list[Row]:
    """Without lines of one picture and subject that stand there twice.

    Of lines with a frame number it is told where recordings are put together.
    """
    first: dict[tuple[str, str], Row] = {}
    kept = []
    for row in rows:
        known = row
        if row.frame is None:
            known = first.setdefault((row.file, composed(row.subject)), row)
        if known is row:
            kept.append(row)
            continue
        findings.refuse(
            "manifest_line",
            f"{one_line(row.file)} of this subject stands in line {known.line} already; expected "
            "one line per picture: remove one of them",
            at=at,
            line=row.line,
        )
    return kept


def _check_subjects(rows: Sequence[Row], *, at: Path, findings: Collector) -> None:
    """One group per subject, and one spelling."""
    first: dict[str, Row] = {}
    spelt: dict[str, Row] = {}
    for row in rows:
        known = first.setdefault(composed(row.subject), row)
        if known.group != row.group:
            findings.refuse(
                "group_differs",
                f"group: {row.group!r} here and {known.group!r} in line {known.line} for one "
                "subject; expected one group",
                at=at,
                line=row.line,
            )
        other = spelt.setdefault(folded_id(row.subject), row)
        if known is row and composed(other.subject) != composed(row.subject):
            findings.warn(
                "similar_subjects",
                f"the subject differs from that of line {other.line} in capitals, spaces or the "
                "zeros of a number only and is taken for another person",
                at=at,
                line=row.line,
            )


def _by_recording(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """A video is a recording, and so are the pictures of one subject in one folder."""
    owners: dict[str, set[str]] = defaultdict(set)
    grouped: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        place = row.file if is_video(row.file) else str(PurePosixPath(row.file).parent)
        owners[place].add(row.subject)
        grouped[place, row.subject].append(row)
    return {
        place if len(owners[place]) == 1 else f"{place} of {subject}": owned
        for (place, subject), owned in grouped.items()
    }


def _refuse_offset_of_pictures(recordings: Sequence[Recording], *, findings: Collector) -> None:
    """Lines of pictures name the picture itself, so that there is nothing to move."""
    named = [part.name for part in recordings if isinstance(part.pictures, ImageFiles)]
    if named:
        findings.refuse(
            "frame_offset_of_pictures",
            f"--frame-offset moves frames of videos; the lines of {len(named)} recordings, such as "
            f"{one_line(named[0])}, name pictures: name the right ones there, and leave it out",
        )


class _Builder:
    """Makes recordings of rows; landmark files are read once each."""

    def __init__(
        self,
        source: Path,
        *,
        table: Table,
        options: ReadOptions,
        links: Links,
        findings: Collector,
    ) -> None:
        self._source = source
        self._table = table
        self._options = options
        self._links = links
        self._findings = findings
        self._files: dict[str, LandmarkFile | None] = {}

    def recording(self, name: str, rows: Sequence[Row]) -> Recording | None:
        """The frames of one recording in the order of their numbers."""
        if any(row.frame is not None for row in rows):
            rows = [row for row in rows if self._has_frame(row)]
        numbers = [row.frame if row.frame is not None else i for i, row in enumerate(rows)]
        order = self._order(numbers, rows)
        if not order:
            return None
        kept = [rows[place] for place in order]
        number_N = np.asarray([numbers[place] for place in order], np.int64)
        grade_hb = self._grade(kept)
        first = kept[0]
        time_N = np.asarray([row.time_s for row in kept])
        return Recording(
            name=name,
            subject=first.subject,
            group=first.group,
            pictures=self._pictures(kept, number_N),
            number_N=number_N,
            labels_NA=self._labels(kept),
            landmarks_NL2=self._landmarks(kept, number_N),
            grade=HOUSE_BRACKMANN_CLASS.get(grade_hb, UNKNOWN),
            grade_hb=grade_hb,
            time_N=None if np.isnan(time_N).all() else time_N,
        )

    def _has_frame(self, row: Row) -> bool:
        if row.frame is None:
            self._refuse("frame: empty, though other lines of the recording have one", row)
        return row.frame is not None

    def _order(self, numbers: Sequence[int], rows: Sequence[Row]) -> list[int]:
        first: dict[int, int] = {}
        for place, number in enumerate(numbers):
            known = first.setdefault(number, place)
            if known != place:
                self._refuse(
                    f"frame {number} of this recording stands in line {rows[known].line} already",
                    rows[place],
                )
        return [first[number] for number in sorted(first)]

    def _grade(self, rows: Sequence[Row]) -> int:
        graded = [row for row in rows if row.grade_hb != UNKNOWN]
        for row in graded:
            if row.grade_hb != graded[0].grade_hb:
                self._refuse(
                    f"grade_hb: {row.grade_hb} here and {graded[0].grade_hb} in line "
                    f"{graded[0].line} for one recording; expected one grade",
                    row,
                )
                break
        return graded[0].grade_hb if graded else UNKNOWN

    def _pictures(self, rows: Sequence[Row], number_N: NDArray[np.int64]) -> ImageFiles | VideoFile:
        if not is_video(rows[0].file):
            return ImageFiles(paths=tuple(self._source / row.file for row in rows))
        return VideoFile(
            path=self._source / rows[0].file, index_N=number_N + (self._options.frame_offset or 0)
        )

    def _labels(self, rows: Sequence[Row]) -> NDArray[np.int8]:
        values_NA = np.asarray([row.labels for row in rows], np.int8)
        values_NA = values_NA.reshape(len(rows), len(self._table.label_names))
        if not self._options.intensities:
            return values_NA
        occurrence_NA = (values_NA >= self._options.threshold).astype(np.int8)
        occurrence_NA[values_NA == UNKNOWN] = UNKNOWN
        return occurrence_NA

    def _landmarks(
        self, rows: Sequence[Row], number_N: NDArray[np.int64]
    ) -> NDArray[np.float32] | None:
        points_NL2 = np.full((len(rows), NUM_LANDMARKS, 2), np.nan, np.float32)
        is_named = False
        for place, (row, number) in enumerate(zip(rows, number_N.tolist(), strict=True)):
            name = row.landmarks or self._beside(row)
            if not name:
                continue
            is_named = True
            file = self._file(name, row)
            points = file.at(number) if file else None
            if points is not None:
                points_NL2[place] = points
        missing = int(np.isnan(points_NL2).any(axis=(1, 2)).sum())
        if missing:
            self._findings.warn(
                "landmarks_missing",
                f"{missing} of {len(rows)} frames have no landmarks, or some without a place",
                at=self._source / rows[0].file,
                count=missing,
            )
        return points_NL2 if is_named else None

    def _beside(self, row: Row) -> str:
        if not is_video(row.file):
            return ""
        path = landmark_path(Path(row.file))
        return str(path) if str(path) in self._files or (self._source / path).is_file() else ""

    def _file(self, name: str, row: Row) -> LandmarkFile | None:
        if name not in self._files:
            path = self._source / name
            if self._links.lead_out(path):
                self._refuse(
                    f"landmarks: {one_line(name)} is a link that leads out of the folder: {ADVICE}",
                    row,
                )
                self._files[name] = None
                return None
            try:
                self._files[name] = read_landmark_file(path, base=self._options.landmark_base)
            except UnreadableError as error:
                self._files[name] = None
                self._findings.warn("landmark_file", f"{error} (of line {row.line})", at=path)
        return self._files[name]

    def _refuse(self, problem: str, row: Row) -> None:
        self._findings.refuse(
            "manifest_line", problem, at=self._source / MANIFEST_FILE, line=row.line
        )
