import hashlib
import zipfile

import pytest

from algr.data.detector import models
from algr.data.detector.models import (
    MODEL_SHA256,
    detector_status,
    install_models,
    models_folder,
    read_model,
    ready_models,
)
from algr.errors import DataError, IntegrityError, UsageError


@pytest.fixture
def pinned(monkeypatch):
    """Other contents take the place of the pinned ones."""
    contents = {name: f"content of {name}".encode() for name in MODEL_SHA256}
    pins = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(models, "MODEL_SHA256", pins)
    monkeypatch.delenv("ALGR_LANDMARK_MODELS", raising=False)
    return contents


def write_wheel(path, contents):
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in contents.items():
            wheel.writestr(f"mediapipe/modules/some/{name}", content)
    return path


def test_models_are_taken_out_of_a_wheel(pinned, home, tmp_path):
    folder = install_models(write_wheel(tmp_path / "a.whl", pinned), home=home)

    assert folder == home.models / "landmarks"
    assert set(detector_status(home).models.values()) == {"intact"}
    assert {name: read_model(folder, name) for name in pinned} == pinned


def test_models_are_taken_out_of_a_folder_at_any_depth(pinned, home, tmp_path):
    source = tmp_path / "site-packages" / "mediapipe"
    source.mkdir(parents=True)
    written = [(source / name).write_bytes(content) for name, content in pinned.items()]

    install_models(tmp_path / "site-packages", home=home)

    assert len(written) == 2
    assert set(detector_status(home).models.values()) == {"intact"}


def test_other_models_are_refused_by_their_checksum_and_nothing_is_written(pinned, home, tmp_path):
    wrong = dict(pinned, **{"face_landmark.tflite": b"of another version"})

    with pytest.raises(DataError, match=r"face_landmark\.tflite: SHA-256") as caught:
        install_models(write_wheel(tmp_path / "a.whl", wrong), home=home)

    assert "mediapipe==0.10.21" in caught.value.message
    assert not home.models.exists()


def test_a_wheel_without_them_is_refused(pinned, home, tmp_path):
    with pytest.raises(DataError, match=r"face_detection_short_range\.tflite: not in it"):
        install_models(write_wheel(tmp_path / "a.whl", {}), home=home)


@pytest.mark.parametrize("content", [b"no archive", None])
def test_what_is_no_wheel_is_refused(pinned, home, tmp_path, content):
    path = tmp_path / "a.whl"
    written = content is not None and path.write_bytes(content)

    with pytest.raises(UsageError, match=r"a\.whl: cannot be read"):
        install_models(path, home=home)

    assert bool(written) == path.exists()


def test_an_altered_model_is_an_integrity_error(pinned, home, tmp_path):
    folder = install_models(write_wheel(tmp_path / "a.whl", pinned), home=home)
    (folder / "face_landmark.tflite").write_bytes(b"altered")

    with pytest.raises(IntegrityError, match=r"face_landmark\.tflite: is not the file of MediaPip"):
        read_model(folder, "face_landmark.tflite")
    assert detector_status(home).models["face_landmark.tflite"] == "altered"


def test_without_models_nothing_is_ready_and_the_way_is_told(pinned, home):
    status = detector_status(home)

    assert ready_models(home) is None
    assert not status.is_ready
    assert "pip download --no-deps mediapipe==0.10.21" in status.missing[-1]
    with pytest.raises(DataError, match=r"face_landmark\.tflite: No such file"):
        read_model(models_folder(home), "face_landmark.tflite")


def test_the_environment_may_name_another_folder(home, tmp_path, monkeypatch):
    monkeypatch.setenv("ALGR_LANDMARK_MODELS", str(tmp_path / "shared"))

    assert models_folder(home) == tmp_path / "shared"


def test_the_pins_are_those_of_the_wheel_of_0_10_21():
    assert MODEL_SHA256 == {
        "face_detection_short_range.tflite": "bbff11cebd1eb27a1e004cae0b0e63ec"
        "8c551cbf34a4451148b4908b8db3eca8",
        "face_landmark.tflite": "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
    }
