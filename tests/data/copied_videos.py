"""Copies of a video and its landmarks, as they come into a clinic under another name."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from algr.data.landmarks import HEADER, read_landmark_csv
from algr.data.video import iterate_video

Points = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Copy:
    """How a copy differs from its original."""

    crf: int = 23
    scale: float = 1.0
    first: int = 0
    """Frame that the copy begins with."""
    jitter_px: float = 0.0
    """Standard deviation of what is added to each landmark."""
    is_remuxed: bool = False


def copy_take(folder: Path, old: str, new: str, copy: Copy) -> None:
    """Write the video and landmark file of `new` from those of `old`."""
    source, target = folder / old, folder / new
    if copy.is_remuxed:
        remux(source, target)
    else:
        frames = [frame.image_HWC for frame in iterate_video(source, fps=None)][copy.first :]
        encode(target, [scaled(frame, copy.scale) for frame in frames], crf=copy.crf)
    track = read_landmark_csv(source.with_name(f"{source.stem}_land.csv"))
    points = np.asarray(track.points_FL2, float)[copy.first :] * copy.scale
    points += np.random.default_rng(1).normal(0, 1, points.shape) * copy.jitter_px
    write_points(target.with_name(f"{target.stem}_land.csv"), points)


def write_points(path: Path, points: Iterable[Points]) -> None:
    lines = [",".join(HEADER)]
    lines += [
        f"{number}," + ",".join(f"{value:.2f}" for value in face.ravel())
        for number, face in enumerate(points)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def scaled(image: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    height, width = (2 * round(side * scale / 2) for side in image.shape[:2])
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(resized, np.uint8)


def encode(path: Path, images: list[NDArray[np.uint8]], *, crf: int, fps: int = 12) -> None:
    """H.264; a high `crf` is a low bit rate."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.height, stream.width = images[0].shape[:2]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        stream.codec_context.thread_count = 1
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def remux(source: Path, target: Path) -> None:
    """The same coded pictures in another file, with other bytes about them."""
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        new.metadata["title"] = "a copy"
        stream = new.add_stream_from_template(old.streams.video[0])
        for packet in old.demux(old.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                new.mux(packet)


def give_to(folder: Path, name: str, patient: str, change: Callable[[str], str] = str) -> None:
    """A line of the manifest: the video, its patient, grade 2."""
    path = folder / "manifest.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    values = {"video": name, "patient_id": patient, "grade_hb": "2"}
    line = change(",".join(values.get(column, "") for column in header.split(",")))
    path.write_text("\n".join([header, *lines, line]) + "\n", encoding="utf-8")
