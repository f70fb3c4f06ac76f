import hashlib
import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from algr.data import DatasetWriter
from algr.data.fingerprint import (
    FrameDigest,
    dataset_fingerprint,
    frame_digests,
    pictures_sample,
    subject_digest,
)
from algr.data.rows import FrameRows


def rows_of(**changes):
    rng = np.random.default_rng(0)
    values = {
        "image": rng.integers(0, 256, (2, 200, 200, 3), dtype=np.uint8),
        "landmarks": rng.uniform(0, 200, (2, 49, 2)).astype(np.float32),
        "labels": np.array([[0, 1], [1, -1]], np.int8),
        "grade": np.array([1, -1], np.int8),
        "grade_hb": np.array([2, -1], np.int8),
        "subject": np.zeros(2, np.int32),
        "video": np.zeros(2, np.int32),
        "frame": np.arange(2),
        "time_s": np.arange(2.0),
        "exercise": np.zeros(2, np.int8),
        "inter_ocular_px": np.zeros(2, np.float32),
    }
    for name, (place, value) in changes.items():
        values[name][place] = value
    return FrameRows(**values)


@pytest.mark.parametrize(
    "change",
    [
        {"image": ((0, 199, 199, 2), 7)},
        {"landmarks": ((0, 48, 1), 7)},
        {"landmarks": ((0, 48, 1), np.nan)},
        {"labels": ((0, 1), -1)},
        {"grade": (0, 2)},
        {"grade_hb": (0, 3)},
    ],
)
def test_every_part_of_a_frame_counts_and_only_its_own_digest_changes(change):
    before, after = frame_digests(rows_of()), frame_digests(rows_of(**change))

    assert before[0].whole != after[0].whole
    assert before[1] == after[1]


@pytest.mark.parametrize("column", ["subject", "video", "frame", "exercise"])
def test_numbers_of_subjects_and_videos_do_not_count(column):
    assert frame_digests(rows_of(**{column: (0, 5)})) == frame_digests(rows_of())


def test_missing_landmarks_and_zeros_have_one_form():
    one = rows_of(landmarks=((0, 0), [np.nan, 0.0]))
    other = rows_of(landmarks=((0, 0), [-np.nan, -0.0]))

    assert frame_digests(one) == frame_digests(other)


def test_the_digest_of_a_frame_is_sha256_of_its_bytes():
    """Old folds and fingerprints depend on it."""
    rows = FrameRows(
        image=np.zeros((1, 200, 200, 3), np.uint8),
        landmarks=np.full((1, 49, 2), 1.5, np.float32),
        labels=np.array([[1, 0, -1]], np.int8),
        grade=np.array([2], np.int8),
        grade_hb=np.array([4], np.int8),
        subject=np.zeros(1, np.int32),
        video=np.zeros(1, np.int32),
        frame=np.zeros(1, np.int64),
        time_s=np.zeros(1),
        exercise=np.zeros(1, np.int8),
        inter_ocular_px=np.zeros(1, np.float32),
    )

    content = bytes(120_000) + 98 * struct.pack("<f", 1.5) + bytes([1, 0, 255]) + bytes([2, 4])
    assert [digest.whole for digest in frame_digests(rows)] == [hashlib.sha256(content).digest()]


def test_the_digest_of_a_picture_is_that_of_its_pixels_alone():
    rows = rows_of(labels=((0, 1), -1), grade=(0, 2), landmarks=((0, 48, 1), 7))

    assert frame_digests(rows)[0].picture == hashlib.sha256(rows.image[0].tobytes()).digest()


def test_a_picture_of_one_colour_has_no_digest():
    rows = rows_of(image=(0, [7, 0, 9]))

    assert frame_digests(rows)[0].picture == b""
    assert frame_digests(rows)[1].picture


