"""Writing what a camera leaves behind: videos, and the landmarks beside them."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from algr.faces import NUM_LANDMARKS

TIME_BASE = 90_000


def write_video(
    path: Path, frames: Iterable[npt.NDArray[np.uint8]], *, video_fps: float, size: tuple[int, int]
) -> None:
    """Write RGB frames as an mp4, under a temporary name until it is whole.

    Args:
        path: The file; its folder exists.
        frames: Images (height, width, 3).
        video_fps: Frames per second.
        size: Width and height in pixels, both even.
    """
    import av

    part = path.with_name(path.name + ".part")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264",
            rate=Fraction(video_fps).limit_denominator(1001),
            options={"crf": "24", "preset": "ultrafast"},
        )
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    part.replace(path)


def write_avi(
    path: Path, frames: Iterable[npt.NDArray[np.uint8]], *, video_fps: int, size: tuple[int, int]
) -> None:
    """Write RGB frames as MPEG-4 in an AVI file, under a temporary name until it is whole.

    Args:
        path: The file; its folder exists.
        frames: Images (height, width, 3).
        video_fps: Frames per second.
        size: Width and height in pixels, both even.
    """
    import av

    part = path.with_name(path.name + ".part")
    with av.open(str(part), "w", format="avi") as container:
        stream = container.add_stream("mpeg4", rate=video_fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        # About a tenth of a byte per pixel: faces stay clear, and files small.
        stream.bit_rate = round(0.8 * size[0] * size[1] * video_fps)
        stream.codec_context.thread_count = 1
        for image in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    part.replace(path)


def write_landmarks(path: Path, landmarks_FL2: npt.NDArray[np.float64]) -> None:
    """Write `frame,x0,y0,…` with two decimals, 0-based pixels of the displayed frame."""
    header = ",".join(["frame", *(f"{axis}{i}" for i in range(NUM_LANDMARKS) for axis in "xy")])
    lines = [header]
    for frame, points_L2 in enumerate(landmarks_FL2):
        values = ",".join(f"{value:.2f}" for value in points_L2.ravel())
        lines.append(f"{frame},{values}")
    write_text(path, "\n".join(lines) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
