from dataclasses import replace

import numpy as np
import pytest

from algr.data import align_face
from algr.faces import LEFT_EYE, MIRRORED, RIGHT_EYE
from algr.simulate.geometry import landmarks, trace
from algr.simulate.muscles import MOVER_INDEX, MOVERS, weights_at
from algr.simulate.person import draw_rooms, draw_scene
from algr.simulate.render import FRAME_SIZE


@pytest.fixture
def scene():
    rng = np.random.default_rng(0)
    return draw_scene(rng, rooms=draw_rooms(rng))


def test_an_even_face_at_rest_is_its_own_mirror_image(even_shape, still, scene):
    (points,) = landmarks(trace(even_shape, scene, still))
    mirrored = points[list(MIRRORED)]
    mirrored[:, 0] = 2 * scene.centre_x_px - mirrored[:, 0]

    np.testing.assert_allclose(points, mirrored, atol=1e-9)


def test_eye_centres_lie_one_eye_distance_apart(even_shape, still, scene):
    (points,) = landmarks(trace(even_shape, scene, still))
    left, right = points[list(LEFT_EYE)].mean(axis=0), points[list(RIGHT_EYE)].mean(axis=0)

    assert right[0] - left[0] == pytest.approx(scene.eye_distance_px, rel=0.01)
    assert right[1] == pytest.approx(left[1])


def test_points_stand_in_the_order_of_the_convention(even_shape, still, scene):
    (points,) = landmarks(trace(even_shape, scene, still))
    x, y = points.T

    assert (np.diff(x[:10]) > 0).all()
    assert (np.diff(y[10:14]) > 0).all()
    assert (np.diff(x[14:19]) > 0).all()
    assert (np.diff(x[19:23]) > 0).all()
    assert (np.diff(x[25:29]) > 0).all()
    assert (np.diff(x[31:38]) > 0).all()
    assert (np.diff(x[37:43]) < 0).all()
    assert (np.diff(x[43:46]) > 0).all()
    assert (np.diff(x[46:49]) < 0).all()
    assert (y[[20, 21, 26, 27]] < y[[24, 23, 30, 29]]).all()
    assert (y[[43, 44, 45]] <= y[[48, 47, 46]]).all()


def test_raising_one_brow_moves_only_its_points(even_shape, still, scene):
    movers = np.zeros((1, len(MOVERS)))
    movers[0, MOVER_INDEX["frontalis", 0]] = 1.0
    (before,) = landmarks(trace(even_shape, scene, still))
    (after,) = landmarks(trace(even_shape, scene, replace(still, movers_FK=movers)))
    rise = (before - after)[:, 1] / scene.eye_distance_px

    assert rise[1:4].min() > 0.1
    assert np.abs(rise[6:10]).max() < 0.02
    assert np.abs(rise[31:]).max() < 0.001


def test_sides_of_a_muscle_are_mirror_images():
    x, y = np.array([0.5]), np.array([1.0])
    right = weights_at(x, y)[0, MOVER_INDEX["zygomatic", 1]]
    left = weights_at(-x, y)[0, MOVER_INDEX["zygomatic", 0]]

    np.testing.assert_allclose(left, right * (-1.0, 1.0))


@pytest.mark.parametrize("grade_hb", [1, 4, 6])
def test_lids_and_lips_never_cross_and_all_points_lie_in_the_frame(make_take, grade_hb):
    curves = make_take(grade_hb, subject=grade_hb).curves
    points = landmarks(curves)
    lids = curves.lower_lid_FSP2[..., 1] - curves.upper_lid_FSP2[..., 1]
    heights = curves.lips_F4P2[..., 1]

    assert lids.min() > -1.0
    assert (heights[:, 2] - heights[:, 1]).min() > -1e-9
    assert points.min() > 0.0
    assert (points.max(axis=(0, 1)) < FRAME_SIZE).all()


def test_the_aligned_face_fills_the_crop(make_take):
    take = make_take(2)
    image = np.zeros((FRAME_SIZE[1], FRAME_SIZE[0], 3), np.uint8)
    face = align_face(image, landmarks(take.curves)[0].astype(np.float32))
    extent = np.ptp(face.landmarks_L2, axis=0)

    assert 60 < extent[0] < 150
    assert 60 < extent[1] < 150
