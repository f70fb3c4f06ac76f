"""From an image to the crop that a network sees, and back."""

import logging
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algr.data import align_face, landmark_file
from algr.errors import DataError
from algr.inputs import TimedFace, face_of, faces_of_video, find_source, image_face
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

    assert source.landmarks == landmark_file(tmp_path / "photo_land.csv")
    expected = align_face(photo, points.astype(np.float32)).image_HWC[12:188, 12:188]
    np.testing.assert_array_equal(image_face(source).face.crop_HWC, expected)


def test_a_photo_with_landmarks_of_two_frames_is_refused(
    photo: np.ndarray, points: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    (tmp_path / "photo_land.csv").write_text(landmark_csv({0: points, 1: points}))

    with pytest.raises(DataError, match=r"photo_land\.csv: landmarks of 2 frames"):
        image_face(find_source(tmp_path / "photo.png"))


def test_of_two_landmark_files_the_one_that_is_used_is_said(
    video: Path, caplog: pytest.LogCaptureFixture
) -> None:
    np.save(video.with_suffix(".npy"), np.zeros((1, 49, 2)))

    with caplog.at_level(logging.WARNING, logger="algr.inputs.files"):
        source = find_source(video)

    assert source.landmarks is not None
    assert source.landmarks.name == "visit_land.csv"
    assert caplog.messages == [
        "visit.mp4: landmarks of visit_land.csv are used, not those of visit.npy"
    ]


def test_what_was_assumed_of_a_landmark_file_is_said(
    video: Path, points: np.ndarray, caplog: pytest.LogCaptureFixture
) -> None:
    one_based = "\n".join(f"{x + 1} {y + 1}" for x, y in points)
    folder = video.with_name("visit_pts")
    folder.mkdir()
    (folder / "1.pts").write_text(f"version: 1\nn_points: 49\n{{\n{one_based}\n}}\n")

    with caplog.at_level(logging.INFO, logger="algr.inputs.files"):
        frames = list(faces_of_video(video, landmarks=landmark_file(folder), fps=None))

    assert isinstance(frames[0], TimedFace)
    assert "visit_pts: pixels counted from 1" in caplog.messages


@pytest.mark.parametrize("name", ["visit_land.csv", "face.PTS", "points.npy"])
def test_a_landmark_file_in_the_place_of_its_picture_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("frame,x0,y0\n")

    with pytest.raises(DataError, match=f"{name}: is no image and no video") as caught:
        find_source(tmp_path / name)

    assert "--landmarks FILE" in caught.value.message
