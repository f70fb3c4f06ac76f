"""One recording of a reader to one staged recording: pictures or frames of a video, with labels."""

# Shape suffixes: N = frames of the recording, H, W = rows, columns, C = RGB; L = landmarks (49),
# 2 = x, y.

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import ImageFiles, Recording, VideoFile
from algr.data.adapters.pictures import ranges_in_words
from algr.data.align import ALIGNMENT_VERSION
from algr.data.buffer import FrameBuffer, Stamp
from algr.data.description import SCHEMA_VERSION
from algr.data.fields import FIELDS_VERSION
from algr.data.file_digest import file_digest
from algr.data.fingerprint import canonical_json
from algr.data.images import PICTURES_VERSION, PictureError, load_picture
from algr.data.jobs import Control, Inspection, Outcome, StoppedError
from algr.data.staging import StagedVideo, StageWriter, find_staged
from algr.data.standstill import StandstillMeter, repeated_places, standstill_warnings
from algr.data.usable import NO_FRAME, NO_POINTS, REPEATED, UNREADABLE, face_problem
from algr.data.video import DECODING_VERSION, iterate_video, probe_video, watch_video
from algr.data.videos import Rejection, VideoRecord
from algr.data.words import counted
from algr.errors import DataError

BEYOND = "no such frame in the video"
_MAX_SURPLUS_FRAMES = 15
_UNREADABLE_MARK = b"unreadable"
_NAMELESS = re.compile(r"\[picture (\d+)\]")


@dataclass(frozen=True, kw_only=True)
class RecordingJob:
    """All that is needed to stage one recording."""

    recording: Recording
    record: VideoRecord
    """Ids (hashed), grades, and what the reading has left out."""
    group: str
    """Hashed; empty: the subject alone."""
    drop_repeats: bool = False
    """Leave out frames that repeat the one before."""

    @property
    def label(self) -> str:
        """See `Job.label`."""
        return self.recording.name

    @property
    def num_labels(self) -> int:
        """Action units per frame."""
        return int(self.recording.labels_NA.shape[1])

    def inspect(self) -> Inspection:
        """See `Job.inspect`; a picture that cannot be read costs its frame alone."""
        key = hashlib.sha256(self._text().encode())
        problem = ""
        warnings: list[str] = []
        repeated: list[int] = []
        for values in self._arrays():
            key.update(hashlib.sha256(np.ascontiguousarray(values).data).digest())
        pictures = self.recording.pictures
        if isinstance(pictures, ImageFiles):
            digests = [_digest_or_mark(path) for path in pictures.paths]
            key.update(b"".join(digests))
            repeated = _equal_to_the_one_before(digests)
            warnings += self._repeats_in_words(repeated)
        else:
            try:
                key.update(file_digest(pictures.path))
                if probe_video(pictures.path).is_interlaced:
                    key.update(b"fields %d" % FIELDS_VERSION)
                    warnings.append(f"{self.label}: interlaced; one field of each frame is used")
            except DataError as error:
                problem = error.in_one_line
        return Inspection(
            key=key.hexdigest(),
            frames_expected=len(self.recording.number_N),
            duration_s=self._duration_s(),
            warnings=tuple(warnings),
            problem=problem,
            repeated_rows=tuple(repeated),
        )

    def stage(self, inspection: Inspection, folder: Path, control: Control) -> Outcome:
        """See `Job.stage`.

        Raises:
            StoppedError: `control` says so; nothing of the recording is kept.
        """
        warnings = inspection.warnings
        staged = find_staged(folder, key=inspection.key)
        if staged is None:
            try:
                staged = _decode(self, inspection, folder, control)
            except DataError as error:
                return Outcome(staged=None, problem=error.in_one_line)
        warnings += tuple(self._with_names(warning) for warning in staged.warnings)
        if not staged.record.frames_kept:
            reasons = ", ".join(f"{part.frames} {part.reason}" for part in staged.record.rejections)
            return Outcome(
                staged=None,
                warnings=warnings,
                problem=f"{NO_FRAME} ({reasons})",
            )
        return Outcome(staged=staged, warnings=warnings)

    def time_s(self, row: int) -> float:
        """Seconds of a frame, as stated or from its number; NaN where nothing tells."""
        recording = self.recording
        if recording.time_N is not None:
            return float(recording.time_N[row])
        if recording.fps is None:
            return float("nan")
        return (int(recording.number_N[row]) - 1) / recording.fps

    def _with_names(self, warning: str) -> str:
        """A warning as it is told, not as it is stored."""
        pictures = self.recording.pictures
        if isinstance(pictures, ImageFiles):
            paths = pictures.paths
            warning = _NAMELESS.sub(lambda found: paths[int(found[1])].name, warning)
        return f"{self.label}: {warning}"

    def _repeats_in_words(self, rows: Sequence[int]) -> list[str]:
        """What is said of pictures that are the one before, byte by byte."""
        if not rows:
            return []
        numbers = ranges_in_words(self.recording.number_N[list(rows)].tolist(), limit=6)
        fate = "left out" if self.drop_repeats else "kept"
        return [
            f"{self.label}: {len(rows)} of {len(self.recording.number_N)} pictures are byte by "
            f"byte the one before: {numbers}; they are {fate}"
        ]

    def _duration_s(self) -> float:
        fps = self.recording.fps
        return len(self.recording.number_N) / fps if fps else 0.0

    def _text(self) -> str:
        return canonical_json(
            {
                "record": asdict(self.record),
                "group": self.group,
                "fps": self.recording.fps,
                "is_video": isinstance(self.recording.pictures, VideoFile),
                "shape": self.recording.labels_NA.shape,
                **({"drop_repeats": True} if self.drop_repeats else {}),
                "versions": [
                    ALIGNMENT_VERSION,
                    DECODING_VERSION,
                    PICTURES_VERSION,
                    SCHEMA_VERSION,
                ],
            }
        )

    def _arrays(self) -> Iterator[NDArray[np.generic]]:
        recording = self.recording
        yield recording.number_N
        yield recording.labels_NA
        if recording.landmarks_NL2 is not None:
            yield recording.landmarks_NL2
        if recording.time_N is not None:
            yield recording.time_N
        if isinstance(recording.pictures, VideoFile):
            yield recording.pictures.index_N


