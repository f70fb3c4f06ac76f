"""Frames of a video as it is displayed, taken by time. The one user of PyAV in this package.

Audio is never decoded. Colours are converted with the bit-exact integer code of the scaler, so
that the same file gives the same pixels on every machine.
"""

# Shape suffixes: H, W = displayed rows, columns; C = RGB.

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algr.data.fields import field_taker, fill_lines
from algr.data.presence import why_no_file
from algr.data.standstill import StandstillMeter
from algr.data.words import counted
from algr.errors import DataError

DECODING_VERSION = 1
"""Raised whenever the same file would give other frames or pixels. What holds for interlaced files
alone is counted by `fields.FIELDS_VERSION`."""
_FIELD_ORDER_UNKNOWN, _FIELD_ORDER_PROGRESSIVE = 0, 1
_TIME_TOLERANCE = 1e-6
_MIN_SHARE_DECODED = 0.9
_MIN_MISSING_S = 0.5


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video file says of itself."""

    duration_s: float
    """0 if it does not say."""
    mean_fps: float
    """0 if it does not say."""
    frames_stated: int
    """0 if it does not say."""
    width: int
    """Stored, before rotation."""
    height: int
    pixel_aspect: float
    """Width of a pixel over its height; 1 but for old camcorders."""
    is_interlaced: bool = False
    """Two moments per frame, of which the first is taken: see `fields`."""


@dataclass(frozen=True, kw_only=True)
class VideoFrame:
    """A frame as it is displayed."""

    index: int
    """0-based, in the order of display, over all frames of the file."""
    time_s: float
    """Seconds after the first frame."""
    image_HWC: NDArray[np.uint8]


def watch_video(path: Path, *, most: int | None = None, threads: int = 1) -> StandstillMeter:
    """Decode a video, up to so many frames, and only compare each with the one before.

    Raises:
        DataError: The file cannot be read, or breaks off.
    """
    meter = StandstillMeter()
    with _opened(path) as (container, stream):
        stream.codec_context.thread_count = threads
        for frame in islice(_decoded(container, stream, path), most):
            meter.add(_brightness(frame))
    return meter


def probe_video(path: Path) -> VideoInfo:
    """Read the head of a video.

    Raises:
        DataError: It cannot be read or has no pictures.
    """
    with _opened(path) as (container, stream):
        return replace(_info(container, stream), is_interlaced=_is_interlaced(container, stream))


def iterate_video(
    path: Path,
    *,
    fps: float | None,
    threads: int = 0,
    wanted: Callable[[int], bool] | None = None,
    meter: StandstillMeter | None = None,
) -> Iterator[VideoFrame]:
    """The frames of a video, the first one of each 1/fps seconds.

    Works for variable frame rates: a stretch without frames gives none, and a rate above that of
    the video gives every frame once.

    Args:
        path: Any container and codec that FFmpeg reads.
        fps: Frames per second to take; None for all.
        threads: Of the decoder; 0 for as many as there are CPUs.
        wanted: Asked for each frame by its index; the others are decoded but not given.
        meter: Shown every frame, taken or not.

    Raises:
        DataError: The file cannot be read, breaks off, or has no pictures.
    """
    with _opened(path) as (container, stream):
        info = _info(container, stream)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        convert = _rgb_converter()
        first_s: float | None = None
        stamp, index, slot = 0.0, -1, -1
        for index, frame in enumerate(_decoded(container, stream, path)):
            stamp = _stamp_s(frame, index=index, info=info, path=path)
            first_s = stamp if first_s is None else first_s
            if meter is not None:
                meter.add(_brightness(frame))
            time_s = stamp - first_s
            if fps is not None:
                reached = math.floor(time_s * fps + _TIME_TOLERANCE)
                if reached <= slot:
                    continue
                slot = reached
            if wanted is not None and not wanted(index):
                continue
            image = _upright(convert(frame), rotation=frame.rotation)
            yield VideoFrame(index=index, time_s=time_s, image_HWC=image)
        _check_whole(path, info=info, frames=index + 1, reached_s=stamp)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    import av

    absent = why_no_file(path)
    if absent:
        raise DataError(f"{path.name}: {absent}")
    if not path.stat().st_size:
        raise DataError(
            f"{path.name}: cannot be read as a video (it is empty: 0 bytes)",
            expected="a whole video file, such as .mp4, .mov, .avi or .mts",
            advice="copy it again from the camera, or leave it out of the manifest",
        )
    try:
        container = av.open(str(path), "r")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise DataError(
            f"{path.name}: cannot be read as a video ({_reason(error)})",
            expected="a whole video file, such as .mp4, .mov, .avi or .mts",
            advice="copy it again from the camera, or leave it out of the manifest",
        ) from error
    with container:
        if not container.streams.video:
            raise DataError(f"{path.name}: holds no pictures", expected="a video")
        if container.streams.video[0].codec_context is None:
            raise DataError(
                f"{path.name}: its pictures are of a kind that cannot be decoded, or it is damaged",
                expected="a whole video file, such as .mp4, .mov, .avi or .mts",
                advice="copy it again from the camera, or leave it out of the manifest",
            )
        yield container, container.streams.video[0]


def _info(container: Any, stream: Any) -> VideoInfo:
    durations = []
    if container.duration:
        durations.append(container.duration / 1e6)
    if stream.duration and stream.time_base:
        durations.append(float(stream.duration * stream.time_base))
    aspect = stream.codec_context.sample_aspect_ratio
    return VideoInfo(
        duration_s=min(durations, default=0.0),
        mean_fps=float(stream.average_rate or stream.guessed_rate or 0),
        frames_stated=stream.frames,
        width=stream.codec_context.width,
        height=stream.codec_context.height,
        pixel_aspect=float(aspect) if aspect else 1.0,
    )


def _is_interlaced(container: Any, stream: Any) -> bool:
    """As the head says, else as the first frame does."""
    import av

    order = stream.codec_context.field_order
    if order != _FIELD_ORDER_UNKNOWN:
        return bool(order != _FIELD_ORDER_PROGRESSIVE)
    try:
        return any(frame.interlaced_frame for frame in islice(container.decode(stream), 1))
    except av.FFmpegError:
        return False  # reading the frames will say what is wrong


def _decoded(container: Any, stream: Any, path: Path) -> Iterator[Any]:
    import av

    count = 0
    try:
        for frame in container.decode(stream):
            yield frame
            count += 1
    except av.FFmpegError as error:
        raise DataError(
            f"{path.name}: breaks off after {counted(count, 'frame')} ({_reason(error)})",
            expected="a whole video file",
            advice="copy it again from the camera, or leave it out of the manifest",
        ) from error


def _stamp_s(frame: Any, *, index: int, info: VideoInfo, path: Path) -> float:
    if frame.pts is not None and frame.time_base:
        return float(frame.pts * frame.time_base)
    if info.mean_fps > 0:
        return index / info.mean_fps
    raise DataError(
        f"{path.name}: states neither times nor a frame rate",
        expected="a video with time stamps",
        advice="convert it, for instance to .mp4",
    )


def _rgb_converter() -> Any:
    from av.video.reformatter import Interpolation, VideoReformatter

    reformatter = VideoReformatter()
    flags = (
        Interpolation.BILINEAR
        | Interpolation.ACCURATE_RND
        | Interpolation.BITEXACT
        | Interpolation.FULL_CHR_H_INT
    )

    take_field = field_taker()

    def convert(frame: Any) -> NDArray[np.uint8]:
        if frame.interlaced_frame:
            return fill_lines(rgb(take_field(frame)), height=frame.height)
        return rgb(frame)

    def rgb(frame: Any) -> NDArray[np.uint8]:
        picture = reformatter.reformat(frame, format="rgb24", interpolation=flags, threads=1)
        return np.asarray(picture.to_ndarray(), np.uint8)

    return convert


def _brightness(frame: Any) -> NDArray[np.uint8]:
    """(H, W) as it is stored: a view of the decoder's own plane, where it is one of bytes."""
    layout = frame.format
    is_plain = layout.is_planar and not layout.is_rgb and layout.components[0].bits == 8
    plane = (frame if is_plain else frame.reformat(format="gray")).planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:, : frame.width]


def _upright(image_HWC: NDArray[np.uint8], *, rotation: int) -> NDArray[np.uint8]:
    """Turn counter-clockwise by the angle of the display matrix, to the nearest right angle."""
    return np.ascontiguousarray(np.rot90(image_HWC, k=round(rotation / 90) % 4))


def _check_whole(path: Path, *, info: VideoInfo, frames: int, reached_s: float) -> None:
    """Refuse a file that has fewer frames than its head promises.

    Time alone does not tell: the last picture may stand for long, and an edited file may skip
    some.
    """
    if not frames:
        raise DataError(f"{path.name}: holds no frame that can be decoded", expected="a video")
    is_short = frames < _MIN_SHARE_DECODED * info.frames_stated if info.frames_stated else True
    missing_s = info.duration_s - reached_s
    if is_short and missing_s > max(_MIN_MISSING_S, (1 - _MIN_SHARE_DECODED) * info.duration_s):
        raise DataError(
            f"{path.name}: breaks off at {reached_s:.1f} s of {info.duration_s:.1f} s",
            expected="a whole video file",
            advice="copy it again from the camera, or leave it out of the manifest",
        )


def _reason(error: BaseException) -> str:
    return str(getattr(error, "strerror", None) or error)
