"""Which faces are used: rotated ones are, mirror images are not."""

import numpy as np
import pytest

from algr.data.usable import REFLECTED, face_problem
from tests.recordings import HEIGHT, WIDTH, face_points


def turned(points: np.ndarray, degrees: float) -> np.ndarray:
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([WIDTH, HEIGHT]) / 2
    return (points - points.mean(0)) @ rotation.T + centre


@pytest.mark.parametrize("degrees", [0, 40, 90, 180, 270])
def test_a_rotated_face_is_used_and_its_mirror_image_is_not(degrees: float) -> None:
    points = turned(np.asarray(face_points(), np.float64), degrees)
    exchanged = points[:, ::-1]

    assert face_problem(points, height=HEIGHT, width=WIDTH) == ""
    assert face_problem(exchanged, height=WIDTH, width=HEIGHT) == REFLECTED


def test_left_and_right_exchanged_is_a_mirror_image() -> None:
    points = np.asarray(face_points(), np.float64)
    points[:, 0] = WIDTH - 1 - points[:, 0]

    assert face_problem(points, height=HEIGHT, width=WIDTH) == REFLECTED