def _digest_or_mark(path: Path) -> bytes:
    try:
        return file_digest(path)
    except DataError:
        return _UNREADABLE_MARK


def _nameless(row: int) -> str:
    """What stands for the name of a picture in what is stored."""
    return f"[picture {row}]"


def _equal_to_the_one_before(digests: Sequence[bytes]) -> list[int]:
    return [
        row
        for row in range(1, len(digests))
        if digests[row] == digests[row - 1] != _UNREADABLE_MARK
    ]


@dataclass(frozen=True, kw_only=True)
class _Picture:
    row: int
    image_HWC: NDArray[np.uint8] | None
    """None where it cannot be read."""


def _decode(
    job: RecordingJob, inspection: Inspection, folder: Path, control: Control
) -> StagedVideo:
    rejected = Counter({part.reason: part.frames for part in job.record.rejections})
    buffer = FrameBuffer(job.record, num_labels=job.num_labels, frames=inspection.frames_expected)
    warnings: list[str] = []
    with StageWriter(folder, key=inspection.key, num_labels=job.num_labels) as stage:
        for picture in _pictures(job, inspection, rejected, warnings):
            if control.is_stopped():
                raise StoppedError
            reason = _add(picture, job=job, buffer=buffer)
            rejected[reason] += 1 if reason else 0
            if buffer.is_full:
                stage.add(buffer.take())
            control.count_frame()
        if not buffer.is_empty:
            stage.add(buffer.take())
        rejections = tuple(
            Rejection(reason=reason, frames=count)
            for reason, count in sorted(rejected.items())
            if count
        )
        record = replace(job.record, rejections=rejections, duration_s=inspection.duration_s)
        return stage.close(record, group=job.group, sketches=buffer.sketches(), warnings=warnings)


def _add(picture: _Picture, *, job: RecordingJob, buffer: FrameBuffer) -> str:
    """Take the frame into the buffer, or say why not."""
    if picture.image_HWC is None:
        return UNREADABLE
    recording, row = job.recording, picture.row
    landmarks_L2 = None if recording.landmarks_NL2 is None else recording.landmarks_NL2[row]
    height, width = picture.image_HWC.shape[:2]
    reason = face_problem(landmarks_L2, height=height, width=width)
    if landmarks_L2 is None:
        return NO_POINTS
    if not reason:
        stamp = Stamp(frame=int(recording.number_N[row]), time_s=job.time_s(row))
        labels_A = recording.labels_NA[row]
        buffer.add(picture.image_HWC, landmarks_L2, stamp=stamp, labels_A=labels_A)
    return reason


def _pictures(
    job: RecordingJob, inspection: Inspection, rejected: Counter[str], warnings: list[str]
) -> Iterator[_Picture]:
    pictures = job.recording.pictures
    if isinstance(pictures, ImageFiles):
        dropped = frozenset(inspection.repeated_rows if job.drop_repeats else ())
        rejected[REPEATED] += len(dropped)
        yield from _from_files(pictures, dropped, warnings)
    else:
        yield from _from_video(job, pictures, rejected, warnings)


def _from_files(
    pictures: ImageFiles, dropped: Collection[int], warnings: list[str]
) -> Iterator[_Picture]:
    unreadable: list[str] = []
    for row, path in enumerate(pictures.paths):
        if row in dropped:
            continue
        try:
            image_HWC = load_picture(path)
        except PictureError as error:
            reason = str(error).replace(path.name, _nameless(row))
            unreadable.append(f"{_nameless(row)} ({reason})")
            yield _Picture(row=row, image_HWC=None)
        else:
            yield _Picture(row=row, image_HWC=image_HWC)
    if unreadable:
        warnings.append(
            f"{counted(len(unreadable), 'picture')} cannot be read, such as {unreadable[0]}"
        )


def _from_video(
    job: RecordingJob, video: VideoFile, rejected: Counter[str], warnings: list[str]
) -> Iterator[_Picture]:
    row_of = {index: row for row, index in enumerate(video.index_N.tolist())}
    meter = watch_video(video.path) if job.drop_repeats else StandstillMeter()
    repeated = repeated_places(meter.found())
    told = None if job.drop_repeats else meter
    seen = -1

    def is_wanted(index: int) -> bool:
        nonlocal seen
        seen = index
        return index in row_of and index not in repeated

    for frame in iterate_video(video.path, fps=None, threads=1, wanted=is_wanted, meter=told):
        yield _Picture(row=row_of[frame.index], image_HWC=frame.image_HWC)
    rejected[REPEATED] += len(repeated & row_of.keys())
    warnings += standstill_warnings(meter, sampled=row_of.keys(), are_kept=not job.drop_repeats)
    beyond = sum(not 0 <= index <= seen for index in row_of)
    rejected[BEYOND] += beyond
    if beyond:
        warnings.append(
            f"the video has {seen + 1} frames, so that {beyond} labelled ones are not in "
            "it; is it cut, or of another frame rate?"
        )
    surplus = seen + 1 - video.frames_labelled
    if video.frames_labelled and surplus > _MAX_SURPLUS_FRAMES:
        warnings.append(
            f"the video goes on for {surplus} frames after the last labelled one; the "
            "first frame is taken to be the first labelled one: look at some frames"
        )
