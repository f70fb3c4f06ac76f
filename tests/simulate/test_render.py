from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from algr.simulate.geometry import brow_line, place
from algr.simulate.raster import FINE, LEFT, TOP
from algr.simulate.render import FRAME_SIZE, render_frames
from algr.simulate.warp import Warp

FPS = 12.0


def middle_frame(take, exercise):
    (segment,) = (part for part in take.visit.segments if part.exercise == exercise)
    return int(0.5 * (segment.start_s + segment.end_s) * FPS)


def render(take, *exercises):
    return list(
        render_frames(
            take.person,
            replace(take.scene, noise=0.0),
            take.motion,
            take.curves,
            palsy=take.visit.palsy,
            segments=take.visit.segments,
            video_fps=FPS,
            frames=[middle_frame(take, exercise) for exercise in exercises],
        )
    )


def fine_detail(image, centre, radius):
    """Energy of lines in a square around a point."""
    grey = image.mean(axis=2)
    detail = grey - gaussian_filter(grey, 3.0)
    x, y = np.round(centre).astype(int)
    return float(detail[y - radius : y + radius, x - radius : x + radius].std())


def test_the_sheet_shows_the_brow_where_its_landmarks_are(make_take):
    take = make_take(1)
    frame = middle_frame(take, "raise_brow")
    index = Warp(FRAME_SIZE).index_of(
        take.motion.movers_FK[frame], place(take.motion, take.scene), frame
    )
    points = take.curves.brow_FSP2[frame, 1]
    column, row = np.round(points).astype(int).T
    shown_y, shown_x = np.divmod(index[row, column], FINE.size[0])
    painted = brow_line(take.person.shape, 1, np.linspace(0, 1, len(points)))

    np.testing.assert_allclose(LEFT + (shown_x + 0.5) / FINE.scale, painted[:, 0], atol=0.02)
    np.testing.assert_allclose(TOP + (shown_y + 0.5) / FINE.scale, painted[:, 1], atol=0.02)


def test_frames_are_colour_images_of_the_stated_size(make_take):
    (image,) = render(make_take(2), "rest")

    assert image.shape == (FRAME_SIZE[1], FRAME_SIZE[0], 3)
    assert image.dtype == np.uint8
    assert image.std() > 20


def test_the_forehead_furrows_on_the_sound_side_only(make_take):
    take = make_take(6)
    (image,) = render(take, "raise_brow")
    frame = middle_frame(take, "raise_brow")
    above = np.array([0.0, -0.28 * take.curves.unit_px_F[frame]])
    weak, sound = (
        fine_detail(image, take.curves.brow_FSP2[frame, side].mean(axis=0) + above, 9)
        for side in (0, 1)
    )

    assert sound > 2.5 * weak


def test_both_sides_furrow_in_grade_one(make_take):
    take = make_take(1)
    (image,) = render(take, "raise_brow")
    frame = middle_frame(take, "raise_brow")
    above = np.array([0.0, -0.28 * take.curves.unit_px_F[frame]])
    first, second = (
        fine_detail(image, take.curves.brow_FSP2[frame, side].mean(axis=0) + above, 9)
        for side in (0, 1)
    )

    assert 0.6 < first / second < 1.6


def test_teeth_show_between_the_lips_of_a_smile(make_take):
    take = make_take(1)
    closed, smiling = render(take, "rest", "smile_open")
    brightness = []
    for image, exercise in ((closed, "rest"), (smiling, "smile_open")):
        lips = take.curves.lips_F4P2[middle_frame(take, exercise)]
        x, y = 0.5 * (lips[1, 24] + lips[2, 24])
        brightness.append(image[int(y) - 1 : int(y) + 2, int(x) - 3 : int(x) + 4, 2].mean())

    assert brightness[1] > brightness[0] + 60


def test_the_pupil_is_dark_while_the_eye_is_open_and_covered_when_it_is_shut(make_take):
    take = make_take(1)
    opened, shut = render(take, "rest", "gentle_close")
    darkest = []
    for image, exercise in ((opened, "rest"), (shut, "gentle_close")):
        frame = middle_frame(take, exercise)
        eye = take.curves.upper_lid_FSP2[frame, 0]
        x, y = 0.5 * (eye[0] + eye[-1])
        y -= 0.06 * take.curves.unit_px_F[frame]
        darkest.append(int(image[int(y) - 3 : int(y) + 3, int(x) - 8 : int(x) + 9].min()))

    assert darkest[0] < 45
    assert darkest[1] > darkest[0]


@pytest.mark.parametrize("style", ["short", "long", "tied", "receding", "bald"])
def test_every_hair_style_can_be_drawn(make_take, style):
    take = make_take(1, exercises=("rest",))
    looks = replace(take.person.looks, hair_style=style)
    (image,) = render(replace(take, person=replace(take.person, looks=looks)), "rest")

    assert image.std() > 20
