import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algr.data.detector.boxes import Faces, anchor_centers, decode_faces, merge_faces, overlap
from algr.data.detector.mesh import MESH_POINT
from algr.faces import MIRRORED


def test_anchors_stand_two_on_a_fine_grid_then_six_on_a_coarse_one():
    anchors = anchor_centers()

    assert anchors.shape == (896, 2)
    np.testing.assert_array_equal(anchors[[0, 1]], [[1 / 32, 1 / 32]] * 2)
    np.testing.assert_array_equal(anchors[2], [3 / 32, 1 / 32])  # x runs first
    np.testing.assert_array_equal(anchors[32], [1 / 32, 3 / 32])
    np.testing.assert_array_equal(anchors[512:518], [[1 / 16, 1 / 16]] * 6)
    np.testing.assert_array_equal(anchors[895], [15 / 16, 15 / 16])


def test_boxes_and_points_are_counted_from_their_anchor_in_pixels():
    raw, logit = np.zeros((896, 16), np.float32), np.full(896, -5.0)
    raw[895] = [12.8, 0, 25.6, 12.8, -12.8, 6.4, *[0] * 10]
    logit[895] = 0.1

    faces = decode_faces(raw, logit, min_score=0.5)

    assert len(faces) == 1
    assert faces.score_A[0] == pytest.approx(1 / (1 + np.exp(-0.1)))
    np.testing.assert_allclose(faces.box_A4[0] * 16, [15, 14.2, 18.2, 15.8], atol=1e-6)
    np.testing.assert_allclose(faces.points_AK2[0, :2] * 16, [[13.4, 15.8], [15, 15]], atol=1e-6)


def test_nothing_found_is_no_face_and_extreme_scores_do_no_harm():
    raw, logit = np.zeros((896, 16), np.float32), np.full(896, -1e30)

    assert len(decode_faces(raw, logit, min_score=0.5)) == 0


def slow_overlap(one, other):
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    common = max(wide, 0) * max(high, 0)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    together = sum(areas) - common
    return common / together if together > 0 else 0.0


def slow_merge(scores, boxes):
    """Boxes of the weighted suppression, one candidate at a time."""
    left = sorted(range(len(scores)), key=lambda i: -scores[i])
    merged = []
    while left:
        first = left[0]
        group = [i for i in left if i == first or slow_overlap(boxes[first], boxes[i]) > 0.3]
        left = [i for i in left if i not in group]
        total = sum(scores[i] for i in group)
        merged.append([sum(scores[i] * boxes[i][k] for i in group) / total for k in range(4)])
    return np.array(merged).reshape(-1, 4)


@st.composite
def candidates(draw):
    count = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    low = rng.uniform(0, 0.6, (count, 2))
    boxes = np.concatenate([low, low + rng.uniform(0, 0.5, (count, 2))], axis=1)
    return rng.uniform(0.5, 1, count), boxes


@given(candidates())
def test_merging_gives_what_the_slow_reference_gives(given_candidates):
    scores, boxes = given_candidates
    points = np.zeros((len(scores), 6, 2))

    merged = merge_faces(Faces(score_A=scores, box_A4=boxes, points_AK2=points))

    np.testing.assert_allclose(merged.box_A4, slow_merge(scores, boxes), atol=1e-12)
    assert (np.diff(merged.score_A) <= 0).all()


@given(candidates())
def test_overlap_is_area_in_common_over_area_together(given_candidates):
    _, boxes = given_candidates
    one = np.array([0.2, 0.2, 0.7, 0.7])

    np.testing.assert_allclose(overlap(one, boxes), [slow_overlap(one, box) for box in boxes])


def test_mesh_points_of_mirrored_landmarks_are_mirrored_mesh_points():
    """Pairs of the mesh's own symmetry: corners of eyes and mouth, ends of brows, nostrils."""
    pairs = {33: 263, 133: 362, 61: 291, 70: 300, 107: 336, 75: 305, 160: 387, 81: 311, 84: 314}

    assert len(set(MESH_POINT)) == 49
    mirrored = {MESH_POINT[i]: MESH_POINT[MIRRORED[i]] for i in range(49)}
    assert {point: mirrored[point] for point in pairs} == pairs
    assert [point for point, other in mirrored.items() if point == other] == [
        *(168, 6, 195, 4, 2, 0, 17, 13, 14)
    ]
