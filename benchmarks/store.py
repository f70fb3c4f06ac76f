"""What the store promises: opening 150,000 frames at once, and random batches at memory speed.

    python benchmarks/store.py [--frames 150000] [--gather-frames 15000] [--folder DIR]

Two datasets are made in a temporary folder and removed afterwards.

- *Opening*: of the size asked for. The shards are real Arrow files with real footers, labels and
  landmarks in every row; only the pixels are holes of a sparse file, because nothing of them is
  read when a dataset is opened. 150,000 frames would be 18 GB of pixels; on the disk they take
  about 130 MB.
- *Gathering*: of as many frames as fit into the page cache, with real pixels; 15,000 frames are
  1.8 GB. Batches of 64 random rows are gathered from the page cache on one core, and on two.

Opening is measured in a process of its own, after one warm-up that brings metadata into the page
cache, as the time of `PreparedDataset.open` and the growth of the resident memory.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from algr import __version__
from algr.data.assemble import ROWS_PER_SHARD
from algr.data.description import Description, FileEntry, SubjectEntry
from algr.data.rows import IMAGE_SHAPE, ROWS_PER_BATCH, FrameRows, frame_schema, to_batch
from algr.data.store import PreparedDataset
from algr.data.videos import VIDEOS_FILE, VideoRecord, write_videos

LABELS = ("AU1", "AU2", "AU4", "AU6", "AU7", "AU10", "AU12", "AU14", "AU15", "AU17", "AU23", "AU24")
VIDEOS_PER_SUBJECT = 8
FRAMES_PER_VIDEO = 447
BATCH = 64
OPEN_SCRIPT = """
import json, os, sys, time
from pathlib import Path
import algr.data.store, pyarrow
from algr.data.store import PreparedDataset
def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
before = resident()
began = time.perf_counter()
dataset = PreparedDataset.open(Path(sys.argv[1]))
seconds = time.perf_counter() - began
print(json.dumps({"seconds": seconds, "before": before, "after": resident(),
                  "frames": dataset.num_frames}))
