import hashlib
import wave
from fractions import Fraction

import av
import numpy as np
import pytest

from algr.data import iterate_video, probe_video
from algr.data.fields import fill_lines
from algr.errors import DataError
from tests.data import raw_layouts as raw


def indices(path, fps):
    return [frame.index for frame in iterate_video(path, fps=fps)]


def test_all_frames_come_in_order_with_their_pixels(kit, tmp_path):
    images = kit.noise(6)
    path = kit.write_video(tmp_path / "a.mp4", images)

    frames = list(iterate_video(path, fps=None))

    assert [frame.index for frame in frames] == [0, 1, 2, 3, 4, 5]
    np.testing.assert_allclose([frame.time_s for frame in frames], np.arange(6) / 12)
    np.testing.assert_array_equal([frame.image_HWC for frame in frames], images)


@pytest.mark.parametrize(
    ("fps", "expected"),
    [
        (6, [0, 2, 4, 6, 8, 10]),
        (12, list(range(12))),
        (100, list(range(12))),
        (5, [0, 3, 5, 8, 10]),
        (1, [0]),
    ],
)
def test_the_first_frame_of_each_interval_is_taken(kit, tmp_path, fps, expected):
    path = kit.write_video(tmp_path / "a.mp4", kit.noise(12))

    assert indices(path, fps) == expected


def test_variable_frame_rates_are_sampled_by_time(kit, tmp_path):
    """Stamps in twelfths of a second; three per second wanted, so one per four twelfths."""
    path = kit.write_video(tmp_path / "a.mp4", kit.noise(7), times=[0, 1, 2, 6, 7, 18, 20])

    frames = list(iterate_video(path, fps=3))

    assert [frame.index for frame in frames] == [0, 3, 5, 6]
    np.testing.assert_allclose([frame.time_s for frame in frames], np.array([0, 6, 18, 20]) / 12)


def test_time_starts_with_the_first_frame(kit, tmp_path):
    path = kit.write_video(tmp_path / "a.mkv", kit.noise(3), times=[24, 36, 48])

    assert [round(frame.time_s, 3) for frame in iterate_video(path, fps=None)] == [0, 1, 2]


@pytest.mark.parametrize(("rotation", "turns"), [(90, 1), (180, 2), (-90, 3)])
def test_frames_are_turned_as_they_are_displayed(kit, tmp_path, rotation, turns):
    image = np.zeros((64, 96, 3), np.uint8)
    image[:16, :32] = 255  # a mark in the upper left corner
    path = kit.write_video(tmp_path / "a.mp4", [image] * 2, rotation=rotation)

    frame = next(iterate_video(path, fps=None))

    np.testing.assert_array_equal(frame.image_HWC, np.rot90(image, turns))


