"""How near preparation comes to the time that decoding alone takes.

    python benchmarks/preparation.py [--frames 1500] [--subjects 4] [--jobs 2]

Drawn faces are written as a DISFA source (videos of 1024 x 768 pixels) into a temporary folder that
is removed afterwards. Then, of the same videos and in as many processes:

- *decoding*: every frame decoded and converted to RGB, and nothing else;
- *preparation*: `algr data prepare disfa`: labels, landmarks, decoding, alignment to 200 x 200,
  digests, checked shards on the disk. The command's start-up is in the figure; a second
  preparation of a tenth of the frames tells it apart.

Simulating 6,000 frames takes about 80 seconds on two CPUs.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from algr.data.video import iterate_video


@dataclass(frozen=True)
class Timed:
    """Frames, and the seconds that they took."""

    frames: int
    seconds: float


def decode(path: Path) -> int:
    """All frames of a video, in one thread."""
    return sum(1 for _ in iterate_video(path, fps=None, threads=1))


def time_decoding(source: Path, *, jobs: int) -> Timed:
    """Seconds after the processes have started."""
    videos = sorted((source / "Videos_LeftCamera").iterdir())
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        list(pool.map(abs, range(jobs)))
        began = time.perf_counter()
        frames = sum(pool.map(decode, videos))
        return Timed(frames, time.perf_counter() - began)


def algr(*words: str | Path) -> None:
    """Type a command.

    Raises:
        SystemExit: It failed; what it said is shown.
    """
    command = [sys.executable, "-m", "algr", *map(str, words)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(run.stderr)


def simulate(source: Path, *, frames: int, subjects: int, jobs: int) -> None:
    """A DISFA source of drawn faces."""
    options = ("--frames", str(frames), "--subjects", str(subjects), "--jobs", str(jobs))
    algr("data", "simulate", "disfa", source, *options)


def time_preparation(source: Path, home: Path, *, frames: int, jobs: int) -> Timed:
    """Seconds of the whole command."""
    began = time.perf_counter()
    where = ("--source", source, "--data-home", home)
    algr("data", "prepare", "disfa", *where, "--name", "disfa", "--jobs", str(jobs))
    return Timed(frames, time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=1500, help="of each subject")
    parser.add_argument("--subjects", type=int, default=4)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    few = max(options.frames // 10, 20)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, frames in (("whole", options.frames), ("part", few)):
            simulate(root / name, frames=frames, subjects=options.subjects, jobs=options.jobs)
        decoded = time_decoding(root / "whole", jobs=options.jobs)
        whole, part = (
            time_preparation(
                root / name,
                root / f"{name}-home",
                frames=frames * options.subjects,
                jobs=options.jobs,
            )
            for name, frames in (("whole", options.frames), ("part", few))
        )
    per_frame = (whole.seconds - part.seconds) / (whole.frames - part.frames)
    decoding = decoded.seconds / decoded.frames
    print(f"{options.subjects} videos of 1024 x 768, {options.jobs} processes")
    print(f"decoding alone    {decoded.frames / decoded.seconds:7.0f} frames/s")
    print(
        f"preparation       {1 / per_frame:7.0f} frames/s, {per_frame / decoding:.2f} x the time; "
        f"start-up {part.seconds - few * options.subjects * per_frame:.1f} s"
    )
    print(f"whole command     {whole.frames / whole.seconds:7.0f} frames/s, {whole.frames} frames")


if __name__ == "__main__":
    main()
