"""One subject whose landmarks stand a pixel, or a frame, beside where everybody's do."""

from dataclasses import replace

import numpy as np
import pytest

from algr.data.doctor import examine_source
from algr.data.doctor.calibrate import SubjectOffset
from algr.data.doctor.patches import fitting_shift, landmark_patches
from algr.data.doctor.subject_base import SubjectShift, SubjectShifts, subject_base_findings
from algr.data.doctor.subject_motion import SubjectMotion, settle_subjects
from algr.simulate import simulate_bp4d


def of_code(found, code):
    return [finding for finding in found.findings if finding.code == code]


def with_one_moved(clean, subject, move):
    recordings = [
        replace(own, landmarks_NL2=np.asarray(move(own.landmarks_NL2), np.float32))
        if own.subject == subject
        else own
        for own in clean.recordings
    ]
    return replace(clean, recordings=tuple(recordings))


@pytest.mark.parametrize(("pixels", "found_as"), [(-1, "count from -1"), (1, "count from 1")])
def test_a_subject_that_counts_from_the_other_pixel_is_named(clean, examined, pixels, found_as):
    based = replace(clean, parameters={"frame_offset": 0, "landmark_base": int(pixels < 0)})

    found = examined(with_one_moved(based, "M001", lambda points: points + pixels))

    (finding,) = of_code(found, "landmark_base_of_subject")
    assert finding.message.startswith("subject M001: the landmarks stand ")
    assert f"its files seem to count from {int(pixels > 0)}, not {int(pixels < 0)}" in (
        finding.message
    )
    assert finding.severity == "warning"


def test_subjects_that_all_count_alike_are_not_named(clean, examined):
    found = examined(clean)

    assert of_code(found, "landmark_base_of_subject") == []
    assert found.shifts.tells_a_pixel


def test_with_fewer_than_five_subjects_nothing_is_said_of_single_ones(clean, examined):
    found = examined(replace(clean, recordings=clean.recordings[:4]))

    assert found.shifts.why == "4 subjects with 8 pictures and more are too few"


def test_a_subject_whose_landmarks_lie_a_frame_beside_is_named_by_all_its_pictures(clean, examined):
    found = examined(with_one_moved(clean, "M001", lambda points: np.roll(points, 1, axis=0)))

    (finding,) = of_code(found, "frame_offset_of_subject")
    assert finding.message.startswith("subject M001: the landmarks that fit a picture stand +1 ")
    assert of_code(found, "frame_offset_in_doubt") == []


def test_landmarks_of_another_recording_are_found_by_what_stands_at_them(clean, examined):
    other = clean.recordings[3].landmarks_NL2 + np.array([40, 25])  # of who sat elsewhere

    found = examined(with_one_moved(clean, "M001", lambda _: other))

    assert [finding.file for finding in of_code(found, "landmarks_of_another")] == ["M001_T1"]


def test_landmarks_of_the_own_recording_are_not_taken_for_another_ones(clean, examined):
    assert of_code(examined(clean), "landmarks_of_another") == []


def motions(*frames, error=0.02):
    return [
        SubjectMotion(subject=f"S{place}", frames=value, error=error, pictures=60)
        for place, value in enumerate(frames)
    ]


def doubt(subject):
    return SubjectOffset(subject=subject, offset=1, sureness=2.5, pictures=20)


def test_a_doubt_that_all_pictures_speak_against_is_dropped():
    assert settle_subjects([doubt("S1")], motions(0, 0.05, -0.02), usual=0) == []


def test_a_doubt_stays_where_the_pictures_tell_nothing():
    assert settle_subjects([doubt("S1")], motions(0, 0.05, -0.02, error=0.4), usual=0) == [
        doubt("S1")
    ]
    assert settle_subjects([doubt("S1")], [], usual=0) == [doubt("S1")]


@pytest.mark.parametrize(("frames", "offset"), [(0.8, 1), (-0.8, -1), (1.7, 2)])
def test_offsets_are_whole_frames_from_where_the_others_stand(frames, offset):
    (found,) = settle_subjects([doubt("S3")], motions(0, 0.05, -0.02, frames), usual=0)

    assert (found.subject, found.offset, found.is_sure) == ("S3", offset, True)


def test_what_is_usual_is_taken_from_the_others():
    (found,) = settle_subjects([], motions(0.85, 0.9, 0.8, 0.05), usual=1)

    assert (found.subject, found.offset) == ("S3", 0)


@pytest.mark.parametrize("shift", [(0.5, 0.0), (0.0, -0.8), (1.0, 1.0)])
def test_the_shift_of_squares_is_measured_whatever_their_light(shift):
    rows, columns = np.mgrid[:25, :25]
    wave = np.sin(rows / 4) + np.cos(columns / 5) + np.sin((rows + columns) / 6)
    moved = (
        np.sin((rows - shift[1]) / 4)
        + np.cos((columns - shift[0]) / 5)
        + np.sin((rows + columns - sum(shift)) / 6)
    )

    measured = fitting_shift(moved[None] + 7, wave[None])

    assert measured == pytest.approx(shift, abs=0.08)


def test_squares_are_upright_and_of_one_scale_however_the_picture_was_decoded(faces):
    picture, points = faces.draw(faces.texture(1), np.array([170.0, 150.0, 0.2]))
    size = picture.size
    larger = picture.resize((2 * size[0], 2 * size[1]))

    whole = landmark_patches(picture, points, size=size)
    again = landmark_patches(larger, points, size=size)

    assert np.abs(whole.astype(int) - again.astype(int)).mean() < 2


def test_there_are_no_squares_where_a_landmark_has_no_place(faces):
    picture, points = faces.draw(faces.texture(1), np.array([170.0, 150.0, 0.0]))
    points[31] = np.nan

    assert landmark_patches(picture, points, size=picture.size) is None


@pytest.mark.parametrize(("x", "y"), [(1.0, -1.0), (1.0, 0.1), (0.1, 1.9)])
def test_a_shift_that_is_not_one_pixel_both_ways_is_no_other_origin(x, y):
    shift = SubjectShift(
        subject="a", shift_px=(x + y) / 2, x_px=x, y_px=y, sureness=20.0, pictures=60
    )

    assert subject_base_findings(SubjectShifts(shifts=(shift,), spread_px=0.1), used=1) == []


@pytest.mark.slow
def test_a_simulated_subject_that_counts_from_0_is_named_among_six_with_24_frames(tmp_path):
    planted = simulate_bp4d(
        tmp_path / "BP4D", subjects=6, tasks=1, frames=24, scale=0.5, seed=7, traps=("one_based",)
    ).planted["one_based"]

    found = examine_source(tmp_path / "BP4D")

    named = [
        finding.message.split(":")[0] for finding in of_code(found, "landmark_base_of_subject")
    ]
    assert named == [f"subject {name}" for name in planted["subjects"]]


@pytest.mark.slow
def test_a_simulated_subject_that_is_numbered_one_off_is_named_among_six_with_24_frames(tmp_path):
    planted = simulate_bp4d(
        tmp_path / "BP4D", subjects=6, tasks=1, frames=24, scale=0.25, seed=7, traps=("offset",)
    ).planted["offset"]

    found = examine_source(tmp_path / "BP4D")

    named = [item.message.split(":")[0] for item in of_code(found, "frame_offset_of_subject")]
    assert named == [f"subject {name}" for name in planted["subjects"]]
