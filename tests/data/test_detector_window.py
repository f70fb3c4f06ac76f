import math

import numpy as np
import pytest

from algr.data.detector.window import Window, search_windows


def test_an_upright_window_of_its_own_size_is_the_picture_itself(kit):
    image = kit.noise(1)[0]
    window = Window(center_x=39.5, center_y=49.5, side=64)

    np.testing.assert_array_equal(window.cut(image, size=64), image[18:82, 8:72])


def test_points_of_a_window_lie_where_its_pixels_come_from():
    """One bright square, found again in turned and larger windows by its centre."""
    image = np.zeros((240, 320, 3), np.uint8)
    image[95:106, 195:206] = 255
    window = Window(center_x=180, center_y=120, side=150, angle=0.5)

    shown = window.cut(image, size=96)[..., 0].astype(float)
    rows, columns = np.mgrid[:96, :96]
    center = np.array([[(columns * shown).sum(), (rows * shown).sum()]]) / shown.sum()

    np.testing.assert_allclose(window.to_picture(center, size=96), [[200, 100]], atol=0.1)


def test_large_windows_are_averaged_not_sampled():
    image = np.zeros((400, 400, 3), np.uint8)
    image[::2] = 200
    window = Window(center_x=199.5, center_y=199.5, side=400)

    shown = window.cut(image, size=100)

    assert abs(int(shown.min()) - 100) <= 1
    assert abs(int(shown.max()) - 100) <= 1


def test_beyond_the_picture_is_black():
    image = np.full((50, 50, 3), 255, np.uint8)

    assert not Window(center_x=500, center_y=20, side=60).cut(image, size=32).any()
    half = Window(center_x=0, center_y=25, side=40).cut(image, size=40)
    assert not half[:, :18].any()
    assert (half[:, 22:] == 255).all()


def test_a_window_turned_by_an_angle_shows_its_right_on_the_right():
    window = Window(center_x=10, center_y=20, side=8, angle=math.pi / 2)

    np.testing.assert_allclose(window.to_picture([[3.5, 3.5]], size=8), [[10, 20]])
    np.testing.assert_allclose(window.to_picture([[5.5, 3.5]], size=8), [[10, 22]], atol=1e-12)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (1080, 1920), (512, 512)])
def test_the_whole_picture_is_seen_in_every_turn(width, height):
    first, *closer = search_windows(width, height)
    covered = [np.zeros((height, width), bool) for _ in closer]
    for seen, windows in zip(covered, closer, strict=True):
        paint(seen, windows)

    assert len(first) == 1
    assert first[0].side == max(width, height)
    assert all(seen.all() for seen in covered)


def paint(seen, windows):
    for window in windows:
        low_x, low_y = (
            round(c - (window.side - 1) / 2) for c in (window.center_x, window.center_y)
        )
        side = round(window.side)
        assert min(low_x, low_y) >= 0
        seen[low_y : low_y + side, low_x : low_x + side] = True
