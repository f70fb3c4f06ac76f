"""From an image to the crop that a network sees, and back."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algr.data import align_face
from algr.errors import DataError
from algr.inputs import face_of, find_source, image_face
from tests.recordings import landmark_csv


def test_a_point_goes_to_the_crop_and_back(photo: np.ndarray, points: np.ndarray) -> None:
    aligned = align_face(photo, points)

    face = face_of(photo, points, name="photo")

    in_crop = aligned.landmarks_L2 - 12
    assert face.to_image(in_crop) == pytest.approx(points, abs=1e-3)


@pytest.mark.parametrize(("side", "shift"), [(200, 12), (176, 0)])
def test_an_aligned_image_is_cut_or_taken_as_it_is(
    photo: np.ndarray, tmp_path: Path, side: int, shift: int
) -> None:
    Image.fromarray(photo[:side, :side]).save(tmp_path / "aligned.png")

    timed = image_face(find_source(tmp_path / "aligned.png"))

    expected = photo[shift : shift + 176, shift : shift + 176]
    np.testing.assert_array_equal(timed.face.crop_HWC, expected)
    assert timed.face.to_image(np.zeros((1, 2))).tolist() == [[shift, shift]]
    assert timed.time_s is None


def test_landmarks_beside_a_photo_are_found(
    photo: np.ndarray, points: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    (tmp_path / "photo_land.csv").write_text(landmark_csv({0: points}))

    source = find_source(tmp_path / "photo.png")

    assert source.landmarks == tmp_path / "photo_land.csv"
    expected = align_face(photo, points.astype(np.float32)).image_HWC[12:188, 12:188]
    np.testing.assert_array_equal(image_face(source).face.crop_HWC, expected)


def test_a_photo_with_landmarks_of_two_frames_is_refused(
    photo: np.ndarray, points: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    (tmp_path / "photo_land.csv").write_text(landmark_csv({0: points, 1: points}))

    with pytest.raises(DataError, match=r"photo_land\.csv: landmarks of 2 frames"):
        image_face(find_source(tmp_path / "photo.png"))