def write(directory, order, *, names, rows_per_shard, parameters=None):
    with DatasetWriter(
        directory, kind="grade", rows_per_shard=rows_per_shard, parameters=parameters
    ) as writer:
        for number in order:
            rng = np.random.default_rng(number)
            writer.add_video(
                subject_id=names[number // 2],
                images=rng.integers(0, 256, (1 + number % 3, 200, 200, 3), dtype=np.uint8),
                landmarks=rng.uniform(0, 200, (1 + number % 3, 49, 2)).astype(np.float32),
                grade=number // 2,
            )
        return writer.finish()


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(order=st.permutations(range(6)), shard=st.integers(1, 9), names=st.permutations("abc"))
def test_order_shards_and_ids_change_nothing_that_is_key_free(
    tmp_path_factory, order, shard, names
):
    reference = write(
        tmp_path_factory.mktemp("one") / "d", range(6), names="xyz", rows_per_shard=4096
    )
    other = write(tmp_path_factory.mktemp("two") / "d", order, names=names, rows_per_shard=shard)

    assert other.fingerprint == reference.fingerprint
    assert [s.digest for s in other.subjects] == [s.digest for s in reference.subjects]
    rows = np.arange(reference.num_frames)
    np.testing.assert_array_equal(
        other.gather(rows).images_BHWC, reference.gather(rows).images_BHWC
    )


def test_parameters_of_the_preparation_count(tmp_path):
    one = write(tmp_path / "one", [0], names="a", rows_per_shard=9, parameters={"fps": 6.0})
    two = write(tmp_path / "two", [0], names="a", rows_per_shard=9, parameters={"fps": 5.0})

    assert one.fingerprint != two.fingerprint
    assert one.subjects == two.subjects


def fingerprint_of(rows):
    whole = [digest.whole for digest in frame_digests(rows)]
    return dataset_fingerprint(parameters={}, subjects=[subject_digest(whole)])


@given(
    row=st.integers(0, 1),
    place=st.tuples(st.integers(0, 199), st.integers(0, 199), st.integers(0, 2)),
    step=st.integers(1, 255),
)
@settings(max_examples=40, deadline=None)
def test_any_change_of_any_pixel_changes_the_fingerprint(row, place, step):
    before = rows_of()
    value = (int(before.image[row][place]) + step) % 256

    assert fingerprint_of(rows_of(image=((row, *place), value))) != fingerprint_of(before)


@given(
    row=st.integers(0, 1),
    unit=st.integers(0, 1),
    value=st.sampled_from([-1, 0, 1]),
    grade=st.integers(-1, 3),
    point=st.tuples(st.integers(0, 48), st.integers(0, 1)),
    way=st.floats(-50, 50, width=32),
)
@settings(max_examples=60, deadline=None)
def test_the_fingerprint_is_another_exactly_if_a_label_grade_or_point_is(
    row, unit, value, grade, point, way
):
    before = rows_of()
    coordinate = before.landmarks[(row, *point)] + np.float32(way)
    after = rows_of(
        labels=((row, unit), value),
        grade=(row, grade),
        landmarks=((row, *point), coordinate),
    )

    is_same = (
        (after.labels == before.labels).all()
        and (after.grade == before.grade).all()
        and (after.landmarks == before.landmarks).all()
    )
    assert (fingerprint_of(after) == fingerprint_of(before)) == is_same


@given(order=st.permutations(range(6)))
@settings(max_examples=20, deadline=None)
def test_the_fingerprint_does_not_depend_on_the_order_of_frames_and_subjects(order):
    frames = [bytes([number]) * 32 for number in range(6)]
    shuffled = [frames[place] for place in order]

    one = dataset_fingerprint(
        parameters={"a": 1, "b": [2]},
        subjects=[subject_digest(frames), subject_digest(frames[:2])],
    )
    other = dataset_fingerprint(
        parameters={"b": [2], "a": 1},
        subjects=[subject_digest(frames[1::-1]), subject_digest(shuffled)],
    )

    assert one == other


def test_the_digest_of_pictures_does_not_depend_on_labels_landmarks_and_order():
    before = frame_digests(rows_of())
    after = frame_digests(rows_of(labels=((0, 0), 1), grade=(1, 3), landmarks=((0, 0, 0), 7.0)))

    assert before[0].whole != after[0].whole
    assert pictures_sample(after[::-1]) == pictures_sample(before)


@pytest.mark.parametrize("fewer", [1, 30])
def test_a_person_with_some_pictures_more_is_known_again(fewer):
    random = np.random.default_rng(0)
    frames = [FrameDigest(whole=b"", picture=random.bytes(32)) for _ in range(60)]

    assert set(pictures_sample(frames)) & set(pictures_sample(frames[fewer:]))
    assert not set(pictures_sample(frames[:30])) & set(pictures_sample(frames[30:]))


def test_the_digest_of_pictures_is_another_for_other_pictures():
    before, after = frame_digests(rows_of()), frame_digests(rows_of(image=((0, 0, 0, 0), 9)))

    assert pictures_sample(after) != pictures_sample(before)


def test_pictures_that_show_nobody_have_no_digest():
    assert pictures_sample(frame_digests(rows_of(image=(slice(None), 0)))) == ()
