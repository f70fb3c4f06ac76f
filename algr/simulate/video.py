"""Writing what a camera leaves behind: videos, and the landmarks beside them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from algr.faces import NUM_LANDMARKS

TIME_BASE = 90_000


def write_video(
    path: Path,
    frames: Iterable[npt.NDArray[np.uint8]],
    *,
    video_fps: float,
    size: tuple[int, int],
    is_turned: bool = False,
    stamps: Sequence[int] | None = None,
) -> None:
    """Write RGB frames as an mp4, under a temporary name until it is whole.

    Args:
        path: The file; its folder exists.
        frames: Images (height, width, 3).
        video_fps: Frames per second.
        size: Width and height in pixels, both even.
        is_turned: Store the frames on their side, with a display matrix that sets them upright.
        stamps: When each frame is shown, in units of 1 / `TIME_BASE` s; None for even times.
    """
    import av

    part = path.with_name(path.name + ".part")
    with av.open(str(part), "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264",
            rate=Fraction(video_fps).limit_denominator(1001),
            options={"crf": "24", "preset": "ultrafast"},
        )
        stream.width, stream.height = reversed(size) if is_turned else size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        if is_turned:
            stream.set_display_rotation(90)
        if stamps is not None:
            stream.codec_context.time_base = Fraction(1, TIME_BASE)
        for index, image in enumerate(frames):
            stored = np.ascontiguousarray(np.rot90(image, k=-1)) if is_turned else image
            frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = stamps[index], Fraction(1, TIME_BASE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    part.replace(path)


def uneven_stamps(count: int, video_fps: float, rng: np.random.Generator) -> list[int]:
    """Times of frames that come too early and too late by up to a third of their distance."""
    late = rng.uniform(-1.0 / 3.0, 1.0 / 3.0, count)
    late[0] = 0.0
    return [round(float(time)) for time in (np.arange(count) + late) * (TIME_BASE / video_fps)]


def repeating(
    frames: Iterable[npt.NDArray[np.uint8]], repeated: Collection[int]
) -> Iterator[npt.NDArray[np.uint8]]:
    """The frames, where those of these numbers show the picture before them once more."""
    shown: npt.NDArray[np.uint8] | None = None
    for index, image in enumerate(frames):
        if shown is None or index not in repeated:
            shown = image
        yield shown


def write_avi(
    path: Path, frames: Iterable[npt.NDArray[np.uint8]], *, video_fps: int, size: tuple[int, int]
) -> None:
    """Write RGB frames as MPEG-4 in an AVI file, under a temporary name until it is whole.

    Args:
        path: The file; its folder exists.
        frames: Images (height, width, 3), of any one size.
        video_fps: Frames per second.
        size: Width and height of the video in pixels, both even.
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
            # Enlarged as it becomes YUV: a third of the time that it takes in RGB.
            container.mux(
                stream.encode(
                    av.VideoFrame.from_ndarray(image, format="rgb24").reformat(
                        width=size[0], height=size[1], format="yuv420p", interpolation="BICUBIC"
                    )
                )
            )
        container.mux(stream.encode())
    part.replace(path)


def write_landmarks(
    path: Path,
    landmarks_FL2: npt.NDArray[np.float64],
    *,
    no_row: Collection[int] = (),
    no_points: Collection[int] = (),
) -> None:
    """Write `frame,x0,y0,…` with two decimals, 0-based pixels of the displayed frame.

    Args:
        path: The file.
        landmarks_FL2: The points.
        no_row: Frames that are left out.
        no_points: Frames whose cells are left empty.
    """
    header = ",".join(["frame", *(f"{axis}{i}" for i in range(NUM_LANDMARKS) for axis in "xy")])
    lines = [header]
    for frame, points_L2 in enumerate(landmarks_FL2):
        if frame in no_row:
            continue
        shown = ("" if frame in no_points else f"{value:.2f}" for value in points_L2.ravel())
        values = ",".join(shown)
        lines.append(f"{frame},{values}")
    write_text(path, "\n".join(lines) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)
