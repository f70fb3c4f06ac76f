"""Predictions for images and videos."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from algr.bundle import Bundle, note_version
from algr.bundle.deployed import DeployedNetwork
from algr.data import align_face
from algr.errors import DataError, IntegrityError, UsageError
from algr.serving import Predictor


def as_array(reply: object) -> np.ndarray:
    return np.array(reply.frames[0].landmarks)  # type: ignore[attr-defined]


def probabilities(reply: object) -> list[float]:
    return list(reply.frames[0].grade_probability.values())  # type: ignore[attr-defined]


def test_a_crop_gives_what_the_torch_network_gives(
    predictor: Predictor, stand_in_network: nn.Module, photo: np.ndarray
) -> None:
    crop = np.ascontiguousarray(photo[:176, :176])
    deployed = DeployedNetwork(stand_in_network, kind="grade", input_size=96)

    with torch.no_grad():
        probability, landmarks, _ = deployed(torch.from_numpy(crop[None]))
    reply = predictor.predict_image(crop)

    assert probabilities(reply) == pytest.approx(probability[0].tolist(), abs=1e-5)
    assert as_array(reply) == pytest.approx(landmarks[0].numpy(), abs=0.01)
    assert reply.frames[0].grade_index == int(probability.argmax())


def test_an_aligned_face_is_seen_by_its_centre(predictor: Predictor, photo: np.ndarray) -> None:
    aligned = np.ascontiguousarray(photo[:200, :200])

    whole = predictor.predict_image(aligned)
    centre = predictor.predict_image(np.ascontiguousarray(aligned[12:188, 12:188]))

    assert probabilities(whole) == probabilities(centre)
    assert as_array(whole) == pytest.approx(as_array(centre) + 12, abs=0.011)


def test_landmarks_of_an_aligned_photo_come_back_in_its_pixels(
    predictor: Predictor, photo: np.ndarray, points: np.ndarray
) -> None:
    aligned = align_face(photo, points)

    photo_reply = predictor.predict_image(photo, points)
    aligned_reply = predictor.predict_image(aligned.image_HWC)

    assert probabilities(photo_reply) == probabilities(aligned_reply)
    expected = aligned.from_aligned(as_array(aligned_reply))
    assert as_array(photo_reply) == pytest.approx(expected, abs=0.05)


def test_another_image_without_landmarks_is_refused(
    predictor: Predictor, photo: np.ndarray
) -> None:
    with pytest.raises(DataError, match="320 x 240 pixels without landmarks") as caught:
        predictor.predict_image(photo, name="photo.jpg")

    assert "200 x 200" in caught.value.expected
    assert "--landmarks" in caught.value.advice


def test_a_video_is_graded_by_the_mean_over_its_frames(predictor: Predictor, video: Path) -> None:
    result = predictor.predict_file(video, fps=10)

    frames = result["frames"]
    assert [frame["frame"] for frame in frames] == list(range(2, 40, 2))  # type: ignore[attr-defined]
    assert frames[0]["time_s"] == 0.1  # type: ignore[index]
    mean = {
        label: np.mean([frame["grade_probability"][label] for frame in frames])  # type: ignore[attr-defined]
        for label in predictor.bundle.labels
    }
    assert result["video"]["grade_probability"] == pytest.approx(mean, abs=1e-6)  # type: ignore[index]
    assert result["video"]["grade"] == max(mean, key=lambda label: mean[label])  # type: ignore[index]
    assert result["video"]["frames_used"] == 19  # type: ignore[index]


def test_a_result_names_the_model_and_says_research_use(predictor: Predictor, video: Path) -> None:
    result = predictor.predict_file(video, fps=1)

    assert result["model"] == {"name": "algr-clinic", "sha256": predictor.bundle.sha256}
    assert "research use" in str(result["notice"])
    assert "au_probability" not in result["frames"][0]  # type: ignore[index]


def test_a_pulled_model_names_its_version(grade_bundle: Bundle, tmp_path: Path) -> None:
    for path in grade_bundle.directory.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    note_version(tmp_path, version=3, sha256=grade_bundle.sha256)

    assert Predictor.open(tmp_path, threads=1).model.version == 3


def test_a_video_without_landmarks_is_refused(predictor: Predictor, video: Path) -> None:
    (video.parent / "visit_land.csv").unlink()

    with pytest.raises(DataError, match=r"visit\.mp4: no landmarks beside it") as caught:
        predictor.predict_file(video)

    assert "visit_land.csv" in caught.value.expected


def test_landmarks_of_another_video_are_refused(predictor: Predictor, video: Path) -> None:
    track = video.parent / "visit_land.csv"
    header, row, *_ = track.read_text().splitlines()
    track.write_text(f"{header}\n900{row[row.index(',') :]}\n")

    with pytest.raises(DataError, match=r"no frame could be used with visit_land\.csv") as caught:
        predictor.predict_file(video)

    assert caught.value.problems == ("12 frames: no row in the landmark file",)


def spoil_some_frames(video: Path, points: np.ndarray) -> None:
    """Small, outside, incomplete and absurd faces among the good ones."""
    track = video.parent / "visit_land.csv"
    lines = track.read_text().splitlines()
    small, outside = points / 20 + 100, points + np.array([300.0, 0.0])
    spoilt = {4: small, 6: small, 8: outside, 12: points * 1e30}
    for frame, bad in spoilt.items():
        lines[frame - 1] = f"{frame}," + ",".join(f"{value:g}" for value in bad.ravel())
    cells = lines[9].split(",")
    lines[9] = ",".join([*cells[:5], "", *cells[6:]])
    track.write_text("\n".join(lines) + "\n")


def test_frames_that_a_preparation_rejects_are_left_out_and_named(
    predictor: Predictor, video: Path, points: np.ndarray
) -> None:
    spoil_some_frames(video, points)

    result = predictor.predict_file(video, fps=10)

    used = [frame["frame"] for frame in result["frames"]]  # type: ignore[attr-defined]
    assert used == [2, *range(14, 40, 2)]
    assert result["video"]["frames_used"] == 14  # type: ignore[index]
    assert result["rejected"] == [
        {"reason": "eye centres less than 8 pixels apart", "count": 2, "frames": [4, 6]},
        {"reason": "face outside of the picture", "count": 2, "frames": [8, 12]},
        {"reason": "landmarks missing", "count": 1, "frames": [10]},
        {"reason": "no row in the landmark file", "count": 1, "frames": [0]},
    ]


def test_the_table_names_what_was_left_out(
    predictor: Predictor, video: Path, points: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    from algr.cli.tables import print_predictions

    spoil_some_frames(video, points)

    print_predictions([video], [predictor.predict_file(video, fps=10)])

    assert "left out: 2 frames (eye centres less than 8 pixels apart)" in capsys.readouterr().out


def test_an_image_with_landmarks_far_outside_is_refused(
    predictor: Predictor, photo: np.ndarray, points: np.ndarray, tmp_path: Path
) -> None:
    Image.fromarray(photo).save(tmp_path / "photo.png")
    header = ",".join(["frame", *(f"{axis}{i}" for i in range(49) for axis in "xy")])
    row = "0," + ",".join(f"{value:g}" for value in (points * 1e12).ravel())
    (tmp_path / "photo_land.csv").write_text(f"{header}\n{row}\n")

    with pytest.raises(DataError, match=r"photo\.png: face outside of the picture"):
        predictor.predict_file(tmp_path / "photo.png")


def test_a_missing_file_is_named(predictor: Predictor, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.mp4: no such file"):
        predictor.predict_file(tmp_path / "gone.mp4")


def test_a_file_that_is_neither_image_nor_video_is_named(predictor: Predictor, video: Path) -> None:
    video.write_bytes(b"nothing")

    with pytest.raises(DataError, match=r"visit\.mp4: cannot be read as a video"):
        predictor.predict_file(video)


def test_a_folder_without_a_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no model bundle"):
        Predictor.open(tmp_path)


def test_an_altered_model_is_not_loaded(grade_bundle: Bundle, tmp_path: Path) -> None:
    for path in grade_bundle.directory.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "card.md").write_text("better than it is")

    with pytest.raises(IntegrityError, match=r"card\.md: sha256"):
        Predictor.open(tmp_path)


def test_action_units_are_given_by_name(au_bundle: Bundle, photo: np.ndarray) -> None:
    crop = np.ascontiguousarray(photo[:176, :176])

    result = Predictor(au_bundle, threads=1).predict_image(crop).to_dict()

    frame = result["frames"][0]  # type: ignore[index]
    assert set(frame["au_probability"]) == {"AU1", "AU2", "AU4"}
    assert "grade" not in frame
    assert "video" not in result


def test_a_result_says_where_its_landmarks_came_from(
    predictor: Predictor, video: Path, photo: np.ndarray, points: np.ndarray
) -> None:
    aligned = align_face(photo, points).image_HWC
    Image.fromarray(aligned).save(video.parent / "aligned.png")
    Image.fromarray(photo).save(video.parent / "photo.png")
    np.save(video.parent / "photo.npy", points)

    graded = predictor.predict_file(video, fps=1)
    measured = predictor.predict_file(video.parent / "photo.png")
    given = predictor.predict_file(video.parent / "aligned.png", models=video.parent)

    assert graded["landmark_source"] == "visit_land.csv"
    assert measured["landmark_source"] == "photo.npy"
    assert "landmark_source" not in given
