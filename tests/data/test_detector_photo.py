"""The detector on a photograph: the astronaut that scikit-image ships.

Needs LiteRT and the two model files, which are no part of algr: `algr landmarks status`.
"""

import math
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from algr.config import DataHome
from algr.data.align import inter_ocular_px
from algr.data.detector.models import MODEL_SHA256, MODELS_VARIABLE, models_folder
from algr.data.detector.networks import LiteRtNetworks
from algr.data.detector.track import NO_FACE, TWO_FACES, FaceTracker
from algr.faces import LEFT_EYE, MIRRORED, RIGHT_EYE

MODELS = models_folder(DataHome.locate())
MISSING = [name for name in ("ai_edge_litert", "skimage") if find_spec(name) is None]
MISSING += [name for name in MODEL_SHA256 if not (MODELS / name).is_file()]
pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f"not installed: {', '.join(MISSING)}; models are looked for in {MODELS} "
    f"({MODELS_VARIABLE}={os.environ.get(MODELS_VARIABLE, '')!r})",
)


@pytest.fixture(scope="module")
def photo():
    import skimage.data

    return np.asarray(Image.open(Path(skimage.data.__file__).parent / "astronaut.png"))


@pytest.fixture(scope="module")
def points_of():
    networks = LiteRtNetworks(MODELS)

    def measure(image):
        return FaceTracker(networks).next_frame(np.ascontiguousarray(image), time_s=0)

    return measure


@pytest.fixture(scope="module")
def found(photo, points_of):
    return points_of(photo)


def resized(image, side):
    return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC))


def percent_of_eye_distance(points, others):
    return 100 * np.linalg.norm(points - others, axis=1).mean() / inter_ocular_px(points)


def test_points_lie_where_a_person_sees_them(found):
    points = found.landmarks_L2

    np.testing.assert_allclose(points[list(LEFT_EYE)].mean(axis=0), [203.5, 101.5], atol=2)
    np.testing.assert_allclose(points[list(RIGHT_EYE)].mean(axis=0), [247, 104], atol=2)
    np.testing.assert_allclose(points[13], [224, 127], atol=3)
    np.testing.assert_allclose(points[[31, 37]], [[201.5, 139.5], [246, 142]], atol=3)
    assert found.quality.score > 0.8
    assert found.quality.presence > 0.99
    assert found.quality.disagreement < 0.04


def test_a_mirrored_photograph_gives_mirrored_points(photo, points_of, found):
    mirrored = points_of(photo[:, ::-1]).landmarks_L2

    back = mirrored[list(MIRRORED)] * [-1, 1] + [photo.shape[1] - 1, 0]
    assert percent_of_eye_distance(found.landmarks_L2, back) < 1.2


def test_a_head_that_leans_gives_the_same_points(photo, points_of, found):
    turned = Image.fromarray(photo).rotate(-20, resample=Image.Resampling.BICUBIC)
    points = points_of(np.asarray(turned)).landmarks_L2

    cosine, sine = math.cos(math.radians(20)), math.sin(math.radians(20))
    middle = (photo.shape[0] - 1) / 2
    back = (points - middle) @ np.array([[cosine, -sine], [sine, cosine]]) + middle
    assert percent_of_eye_distance(found.landmarks_L2, back) < 1.2


@pytest.mark.parametrize(("side", "percent"), [(1536, 0.6), (171, 2.5)])
def test_resolution_matters_little(photo, points_of, found, side, percent):
    """Thrice as large, and a third: there the eyes are 15 pixels apart."""
    points = points_of(resized(photo, side)).landmarks_L2

    back = (points + 0.5) * photo.shape[0] / side - 0.5
    assert percent_of_eye_distance(found.landmarks_L2, back) < percent


@pytest.mark.parametrize("kind", ["blank", "noise", "hidden"])
def test_where_there_is_no_face_none_is_found(photo, points_of, kind):
    image = {
        "blank": np.full((480, 640, 3), 128, np.uint8),
        "noise": np.random.default_rng(0).integers(0, 256, (480, 640, 3), dtype=np.uint8),
        "hidden": photo.copy(),
    }[kind]
    image[60:200, 150:310] = 60

    assert points_of(image).reason == NO_FACE


def test_two_faces_alike_are_told_from_one(photo, points_of):
    both = np.concatenate([photo, photo[:, ::-1]], axis=1)

    assert points_of(both).reason == TWO_FACES


def test_a_small_face_in_a_wide_picture_is_found(photo, points_of):
    wide = np.full((1080, 1920, 3), 90, np.uint8)
    wide[400:912, 1200:1712] = photo

    points = points_of(wide).landmarks_L2

    np.testing.assert_allclose(points[list(LEFT_EYE)].mean(axis=0), [1403.5, 501.5], atol=2)
