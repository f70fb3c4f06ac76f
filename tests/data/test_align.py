import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from algr.data import align_face
from algr.errors import DataError
from algr.faces import LEFT_EYE, RIGHT_EYE


def official_landmarks(points):
    """The arithmetic of PyTorch-JAANet's `align_face_49pts`, number by number."""
    left = [sum(points[i][axis] for i in range(19, 25)) / 6.0 for axis in (0, 1)]
    right = [sum(points[i][axis] for i in range(25, 31)) / 6.0 for axis in (0, 1)]
    dx, dy = right[0] - left[0], right[1] - left[1]
    length = math.sqrt(dx * dx + dy * dy)
    sine, cosine = dy / length, dx / length
    turned = [
        (cosine * x + sine * y, -sine * x + cosine * y)
        for x, y in (left, right, points[13], points[31], points[37])
    ]
    xs, ys = [x for x, _ in turned], [y for _, y in turned]
    cx, cy = (max(xs) + min(xs)) * 0.5, (max(ys) + min(ys)) * 0.5
    half = 0.5 * 2.9 * max(max(xs) - min(xs), max(ys) - min(ys))
    scale = (200 - 1) / 2.0 / half
    return [
        (
            scale * (cosine * x + sine * y) + scale * (half - cx),
            scale * (-sine * x + cosine * y) + scale * (half - cy),
        )
        for x, y in points
    ]