"""


class SparseSink:
    """A file that turns long runs of zeros into holes."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self.closed = False

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        if len(view) >= 2**16 and not np.frombuffer(view, np.uint8).any():
            self._file.seek(len(view), 1)
        else:
            self._file.write(view)
        return len(view)

    def tell(self) -> int:
        return self._file.tell()

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        if not self.closed:
            self._file.truncate(self._file.tell())
            self._file.close()
            self.closed = True

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def rows_of(start: int, count: int, *, images: np.ndarray) -> FrameRows:
    rng = np.random.default_rng(start)
    video = (start + np.arange(count)) // FRAMES_PER_VIDEO
    return FrameRows(
        image=images[:count],
        landmarks=rng.uniform(0, 200, (count, 49, 2)).astype(np.float32),
        labels=rng.integers(0, 2, (count, len(LABELS)), dtype=np.int8),
        grade=np.full(count, -1, np.int8),
        grade_hb=np.full(count, -1, np.int8),
        subject=(video // VIDEOS_PER_SUBJECT).astype(np.int32),
        video=video.astype(np.int32),
        frame=(start + np.arange(count)) % FRAMES_PER_VIDEO,
        time_s=np.arange(count) / 25,
        exercise=np.full(count, -1, np.int8),
        inter_ocular_px=np.full(count, 200, np.float32),
    )


def make_dataset(directory: Path, *, frames: int, has_pixels: bool) -> None:
    """Written as `assemble` writes it, without checksums of shards, which opening does not read."""
    directory.mkdir(parents=True)
    schema = frame_schema(len(LABELS))
    noise = np.random.default_rng(0).integers(0, 256, (ROWS_PER_BATCH, *IMAGE_SHAPE), np.uint8)
    images = noise if has_pixels else np.zeros_like(noise)
    shards = []
    for first in range(0, frames, ROWS_PER_SHARD):
        path = directory / f"frames-{len(shards):05d}.arrow"
        rows = min(ROWS_PER_SHARD, frames - first)
        sink = pa.PythonFile(SparseSink(path), mode="w")
        with pa.ipc.new_file(sink, schema) as writer:
            for start in range(first, first + rows, ROWS_PER_BATCH):
                count = min(ROWS_PER_BATCH, first + rows - start)
                shifted = np.roll(images, start // ROWS_PER_BATCH, axis=1) if has_pixels else images
                writer.write_batch(to_batch(rows_of(start, count, images=shifted), schema))
        sink.close()
        size = path.stat().st_size
        shards.append(FileEntry(file=path.name, bytes=size, sha256="0" * 64, rows=rows))
    videos = (frames + FRAMES_PER_VIDEO - 1) // FRAMES_PER_VIDEO
    records = [
        VideoRecord(video_id=f"{number:016x}", subject_id=f"{number // VIDEOS_PER_SUBJECT:016x}")
        for number in range(videos)
    ]
    write_videos(directory / VIDEOS_FILE, records)
    size = (directory / VIDEOS_FILE).stat().st_size
    subjects = (videos + VIDEOS_PER_SUBJECT - 1) // VIDEOS_PER_SUBJECT
    Description(
        kind="au",
        label_names=LABELS,
        parameters={},
        fingerprint="0" * 64,
        source_digest="",
        simulated=True,
        exercises=(),
        videos_left_out=0,
        num_frames=frames,
        frames_per_grade={},
        subjects=tuple(
            SubjectEntry(
                digest=f"{number:024x}",
                subject_id=f"{number:016x}",
                frames=0,
                grade=-1,
                videos=VIDEOS_PER_SUBJECT,
                group=f"{number:016x}",
            )
            for number in range(subjects)
        ),
        videos=FileEntry(file=VIDEOS_FILE, bytes=size, sha256="0" * 64, rows=videos),
        shards=tuple(shards),
        algr_version=__version__,
    ).write(directory)


def measure_opening(directory: Path) -> dict[str, float]:
    runs = []
    for _ in range(4):
        command = [sys.executable, "-c", OPEN_SCRIPT, str(directory)]
        runs.append(json.loads(subprocess.check_output(command, text=True)))
    best = min(runs[1:], key=lambda run: run["seconds"])
    worst = max(run["seconds"] for run in runs)
    return best | {"slowest": worst}


def measure_gathering(dataset: PreparedDataset, *, threads: int, seconds: float) -> float:
    def gather(seed: int) -> int:
        rng = np.random.default_rng(seed)
        done = 0
        while time.perf_counter() < deadline:
            dataset.gather(rng.integers(0, dataset.num_frames, BATCH))
            done += BATCH
        return done

    began = time.perf_counter()
    deadline = began + seconds
    with ThreadPoolExecutor(threads) as pool:
        total = sum(pool.map(gather, range(threads)))
    return total / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=150_000)
    parser.add_argument("--gather-frames", type=int, default=15_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--folder", type=Path, default=None)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        make_dataset(folder / "sparse", frames=options.frames, has_pixels=False)
        opened = measure_opening(folder / "sparse")
        used = sum(path.stat().st_blocks * 512 for path in (folder / "sparse").iterdir())
        shown = sum(path.stat().st_size for path in (folder / "sparse").iterdir())
        print(
            f"opening {opened['frames']:,} frames ({shown / 1e9:.1f} GB, {used / 1e6:.0f} MB on "
            "the disk: pixels are holes)"
        )
        print(f"  {opened['seconds']:.3f} s (slowest of 4: {opened['slowest']:.3f} s)")
        print(f"  resident memory {opened['before']:.0f} -> {opened['after']:.0f} MiB")
        shutil.rmtree(folder / "sparse")
        make_dataset(folder / "dense", frames=options.gather_frames, has_pixels=True)
        dataset = PreparedDataset.open(folder / "dense")
        for rows in dataset.batches():  # into the page cache
            rows.image[:, ::16, ::16].sum()
        print(
            f"random batches of {BATCH} from {dataset.num_frames:,} frames in the page cache "
            f"({dataset.num_frames * 0.12 / 1000:.1f} GB), {os.cpu_count()} CPUs"
        )
        for threads in (1, 2):
            rate = measure_gathering(dataset, threads=threads, seconds=options.seconds)
            print(
                f"  {threads} thread{'s' * (threads > 1)}: {rate:,.0f} images/s "
                f"({rate * 0.12 / 1000:.1f} GB/s)"
            )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
