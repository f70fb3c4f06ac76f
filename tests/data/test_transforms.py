import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import interpolate

from algr.data import augment_batch, center_batch, crop_batch, squared_interocular
from algr.data.transforms import _crop_by_index, _crop_by_slices
from algr.faces import MIRRORED


@pytest.fixture(scope="module")
def faces():
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (6, 200, 200, 3), dtype=torch.uint8, generator=generator)
    return images, 200 * torch.rand(6, 49, 2, generator=generator)


def reference_crop(image, points, *, left, top, mirrored):
    """One image in NumPy, as the official loader does it."""
    crop = image.numpy()[top : top + 176, left : left + 176].astype(np.float32)
    places = points.numpy() - [left, top]
    if mirrored:
        crop = crop[:, ::-1]
        places = np.stack([175 - places[:, 0], places[:, 1]], axis=1)[list(MIRRORED)]
    return np.moveaxis((crop / 255 - 0.5) / 0.5, 2, 0), places


@settings(deadline=None, max_examples=25)
@given(
    draws=st.lists(
        st.tuples(st.integers(0, 24), st.integers(0, 24), st.booleans()), min_size=6, max_size=6
    )
)
def test_crops_are_those_of_a_reference_image_by_image(faces, draws):
    images, points = faces

    batch = crop_batch(
        images,
        points,
        offsets_B2=torch.tensor([draw[:2] for draw in draws]),
        mirrored_B=torch.tensor([draw[2] for draw in draws]),
        input_size=176,
    )

    for number, (left, top, mirrored) in enumerate(draws):
        image, places = reference_crop(
            images[number], points[number], left=left, top=top, mirrored=mirrored
        )
        np.testing.assert_allclose(batch.images_BCHW[number].numpy(), image, atol=1e-6)
        np.testing.assert_allclose(batch.landmarks_BL2[number].numpy(), places, atol=1e-4)


def test_both_ways_of_cropping_give_the_same_bytes(faces):
    offsets = torch.tensor([[0, 24], [24, 0], [12, 12], [3, 7], [1, 0], [24, 24]])
    mirrored = torch.tensor([True, False, True, False, False, True])

    crops = [
        crop(faces[0], offsets_B2=offsets, mirrored_B=mirrored)
        for crop in (_crop_by_index, _crop_by_slices)
    ]

    assert torch.equal(*crops)


@pytest.mark.parametrize("size", [96, 176])
def test_an_empty_batch_stays_empty(faces, size):
    """A replica may get no image of a small last batch."""
    images, points = faces[0][:0], faces[1][:0]

    random = augment_batch(images, points, generator=torch.Generator(), input_size=size)
    centre = center_batch(images, points, input_size=size)

    assert random.images_BCHW.shape == centre.images_BCHW.shape == (0, 3, size, size)
    assert random.landmarks_BL2.shape == centre.landmarks_BL2.shape == (0, 49, 2)


def test_the_centre_crop_begins_at_12(faces):
    images, points = faces

    batch = center_batch(images, points, input_size=176)

    image, places = reference_crop(images[3], points[3], left=12, top=12, mirrored=False)
    np.testing.assert_allclose(batch.images_BCHW[3].numpy(), image, atol=1e-6)
    np.testing.assert_allclose(batch.landmarks_BL2[3].numpy(), places, atol=1e-4)


@pytest.mark.parametrize("size", [96, 64, 256])
def test_resizing_is_an_antialiased_bilinear_and_leaves_the_landmarks(faces, size):
    images, points = faces
    full = center_batch(images, points, input_size=176)

    small = center_batch(images, points, input_size=size)

    expected = interpolate(
        full.images_BCHW, (size, size), mode="bilinear", align_corners=False, antialias=True
    )
    torch.testing.assert_close(small.images_BCHW, expected, atol=2e-6, rtol=0)
    assert torch.equal(small.landmarks_BL2, full.landmarks_BL2)


def test_a_mark_on_the_face_stays_under_its_landmark_when_mirrored():
    image = torch.zeros(1, 200, 200, 3, dtype=torch.uint8)
    image[0, 90, 60] = 255
    points = torch.full((1, 49, 2), 100.0)
    points[0, 19] = torch.tensor([60.0, 90.0])

    batch = crop_batch(
        image,
        points,
        offsets_B2=torch.tensor([[10, 20]]),
        mirrored_B=torch.tensor([True]),
        input_size=176,
    )

    x, y = batch.landmarks_BL2[0, MIRRORED[19]].int().tolist()
    assert batch.images_BCHW[0, :, y, x].tolist() == [1, 1, 1]
    assert batch.images_BCHW.sum() == 3 - (3 * 176 * 176 - 3)


def test_augmentation_is_decided_by_the_generator(faces):
    first, second, third = (
        augment_batch(*faces, generator=torch.Generator().manual_seed(seed), input_size=96)
        for seed in (1, 1, 2)
    )

    assert torch.equal(first.images_BCHW, second.images_BCHW)
    assert torch.equal(first.landmarks_BL2, second.landmarks_BL2)
    assert not torch.equal(first.images_BCHW, third.images_BCHW)


def test_augmentation_reaches_all_offsets_and_mirrors_half():
    """The offset and the mirroring are read off the landmarks."""
    images = torch.zeros(1000, 1, 1, 3, dtype=torch.uint8).expand(-1, 200, 200, -1)
    points = torch.arange(98.0).reshape(1, 49, 2).expand(1000, -1, -1)

    seen_x, seen_y, mirrored = set(), set(), 0
    for start in range(0, 1000, 200):
        generator = torch.Generator().manual_seed(start)
        places = augment_batch(
            images[start : start + 200],
            points[start : start + 200],
            generator=generator,
            input_size=64,
        ).landmarks_BL2
        flipped = places[:, 10, 0] < places[:, 11, 0]
        mirrored += int((~flipped).sum())
        seen_x |= set((20 - places[flipped, 10, 0]).int().tolist())
        seen_y |= set((21 - places[:, 10, 1]).int().tolist())

    assert seen_x == seen_y == set(range(25))
    assert 430 < mirrored < 570


def test_values_lie_between_minus_1_and_1(faces):
    images = center_batch(*faces, input_size=96).images_BCHW

    assert images.dtype == torch.float32
    assert images.min() >= -1
    assert images.max() <= 1


def test_missing_landmarks_stay_missing(faces):
    images, points = faces
    points = points.clone()
    points[2] = torch.nan

    places = augment_batch(
        images, points, generator=torch.Generator().manual_seed(0), input_size=64
    ).landmarks_BL2

    assert places[2].isnan().all()
    assert not places[[0, 1, 3, 4, 5]].isnan().any()


def test_squared_interocular_distance_by_hand():
    points = torch.zeros(2, 49, 2)
    points[0, 19:25] = torch.tensor([10.0, 20.0])
    points[0, 25:31] = torch.tensor([40.0, 60.0])
    points[1, 30] = torch.nan

    squared = squared_interocular(points)

    assert squared[0] == 2500
    assert squared[1].isnan()
