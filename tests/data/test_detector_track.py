"""The tracker with stand-ins for its networks (`drawn_faces`)."""

import numpy as np
import pytest

from algr.data.detector.track import JUMP, NO_FACE, TWO_FACES, UNSURE, FaceTracker
from algr.faces import MIRRORED
from tests.data.drawn_faces import Face, MarkNetworks, picture

FRAME_S = 1 / 6


def follow(*pictures, networks=None, step_s=FRAME_S):
    tracker = FaceTracker(networks or MarkNetworks())
    return [
        tracker.next_frame(image, time_s=step_s * number) for number, image in enumerate(pictures)
    ]


def center_x(frame):
    return float(frame.landmarks_L2[19:31, 0].mean())


@pytest.mark.parametrize(
    "face",
    [
        Face(300, 200),
        Face(320, 220, angle=0.5),
        Face(250, 250, angle=-0.9, eyes=45),
        Face(330, 200, eyes=110),
    ],
)
def test_points_lie_where_the_face_is(face):
    (frame,) = follow(picture(face))

    assert frame.reason == ""
    np.testing.assert_allclose(frame.landmarks_L2, face.points(), atol=0.04 * face.eyes)
    assert frame.quality.eye_distance_px == pytest.approx(face.eyes, rel=0.04)
    assert (frame.quality.faces, frame.quality.presence) == (1, 0.99)


def test_a_mirrored_picture_gives_mirrored_points_though_the_network_leans():
    networks = MarkNetworks(lean_px=1.2)
    image = picture(Face(300, 200, angle=0.2))

    (frame,), (mirrored,) = follow(image, networks=networks), follow(image[:, ::-1].copy())

    back = mirrored.landmarks_L2[list(MIRRORED)] * [-1, 1] + [image.shape[1] - 1, 0]
    np.testing.assert_allclose(frame.landmarks_L2, back, atol=0.6)
    assert frame.quality.disagreement > 0.03


def test_a_network_that_contradicts_itself_is_not_believed():
    (frame,) = follow(picture(Face(300, 200)), networks=MarkNetworks(lean_px=9))

    assert frame.landmarks_L2 is None
    assert frame.reason == UNSURE


def test_a_blank_picture_gives_nothing():
    (frame,) = follow(np.zeros((480, 640, 3), np.uint8))

    assert (frame.landmarks_L2, frame.reason, frame.quality.faces) == (None, NO_FACE, 0)


def test_a_face_that_only_a_closer_look_shows_is_found():
    face = Face(1500, 300, eyes=40)
    (frame,) = follow(picture(face, width=1920, height=1080))

    np.testing.assert_allclose(frame.landmarks_L2, face.points(), atol=2)


def test_a_moving_face_is_followed_without_searching_anew():
    networks = MarkNetworks()
    faces = [Face(200 + 12 * i, 200 + 4 * i, angle=0.04 * i) for i in range(8)]

    frames = follow(*[picture(face) for face in faces], networks=networks)

    assert len(networks.windows_seen) == 1 + 4 + 7 * (1 + 2)
    assert [frame.reason for frame in frames] == [""] * 8
    np.testing.assert_allclose(frames[7].landmarks_L2, faces[7].points(), atol=3)
    assert frames[7].quality.jump == pytest.approx(np.hypot(12, 4) / 60, abs=0.05)


def test_a_face_that_the_first_network_loses_is_followed_all_the_same():
    image = picture(Face(300, 200))
    tracker = FaceTracker(networks := MarkNetworks())
    tracker.next_frame(image, time_s=0)
    networks.blind = (0,)

    frame = tracker.next_frame(image, time_s=FRAME_S)

    assert frame.reason == ""
    assert frame.quality.score == 0


def test_of_two_faces_alike_none_is_taken():
    (frame,) = follow(picture(Face(180, 200), Face(460, 200, kind=1)))

    assert frame.reason == TWO_FACES
    assert frame.quality.faces == 2


def test_a_clearly_larger_face_is_the_patient():
    (frame,) = follow(picture(Face(320, 200, eyes=90), Face(560, 150, eyes=40, kind=1)))

    assert center_x(frame) == pytest.approx(320, abs=3)


def test_whoever_comes_later_does_not_take_over():
    patient, doctor = Face(200, 240), Face(480, 200, eyes=110, kind=1)

    frames = follow(picture(patient), picture(patient, doctor), picture(patient, doctor))

    assert [frame.reason for frame in frames] == ["", "", ""]
    assert center_x(frames[2]) == pytest.approx(200, abs=3)
    assert frames[2].quality.faces == 2


def test_a_face_that_was_hidden_is_found_again_beside_another():
    patient, doctor = Face(160, 240), Face(520, 200, kind=1)

    frames = follow(picture(patient), picture(doctor), picture(patient, doctor))

    assert [frame.reason for frame in frames] == ["", NO_FACE, ""]
    assert center_x(frames[2]) == pytest.approx(160, abs=3)


def test_after_a_long_absence_whoever_is_there_is_taken():
    patient, other = Face(160, 240), Face(520, 240, kind=1)

    frames = follow(picture(patient), picture(other), step_s=3)

    assert center_x(frames[1]) == pytest.approx(520, abs=3)


def test_points_that_jump_are_left_out_until_they_stay():
    here, there = picture(Face(260, 200)), picture(Face(340, 200))

    frames = follow(here, there, there, there, there, there)

    assert [frame.reason for frame in frames] == ["", JUMP, JUMP, JUMP, "", ""]
    assert frames[1].quality.jump == pytest.approx(80 / 60, abs=0.05)


def test_a_face_that_grows_at_once_is_another_one():
    frames = follow(picture(Face(300, 200, eyes=50)), picture(Face(300, 200, eyes=90, kind=1)))

    assert frames[1].reason == JUMP
