"""Videos that are decoded but not yet part of a dataset: an Arrow file and a record each."""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from algr.data.fingerprint import FrameDigest, frame_digests, video_digest
from algr.data.refusal import RESUMABLE
from algr.data.rows import FrameRows, frame_schema, to_batch, views_of
from algr.data.sketch import Sketches
from algr.data.videos import VideoRecord, parse_video
from algr.durable import held, sync, write_whole
from algr.errors import AlgrError, DataError

STAGING = ".staging"
_RECORD_FORM = 3
"""Of the record files; a video whose record has another form is decoded again."""


@dataclass(frozen=True, kw_only=True)
class StagedVideo:
    """A decoded video on disk."""

    path: Path
    record: VideoRecord
    group: str
    """Subjects of one group never stand on two sides of a fold; empty: the subject alone."""
    frame_digests: tuple[FrameDigest, ...]
    warnings: tuple[str, ...] = ()
    """What was noticed while it was decoded; without its name, which is not to be stored."""

    def sketches(self) -> Sketches:
        """Of some of its frames."""
        return Sketches.load(_sketches_path(self.path))

    @property
    def bytes_on_disk(self) -> int:
        """Room that its frames take in a dataset, about."""
        return self.path.stat().st_size

    def batches(self) -> Iterator[FrameRows]:
        """The frames in their order, as views of the mapped file."""
        if not self.record.frames_kept:
            return
        with pa.memory_map(str(self.path)) as source, pa.ipc.open_file(source) as reader:
            for index in range(reader.num_record_batches):
                yield views_of(reader.get_batch(index))


def staging_path(directory: Path) -> Path:
    """Where the videos of a dataset to be are staged."""
    return directory.parent / f".{directory.name}{STAGING}"


@contextmanager
def staging_folder(directory: Path) -> Iterator[Path]:
    """The hidden folder beside a dataset to be; one process at a time has it.

    It is removed when the work is done or refused, and stays when the work is broken off.

    Raises:
        DataError: Another process prepares the same dataset.
    """
    folder = staging_path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    busy = DataError(
        f"dataset {directory.name!r} is being prepared by another process",
        expected="one preparation of a dataset at a time",
        advice="wait for it, or choose another --name",
    )
    with held(folder / "lock", otherwise=busy):
        for partial in folder.glob("*.part"):
            partial.unlink()
        try:
            yield folder
        except RESUMABLE:
            raise
        except AlgrError:
            shutil.rmtree(folder)
            raise
        shutil.rmtree(folder)


def discard_staging(directory: Path) -> None:
    """Remove what a preparation left that was killed after its dataset was whole.

    A folder that another process works in is left alone.
    """
    if staging_path(directory).exists():
        with suppress(DataError), staging_folder(directory):
            pass


class StageWriter:
    """Writes one video into a staging folder; what is not closed leaves no trace that counts.

    The record file is written last and renamed into place, so a video is staged if and only if
    its record exists.
    """

    def __init__(self, folder: Path, *, key: str, num_labels: int) -> None:
        self._final = folder / f"{key}.arrow"
        self._partial = folder / f"{key}.{os.getpid()}.part"
        self._schema = frame_schema(num_labels)
        self._sink = pa.OSFile(str(self._partial), "wb")
        self._writer = pa.ipc.new_file(self._sink, self._schema)
        self._digests: list[FrameDigest] = []

    def __enter__(self) -> Self:
        """The writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, and remove it unless `close` made it final."""
        self._close_file()
        self._partial.unlink(missing_ok=True)

    def add(self, rows: FrameRows) -> None:
        """Append frames; give them in lots of `ROWS_PER_BATCH`."""
        self._digests += frame_digests(rows)
        self._writer.write_batch(to_batch(rows, self._schema))

    def close(
        self,
        record: VideoRecord,
        *,
        group: str,
        sketches: Sketches | None = None,
        warnings: Sequence[str] = (),
    ) -> StagedVideo:
        """Make the video final.

        Args:
            record: Of the video; its digest and count of frames are filled in here.
            group: See `StagedVideo`.
            sketches: Of some of its frames; None for none.
            warnings: See `StagedVideo`.
        """
        self._close_file()
        (sketches or Sketches.of(())).save(_sketches_path(self._final))
        sync(_sketches_path(self._final))
        sync(self._partial)  # the record that follows vouches for it
        self._partial.replace(self._final)
        staged = StagedVideo(
            path=self._final,
            record=replace(
                record,
                digest=video_digest(digest.whole for digest in self._digests),
                frames_kept=len(self._digests),
            ),
            group=group,
            frame_digests=tuple(self._digests),
            warnings=tuple(warnings),
        )
        _write_record(staged, bytes_on_disk=self._final.stat().st_size)
        return staged

    def _close_file(self) -> None:
        if not self._sink.closed:
            self._writer.close()
            self._sink.close()


def _record_path(path: Path) -> Path:
    return path.with_suffix(".json")


def _sketches_path(path: Path) -> Path:
    return path.with_suffix(".npz")


def _write_record(staged: StagedVideo, *, bytes_on_disk: int) -> None:
    values = {
        "form": _RECORD_FORM,
        "bytes": bytes_on_disk,
        "record": asdict(staged.record),
        "group": staged.group,
        "frame_digests": [
            [digest.whole.hex(), digest.picture.hex()] for digest in staged.frame_digests
        ],
        "warnings": staged.warnings,
    }
    write_whole(_record_path(staged.path), json.dumps(values))


def find_staged(folder: Path, *, key: str) -> StagedVideo | None:
    """The video of that key, if an earlier preparation finished it; else None."""
    path = folder / f"{key}.arrow"
    try:
        values = json.loads(_record_path(path).read_text(encoding="utf-8"))
        if values["form"] != _RECORD_FORM or path.stat().st_size != values["bytes"]:
            return None
    except (FileNotFoundError, ValueError, KeyError):
        return None
    return StagedVideo(
        path=path,
        record=parse_video(values["record"]),
        group=values["group"],
        frame_digests=tuple(
            FrameDigest(whole=bytes.fromhex(whole), picture=bytes.fromhex(picture))
            for whole, picture in values["frame_digests"]
        ),
        warnings=tuple(values["warnings"]),
    )


def numbered(rows: FrameRows, *, subject: int, video: int) -> FrameRows:
    """The rows with the numbers that their subject and video have in the dataset."""
    count = len(rows)
    return replace(
        rows,
        subject=np.full(count, subject, np.int32),
        video=np.full(count, video, np.int32),
    )