@given(
    seed=st.integers(0, 2**31), angle=st.floats(-3, 3), size=st.floats(40, 900), y=st.floats(0, 500)
)
def test_landmarks_are_those_of_the_official_code(kit, seed, angle, size, y):
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    points = kit.face_points(seed=seed, size=size, center=0) @ turn.T + [300, y]

    aligned = align_face(np.zeros((9, 9, 3), np.uint8), points)

    expected = np.asarray(official_landmarks(points.tolist()))
    moved = points @ aligned.to_aligned[:, :2].T + aligned.to_aligned[:, 2]
    np.testing.assert_allclose(moved, expected, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(aligned.landmarks_L2, moved.astype(np.float32))
    np.testing.assert_allclose(aligned.from_aligned(moved), points, atol=1e-6)


def test_numbers_of_one_face_by_hand():
    """Eyes at (100, 100) and (200, 100), nose and mouth between: the box is 290 wide."""
    points = np.tile([150.0, 150.0], (49, 1))
    points[list(LEFT_EYE)] = [100, 100]
    points[list(RIGHT_EYE)] = [200, 100]
    points[[31, 37]] = [[110, 190], [190, 190]]

    aligned = align_face(np.zeros((300, 300, 3), np.uint8), points)

    scale = 199 / 290  # 2.9 times the distance of 100; centre (150, 145)
    np.testing.assert_allclose(aligned.landmarks_L2[19], [99.5 - 50 * scale, 99.5 - 45 * scale])
    np.testing.assert_allclose(aligned.landmarks_L2[37], [99.5 + 40 * scale, 99.5 + 45 * scale])


def test_eyes_end_up_level(kit):
    points = kit.face_points(size=300, center=0) @ np.array([[0.6, 0.8], [-0.8, 0.6]]) + 400

    aligned = align_face(np.zeros((800, 800, 3), np.uint8), points).landmarks_L2

    left, right = aligned[list(LEFT_EYE)].mean(axis=0), aligned[list(RIGHT_EYE)].mean(axis=0)
    assert left[1] == pytest.approx(right[1], abs=1e-4)
    assert left[0] < right[0]


@pytest.mark.parametrize("size", [60.0, 150.0, 330.0, 700.0])
def test_a_dot_ends_up_where_its_landmark_does(kit, size):
    """For faces smaller and larger than the result; within a quarter of a pixel."""
    points = kit.face_points(size=size, center=450)
    image = np.zeros((900, 900, 3), np.uint8)
    x, y = np.round(points[13]).astype(int)
    points[13] = [x, y]
    radius = max(2, round(size / 50))
    rows, columns = np.mgrid[:900, :900]
    image[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = 255

    aligned = align_face(image, points)

    weight = aligned.image_HWC[:, :, 0].astype(float) * (aligned.image_HWC[:, :, 0] != 128)
    rows, columns = np.mgrid[:200, :200]
    found = [(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()]
    np.testing.assert_allclose(found, aligned.landmarks_L2[13], atol=0.25)


@pytest.mark.parametrize("size", [420.0, 700.0, 1500.0])
def test_fine_stripes_average_to_grey_instead_of_to_moire(kit, size):
    image = np.zeros((2400, 2400, 3), np.uint8)
    image[:, ::2] = 200

    inside = align_face(image, kit.face_points(size=size, center=1200)).image_HWC[60:140, 60:140]

    assert abs(inside.astype(float) - 100).max() < 30
    assert inside.mean() == pytest.approx(100, abs=1)


def test_a_face_at_its_own_size_keeps_its_pixels(kit):
    """Where one output pixel is one source pixel, the map is a shift by whole pixels."""
    points = np.tile([99.0, 99.0], (49, 1))
    points[list(LEFT_EYE)] = [70, 70]
    extent = 199 / 2.9  # gives the scale 1
    points[list(RIGHT_EYE)] = [70 + extent, 70]
    points[[31, 37]] = [[80, 70 + extent], [100, 70 + extent]]
    image = np.random.default_rng(0).integers(0, 256, (210, 210, 3), dtype=np.uint8)
    shift = 0.5 * extent + 70 - 99.5
    points += round(shift) - shift

    aligned = align_face(image, points).image_HWC

    start = round(shift)
    expected = image[start : start + 200, start : start + 200]
    np.testing.assert_allclose(aligned, expected.astype(float), rtol=0, atol=1)


def test_outside_of_the_picture_is_grey_128(kit):
    aligned = align_face(np.zeros((96, 96, 3), np.uint8), kit.face_points(size=80, center=0))

    assert (aligned.image_HWC[0, 0] == 128).all()
    assert (aligned.image_HWC[-1, -1] == 0).all()


def test_a_face_quite_outside_is_all_grey(kit):
    aligned = align_face(np.zeros((96, 96, 3), np.uint8), kit.face_points(center=900))

    assert (aligned.image_HWC == 128).all()


def test_the_same_face_gives_the_same_bytes(kit):
    image = np.random.default_rng(1).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    points = kit.face_points(size=90, center=140)

    first, second = align_face(image, points), align_face(np.asfortranarray(image), points)

    np.testing.assert_array_equal(first.image_HWC, second.image_HWC)


def test_agrees_with_a_fine_point_sampling(kit):
    """A smooth picture, its middle mapped by the definition: 8 x 8 bilinear samples per pixel."""
    rng = np.random.default_rng(3)
    small = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
    image = np.asarray(small.resize((400, 400), Image.Resampling.BICUBIC))
    points = kit.face_points(size=150, center=0) @ np.array([[0.96, 0.28], [-0.28, 0.96]]) + 200

    aligned = align_face(image, points)

    grid = 70 + (np.arange(480) + 0.5) / 8 - 0.5
    x, y = np.meshgrid(grid, grid)
    source = aligned.from_aligned(np.stack([x.ravel(), y.ravel()], axis=1))
    x0, y0 = np.floor(source).astype(int).T
    fx, fy = (source - np.floor(source)).T[:, :, None]
    picture = image.astype(float)
    samples = (1 - fy) * ((1 - fx) * picture[y0, x0] + fx * picture[y0, x0 + 1]) + fy * (
        (1 - fx) * picture[y0 + 1, x0] + fx * picture[y0 + 1, x0 + 1]
    )
    expected = samples.reshape(60, 8, 60, 8, 3).mean(axis=(1, 3))
    error = aligned.image_HWC[70:130, 70:130] - expected
    assert abs(error).max() <= 4
    assert abs(error).mean() < 0.7  # Pillow cuts fractions off; half a pixel of shift gives 1.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"drop": 13}, "a landmark that the alignment needs is missing"),
        ({"drop": 25}, "a landmark that the alignment needs is missing"),
        ({"size": 8.0}, "the eye centres are 4.0 pixels apart"),
        ({"count": 48}, r"landmarks of shape \(48, 2\)"),
        ({"image": np.zeros((9, 9), np.uint8)}, "an image of type uint8"),
        ({"image": np.zeros((9, 9, 3))}, "an image of type float64"),
        ({"size": 1e7}, "a landmark lies beyond any picture"),
        ({"size": 1e160}, "a landmark lies beyond any picture"),
    ],
)
def test_what_cannot_be_aligned_is_said(kit, change, message):
    points = np.zeros((49, 2))
    points[list(RIGHT_EYE), 0] = change.get("size", 80.0) / 2
    points[37] = [20, 40]
    points = points[: change.get("count", 49)]
    if "drop" in change:
        points[change["drop"]] = np.nan
    image = change.get("image", np.zeros((96, 96, 3), np.uint8))

    with pytest.raises(DataError, match=message):
        align_face(image, points)


def test_points_that_the_transform_does_not_need_may_be_missing(kit):
    points = kit.face_points()
    points[3] = np.nan

    aligned = align_face(np.zeros((96, 96, 3), np.uint8), points)

    assert np.isnan(aligned.landmarks_L2[3]).all()
    assert np.isnan(aligned.landmarks_L2).sum() == 2
