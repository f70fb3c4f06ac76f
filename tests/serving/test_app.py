"""The HTTP service."""

import base64
import io
import json
import warnings
import zlib
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from algr.data import LandmarkSource
from algr.data.landmark_source import DetectorReader
from algr.serving import Predictor, create_app
from algr.serving.uploads import MAX_BODY_BYTES
from tests.data.drawn_faces import Face, MarkNetworks, picture

with warnings.catch_warnings():
    # Starlette would rather have a client that is not among our requirements.
    warnings.simplefilter("ignore", DeprecationWarning)
    warnings.filterwarnings("ignore", message="Using `httpx` with")
    from fastapi.testclient import TestClient


@pytest.fixture(scope="module")
def client(predictor: Predictor) -> Iterator[TestClient]:
    with TestClient(create_app(predictor)) as opened:
        yield opened


def png(image: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def face(photo: np.ndarray) -> bytes:
    return png(np.ascontiguousarray(photo[:200, :200]))


def bomb() -> bytes:
    """A PNG of 30000 x 30000 pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data).to_bytes(4, "big")
        return len(data).to_bytes(4, "big") + kind + data + checksum

    size = (30000).to_bytes(4, "big")
    head = chunk(b"IHDR", size + size + bytes([8, 2, 0, 0, 0]))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10000)))


def test_the_three_forms_of_a_request_give_the_same_answer(
    client: TestClient, predictor: Predictor, face: bytes
) -> None:
    form = client.post("/predict", files={"image": face})
    raw = client.post("/predict", content=face, headers={"content-type": "image/png"})
    encoded = client.post("/predict", json={"image": base64.b64encode(face).decode()})

    assert form.status_code == raw.status_code == encoded.status_code == 200
    assert form.json() == raw.json() == encoded.json()
    answer = form.json()
    assert set(answer) == {"frames", "model", "notice"}
    assert set(answer["frames"][0]) == {
        "frame",
        "grade",
        "grade_index",
        "grade_probability",
        "landmarks",
    }
    assert len(answer["frames"][0]["landmarks"]) == 49
    assert answer["model"]["sha256"] == predictor.bundle.sha256


def test_a_photo_with_landmarks_is_aligned(
    client: TestClient, predictor: Predictor, photo: np.ndarray, points: np.ndarray
) -> None:
    expected = predictor.predict_image(photo, points).to_dict()

    form = client.post(
        "/predict", files={"image": png(photo)}, data={"landmarks": json.dumps(points.tolist())}
    )
    encoded = client.post(
        "/predict",
        json={"image": base64.b64encode(png(photo)).decode(), "landmarks": points.tolist()},
    )

    assert form.json()["frames"] == json.loads(json.dumps(expected))["frames"]
    assert encoded.json() == form.json()


class DrawnDetector(LandmarkSource):
    """The detector with networks that find drawn marks."""

    def open(self) -> DetectorReader:
        return DetectorReader(MarkNetworks())


@pytest.fixture
def seeing(predictor: Predictor) -> Iterator[TestClient]:
    """A service on whose machine the detector is installed."""
    with TestClient(create_app(predictor, detector=DrawnDetector(path=None))) as opened:
        yield opened


def test_the_detector_finds_the_landmarks_of_a_photo(
    seeing: TestClient, predictor: Predictor
) -> None:
    drawn, place = picture(Face(300, 200)), Face(300, 200).points()

    found = seeing.post("/predict", files={"image": png(drawn)}).json()

    assert found["landmark_source"] == "detector"
    expected = predictor.predict_image(drawn, place).to_dict()["frames"]
    given = np.array(json.loads(json.dumps(expected))[0]["landmarks"])
    np.testing.assert_allclose(np.array(found["frames"][0]["landmarks"]), given, atol=6)


def test_a_photo_in_which_the_detector_finds_nobody_is_refused(seeing: TestClient) -> None:
    reply = seeing.post("/predict", files={"image": png(np.zeros((480, 640, 3), np.uint8))})

    assert reply.status_code == 422
    assert "image: no face found" in reply.json()["detail"]


def test_given_landmarks_and_aligned_faces_do_without_the_detector(
    seeing: TestClient, client: TestClient, face: bytes, photo: np.ndarray, points: np.ndarray
) -> None:
    with_points = {
        "files": {"image": png(photo)},
        "data": {"landmarks": json.dumps(points.tolist())},
    }

    assert (
        seeing.post("/predict", files={"image": face}).json()
        == client.post("/predict", files={"image": face}).json()
    )
    assert (
        seeing.post("/predict", **with_points).json()
        == client.post("/predict", **with_points).json()
    )


def test_a_turned_photo_is_put_upright(client: TestClient, photo: np.ndarray) -> None:
    upright = np.ascontiguousarray(photo[:200, :200])
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to display
    Image.fromarray(np.ascontiguousarray(np.rot90(upright))).save(file, "PNG", exif=exif)

    turned = client.post("/predict", files={"image": file.getvalue()})

    straight = client.post("/predict", files={"image": png(upright)})
    assert turned.json()["frames"] == straight.json()["frames"]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"", "cannot be read as an image"),
        (b"not an image", "cannot be read as an image"),
        (b"GIF89a" + bytes(100), "cannot be read as an image"),
        (bomb(), "million pixels"),
    ],
)
def test_what_is_no_image_is_refused(client: TestClient, content: bytes, detail: str) -> None:
    reply = client.post("/predict", content=content, headers={"content-type": "image/png"})

    assert reply.status_code == 422
    assert detail in reply.json()["detail"]


def test_a_file_that_is_cut_off_is_refused(client: TestClient, photo: np.ndarray) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    whole = png(noise)

    reply = client.post("/predict", files={"image": whole[: len(whole) // 2]})

    assert reply.status_code == 422
    assert "cannot be read as an image" in reply.json()["detail"]


def test_a_photo_without_landmarks_is_refused_with_advice(
    client: TestClient, photo: np.ndarray
) -> None:
    reply = client.post("/predict", files={"image": png(photo)})

    assert reply.status_code == 422
    assert "320 x 240 pixels without landmarks" in reply.json()["detail"]
    assert "send them in the field `landmarks`" in reply.json()["detail"]


@pytest.mark.parametrize("landmarks", ["[1, 2]", "left eye", "[[null, 1]]", '{"x": 1}', "NaN"])
def test_wrong_landmarks_are_refused(client: TestClient, photo: np.ndarray, landmarks: str) -> None:
    reply = client.post("/predict", files={"image": png(photo)}, data={"landmarks": landmarks})

    assert reply.status_code == 422
    assert "`landmarks`" in reply.json()["detail"]


@pytest.mark.parametrize("factor", [4.0, 1e6, 1e9, 1e12, 1e30, 1e160, 1e305])
def test_landmarks_far_outside_of_the_picture_are_refused(
    client: TestClient, photo: np.ndarray, points: np.ndarray, factor: float
) -> None:
    reply = client.post(
        "/predict",
        files={"image": png(photo)},
        data={"landmarks": json.dumps((points * factor).tolist())},
    )

    assert reply.status_code == 422
    assert "face outside of the picture" in reply.json()["detail"]


def test_landmarks_up_to_one_picture_outside_are_taken(
    client: TestClient, photo: np.ndarray, points: np.ndarray
) -> None:
    points[0], points[9] = (-320, -240), (640, 480)

    reply = client.post(
        "/predict", files={"image": png(photo)}, data={"landmarks": json.dumps(points.tolist())}
    )

    assert reply.status_code == 200


def test_a_whole_number_that_no_float_holds_is_refused(client: TestClient, face: bytes) -> None:
    landmarks = [[10**400, 1]] * 49

    form = client.post("/predict", files={"image": face}, data={"landmarks": json.dumps(landmarks)})
    encoded = client.post(
        "/predict", json={"image": base64.b64encode(face).decode(), "landmarks": landmarks}
    )

    assert (form.status_code, encoded.status_code) == (422, 422)
    assert "`landmarks` cannot be read" in form.json()["detail"]


def test_json_without_an_image_is_refused(client: TestClient) -> None:
    reply = client.post("/predict", json={"picture": "?"})

    assert reply.status_code == 422
    assert "no image in base64" in reply.json()["detail"]


def test_a_form_without_an_image_is_refused(client: TestClient, face: bytes) -> None:
    reply = client.post("/predict", files={"photo": face})

    assert reply.status_code == 422
    assert "no file in the field `image`" in reply.json()["detail"]


def test_a_form_that_is_none_is_refused(client: TestClient) -> None:
    reply = client.post(
        "/predict", content=b"??", headers={"content-type": "multipart/form-data; boundary=x"}
    )

    assert reply.status_code == 422


def test_an_unknown_content_type_is_refused(client: TestClient) -> None:
    reply = client.post("/predict", content=b"x", headers={"content-type": "text/plain"})

    assert reply.status_code == 415
    assert "multipart/form-data" in reply.json()["detail"]


def test_a_request_that_announces_too_much_is_refused(client: TestClient) -> None:
    reply = client.post(
        "/predict",
        content=b"x",
        headers={"content-type": "image/png", "content-length": str(MAX_BODY_BYTES + 1)},
    )

    assert reply.status_code == 413
    assert "12 MiB" in reply.json()["detail"]


def test_a_request_that_sends_too_much_unannounced_is_refused(client: TestClient) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(14):
            yield bytes(1024 * 1024)

    reply = client.post("/predict", content=chunks(), headers={"content-type": "image/png"})

    assert reply.status_code == 413


def test_health_and_readiness(client: TestClient, predictor: Predictor) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    ready = client.get("/readyz").json()
    assert ready["model"] == {"name": "algr-clinic", "sha256": predictor.bundle.sha256}


def test_the_documentation_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")

    assert page.status_code == 200
    assert "algr-clinic" in page.text
    assert "https://" not in page.text
    assert "//cdn" not in page.text


def test_the_schema_describes_request_and_answer(client: TestClient) -> None:
    schema = client.get("/openapi.json").json()

    operation = schema["paths"]["/predict"]["post"]
    assert set(operation["requestBody"]["content"]) >= {
        "multipart/form-data",
        "application/json",
        "image/jpeg",
    }
    fields = schema["components"]["schemas"]["FrameReply"]["properties"]
    assert fields["landmarks"]["description"].startswith("49 points")