def test_a_phone_held_upright_turns_clockwise(kit, tmp_path):
    """The matrix that phones write for upright videos, put into the file byte by byte."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:16, :32] = 255
    path = kit.write_video(tmp_path / "a.mp4", [image] * 2)
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 4 + 36  # version 0: ids, times, layer, volume before it
    numbers = [0, 65536, 0, -65536, 0, 0, 64 * 65536, 0, 1 << 30]
    data[matrix : matrix + 36] = b"".join(n.to_bytes(4, "big", signed=True) for n in numbers)
    path.write_bytes(data)

    frame = next(iterate_video(path, fps=None))

    np.testing.assert_array_equal(frame.image_HWC, np.rot90(image, -1))
    assert (frame.image_HWC[:32, -16:] == 255).all()


def test_the_head_of_a_video_is_told(kit, tmp_path):
    info = probe_video(kit.write_video(tmp_path / "a.mp4", kit.noise(12)))

    assert (info.width, info.height, info.mean_fps, info.pixel_aspect) == (96, 96, 12, 1)
    assert info.duration_s == pytest.approx(1.0)


def test_decoding_threads_do_not_change_a_pixel(kit, tmp_path):
    path = kit.write_video(tmp_path / "a.mp4", kit.noise(9), lossless=False)

    one = [frame.image_HWC for frame in iterate_video(path, fps=None, threads=1)]
    four = [frame.image_HWC for frame in iterate_video(path, fps=None, threads=4)]

    np.testing.assert_array_equal(one, four)


def write_sound(path):
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(1600))


def test_a_recording_without_pictures_is_refused(tmp_path):
    write_sound(tmp_path / "a.wav")

    with pytest.raises(DataError, match=r"a\.wav: holds no pictures"):
        next(iterate_video(tmp_path / "a.wav", fps=None))


@pytest.mark.parametrize("content", [b"", b"not a video at all" * 100])
def test_a_file_that_is_no_video_is_refused(tmp_path, content):
    path = tmp_path / "a.mp4"
    path.write_bytes(content)

    with pytest.raises(DataError, match=r"a\.mp4: cannot be read as a video"):
        list(iterate_video(path, fps=None))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"a\.mp4: no such file"):
        probe_video(tmp_path / "a.mp4")


def test_a_file_that_ends_early_is_refused(kit, tmp_path):
    """An index at the front promises more frames than the file has."""
    whole = kit.write_video(tmp_path / "whole.mp4", kit.noise(36))
    fast = tmp_path / "a.mp4"
    with (
        av.open(str(whole)) as source,
        av.open(str(fast), "w", options={"movflags": "faststart"}) as target,
    ):
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    fast.write_bytes(fast.read_bytes()[: fast.stat().st_size // 2])

    with pytest.raises(DataError, match=r"a\.mp4: breaks off"):
        list(iterate_video(fast, fps=None))


def test_sound_beside_the_pictures_does_no_harm(kit, tmp_path):
    write_sound(tmp_path / "a.wav")
    pictures = kit.write_video(tmp_path / "pictures.mp4", kit.noise(4))
    with (
        av.open(str(pictures)) as video,
        av.open(str(tmp_path / "a.wav")) as sound,
        av.open(str(tmp_path / "a.mkv"), "w") as both,
    ):
        copied = {
            video: both.add_stream_from_template(video.streams.video[0]),
            sound: both.add_stream_from_template(sound.streams.audio[0]),
        }
        for source, stream in copied.items():
            for packet in source.demux():
                if packet.dts is not None:
                    packet.stream = stream
                    both.mux(packet)

    assert indices(tmp_path / "a.mkv", None) == [0, 1, 2, 3]


def write_woven(path, *, codec="libx264", fps=25, size=(96, 96), moves=True, **options):
    """Frames whose upper field is dark and whose lower one is bright, a stripe further each."""
    width, height = size
    flags = {"flags": "+ildct+ilme"} if moves else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options={**flags, **options})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(4):
            image = np.full((height, width, 3), 40 + 40 * number, np.uint8)
            image[1::2] += 60
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


INTERLACED = {
    "h264": {"name": "a.mp4", "crf": "0", "preset": "ultrafast"},
    "mpeg2": {"name": "a.mpg", "codec": "mpeg2video", "g": "1", "qscale": "1"},
    "dv": {"name": "a.avi", "codec": "dvvideo", "size": (720, 576)},
}


@pytest.mark.parametrize("kind", INTERLACED)
def test_of_two_woven_moments_only_the_first_is_shown(tmp_path, kind):
    made = dict(INTERLACED[kind])
    path = write_woven(tmp_path / made.pop("name"), **made)

    images = [frame.image_HWC for frame in iterate_video(path, fps=None)]

    assert probe_video(path).is_interlaced
    np.testing.assert_allclose([image.mean() for image in images], [40, 80, 120, 160], atol=2)
    assert max(image.std() for image in images) < 2
    assert images[0].shape[:2] == made.get("size", (96, 96))[::-1]


def test_progressive_frames_keep_every_line(tmp_path):
    path = write_woven(tmp_path / "a.mp4", moves=False, crf="0", preset="ultrafast")

    image = next(iterate_video(path, fps=None)).image_HWC

    assert not probe_video(path).is_interlaced
    assert np.abs(np.diff(image[:, 0, 0].astype(int))).min() > 50


def test_lines_between_those_of_a_field_are_the_mean_of_their_neighbours():
    field = np.array([[[10]], [[20]], [[31]]], np.uint8)

    np.testing.assert_array_equal(fill_lines(field, height=5).ravel(), [10, 15, 20, 26, 31])
    np.testing.assert_array_equal(fill_lines(field, height=6).ravel(), [10, 15, 20, 26, 31, 31])


def test_a_progressive_file_gives_the_pixels_it_always_gave(tmp_path):
    """Fingerprints of prepared datasets rest on these. The planes are stored without loss."""
    rng = np.random.default_rng(0)
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(3):
            planes = rng.integers(16, 236, (72, 64), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 5)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

    digest = hashlib.sha256()
    for frame in iterate_video(tmp_path / "a.mkv", fps=None):
        digest.update(frame.image_HWC.tobytes())

    assert digest.hexdigest() == "3c2a7e2daaab6c6087d7d10f8581ce9c1477cab94e5c16f973a4a7eac41998ca"


def test_pictures_of_an_unknown_kind_are_refused(tmp_path):
    path = tmp_path / "odd.avi"
    raw.write_avi(path, "a", 3)
    path.write_bytes(path.read_bytes().replace(b"FFV1", b"ZZZZ"))

    with pytest.raises(DataError, match="odd.avi: its pictures are of a kind that cannot"):
        probe_video(path)
