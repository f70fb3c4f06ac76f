"""Frames that show the picture before them once more, and faces that merely keep still."""

import av
import numpy as np
import pytest

from algr.data.standstill import (
    Standstill,
    count_repeated,
    find_standstills,
    standstill_warnings,
    standstill_words,
)
from algr.data.video import watch_video

CODECS = {
    "mjpeg": ("mjpeg", "yuvj420p", 4.0, {}),
    "mpeg4": ("mpeg4", "yuv420p", 0.8, {}),
    "mpeg2": ("mpeg2video", "yuv420p", 1.5, {}),
    "h264": ("libx264", "yuv420p", 0.0, {"crf": "23", "preset": "veryfast"}),
}
SIZE = (128, 192)
REPEATED = (9, 20, 24, 25, 36, *range(48, 56))
"""Every twelfth picture is coded anew by MPEG-4 and MPEG-2."""


def filmed(count, *, noise=2.0, speed=1.5, seed=0):
    """A face-like pattern that moves, before a camera with noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    for frame in range(count):
        away = speed * frame
        waves = np.sin((rows + away) / 7) + np.sin((columns - 0.7 * away) / 11)
        grey = 120 + 45 * waves + rng.normal(0, noise, SIZE)
        yield np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def standing(frames, repeated):
    shown = None
    for index, frame in enumerate(frames):
        shown = shown if index in repeated else frame
        yield shown


def written(path, frames, codec):
    name, layout, bits_per_pixel, options = CODECS[codec]
    with av.open(str(path), "w") as container:
        stream = container.add_stream(name, rate=20, options=options)
        stream.height, stream.width, stream.pix_fmt = *SIZE, layout
        stream.codec_context.thread_count = 1
        if bits_per_pixel:
            stream.bit_rate = round(bits_per_pixel * SIZE[0] * SIZE[1] * 20)
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            container.mux(stream.encode(picture.reformat(format=layout)))
        container.mux(stream.encode())
    return path


def places(meter):
    return tuple(i for part in meter.found() for i in range(part.first, part.last + 1))


@pytest.mark.parametrize("codec", CODECS)
def test_repeated_frames_are_found_through_a_codec_one_by_one(codec, tmp_path):
    path = written(tmp_path / "a.avi", standing(filmed(80), REPEATED), codec)

    assert places(watch_video(path, most=1000)) == REPEATED


@pytest.mark.parametrize("codec", CODECS)
def test_a_video_without_repeats_has_none(codec, tmp_path):
    path = written(tmp_path / "a.avi", filmed(80), codec)

    assert places(watch_video(path, most=1000)) == ()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("noise", [1.0, 2.0, 4.0])
def test_a_face_that_keeps_still_before_a_camera_with_noise_is_no_repeat(codec, noise, tmp_path):
    path = written(tmp_path / "a.avi", filmed(60, noise=noise, speed=0.0), codec)

    assert places(watch_video(path, most=1000)) == ()


def test_only_as_many_frames_are_compared_as_are_asked_for(tmp_path):
    path = written(tmp_path / "a.avi", standing(filmed(30), (5, 20)), "mjpeg")

    meter = watch_video(path, most=10)

    assert (meter.frames, places(meter)) == (10, (5,))


def test_a_head_that_comes_to_rest_over_some_frames_is_no_repeat():
    assert find_standstills([20, 20, 12, 6, 3, 2, 2, 3, 6, 12, 20, 20]) == ()


def test_rest_between_two_sudden_movements_is_no_repeat_while_noise_is_left():
    assert find_standstills([20.0] * 10 + [2.0] * 30 + [20.0] * 10) == ()


def test_a_long_standstill_in_which_nothing_is_left_is_one():
    changes = [20.0] * 10 + [0.2] * 30 + [20.0] * 10

    assert find_standstills(changes) == (Standstill(first=11, last=40),)


def test_a_video_of_every_frame_twice_repeats_every_second_one():
    changes = [0.4, 18.0] * 20

    assert [part.first for part in find_standstills(changes)] == list(range(1, 40, 2))


def test_a_video_that_stands_at_its_end_is_found():
    assert find_standstills([20.0] * 10 + [0.1] * 5) == (Standstill(first=11, last=15),)


def test_a_video_of_one_picture_stands_from_its_second_frame_on():
    assert find_standstills([0.0] * 9) == (Standstill(first=1, last=9),)


@pytest.mark.parametrize("changes", [[], [0.5] * 9, [30.0]])
def test_nothing_is_said_where_nothing_can_be_compared(changes):
    assert find_standstills(changes) == ()


def test_words_name_counts_and_ranges_and_where_counting_begins():
    found = (Standstill(first=5, last=5), Standstill(first=9, last=11))

    assert standstill_words(found, frames=80) == (
        "4 of 80 frames repeat the picture before: 5, 9-11 (the first frame is 0)"
    )


@pytest.mark.parametrize(
    ("sampled", "are_kept", "fate"),
    [
        (range(80), True, "they are kept"),
        (range(80), False, "they are left out"),
        (range(0, 80, 2), True, "of these, 7 were sampled and kept"),
        (range(0, 80, 2), False, "of these, 7 were sampled and left out"),
        ([9], False, "of these, 1 was sampled and left out"),
        ([10], False, "none of them was sampled"),
    ],
)
def test_a_preparation_tells_how_many_of_the_repeats_it_sampled(sampled, are_kept, fate, tmp_path):
    path = written(tmp_path / "a.avi", standing(filmed(80), REPEATED), "mjpeg")

    (warning,) = standstill_warnings(watch_video(path), sampled=sampled, are_kept=are_kept)

    assert warning.startswith("13 of 80 frames repeat the picture before: 9, 20, ")
    assert warning.endswith(f"(the first frame is 0); {fate}")


@pytest.mark.parametrize(("change", "repeats"), [(2.7, 1), (3.1, 0)])
def test_a_drop_to_three_tenths_of_what_is_usual_is_movement(change, repeats):
    changes = [10.0] * 20
    changes[9] = change

    assert count_repeated(find_standstills(changes)) == repeats
