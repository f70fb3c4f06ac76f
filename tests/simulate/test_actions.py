from dataclasses import replace

import numpy as np
import pytest

from algr.simulate.actions import ACTION_UNITS, HEALTHY, draw_asymmetry, show
from algr.simulate.bp4d_plan import MOODS, RATES
from algr.simulate.episodes import grade, plan_intensity
from algr.simulate.exercises import Segment
from algr.simulate.geometry import landmarks, trace
from algr.simulate.person import draw_person, draw_rooms, draw_scene
from algr.simulate.render import render_frames

BROWS, LIDS, NOSE, LIPS = range(10), range(19, 31), range(10, 19), range(31, 49)
REST = 0
"""The frame without any action unit; frame i + 1 shows the i-th one."""
CHEEK, CHIN = (0.72, 0.16), (0.0, 1.60)
"""Places without a landmark, in eye distances from between the eyes."""
PLACES = {
    1: BROWS, 2: BROWS, 4: BROWS, 5: LIDS, 6: CHEEK, 7: LIDS, 9: NOSE, 10: LIPS, 12: LIPS,
    14: LIPS, 15: LIPS, 17: CHIN, 20: LIPS, 23: LIPS, 24: LIPS, 25: LIPS, 26: CHIN,
}  # fmt: skip
"""Where each action unit is to be seen: around these points."""


class Face:
    """A person who shows one action unit after the other, head and light still."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        person = draw_person(rng)
        scene = replace(draw_scene(rng, rooms=draw_rooms(rng)), noise=0.0)
        count = len(ACTION_UNITS) + 1
        utmost = {unit: 5.0 * (np.arange(count) == i) for i, unit in enumerate(ACTION_UNITS, 1)}
        segments = (Segment(exercise="", start_s=0.0, end_s=count / 25.0),)
        motion = show(
            utmost,
            asymmetry=draw_asymmetry(rng),
            segments=segments,
            video_fps=25.0,
            rng=np.random.default_rng(1),
        )
        movers = motion.movers_FK.copy()
        movers[:, -2:] = movers[0, -2:]
        motion = replace(
            motion,
            movers_FK=movers,
            gaze_F2=np.zeros((count, 2)),
            roll_F=np.zeros(count),
            shift_F2=np.zeros((count, 2)),
            scale_F=np.ones(count),
        )
        curves = trace(person.shape, scene, motion)
        self.unit_px = scene.eye_distance_px
        self.origin = np.array([scene.centre_x_px, scene.centre_y_px])
        self.points = landmarks(curves)
        frames = render_frames(
            person, scene, motion, curves, palsy=HEALTHY, segments=segments, video_fps=25.0
        )
        self.images = np.stack([frame.astype(float).mean(axis=2) for frame in frames])

    def place(self, unit):
        """Box around where the action unit is to be seen: left, top, right, bottom."""
        where = PLACES[unit]
        centre = self.origin + np.array(where) * self.unit_px if isinstance(where, tuple) else None
        points = self.points[REST, list(where)] if centre is None else centre[None]
        margin = 0.16 * self.unit_px
        return np.round([*(points.min(0) - margin), *(points.max(0) + margin)]).astype(int)

    def change(self, unit, box):
        """Mean change of the pixels in a box when the action unit is shown."""
        left, top, right, bottom = box
        frame = ACTION_UNITS.index(unit) + 1
        difference = np.abs(self.images[frame] - self.images[REST])
        return float(difference[top:bottom, left:right].mean())


@pytest.fixture(scope="module", params=[1, 3])
def face(request):
    return Face(request.param)


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_every_action_unit_is_seen_where_it_belongs(face, unit):
    left, top = np.round(face.origin - (60, 135)).astype(int)
    hair = (left, top, left + 120, top + 15)

    assert face.change(unit, face.place(unit)) > 1.5
    assert face.change(unit, face.place(unit)) > 4 * face.change(unit, hair)


@pytest.mark.parametrize("unit", [unit for unit in ACTION_UNITS if unit != 6])
def test_landmarks_move_with_the_action_unit(face, unit):
    moved = face.points[ACTION_UNITS.index(unit) + 1] - face.points[REST]

    assert np.linalg.norm(moved, axis=1).max() > 0.03 * face.unit_px


@pytest.mark.parametrize(
    ("unit", "points", "direction"),
    [
        (1, [4, 5], (0, -1)),
        (2, [1, 8], (0, -1)),
        (4, [3, 4, 5, 6], (0, 1)),
        (5, [20, 21, 26, 27], (0, -1)),
        (7, [23, 24, 29, 30], (0, -1)),
        (10, [33, 34, 35], (0, -1)),
        (12, [31, 37], (0, -1)),
        (15, [31, 37], (0, 1)),
        (17, [39, 40, 41], (0, -1)),
        (20, [37], (1, 0)),
        (23, [37], (-1, 0)),
        (24, [39, 40, 41], (0, -1)),
        (25, [39, 40, 41], (0, 1)),
        (26, [39, 40, 41], (0, 1)),
    ],
)
def test_landmarks_go_the_way_of_the_muscle(face, unit, points, direction):
    moved = face.points[ACTION_UNITS.index(unit) + 1] - face.points[REST]

    assert (moved[points] @ direction).min() > 0.02 * face.unit_px


def test_lips_part_in_25_and_26_alone(face):
    gaps = face.points[:, [48, 47, 46], 1] - face.points[:, [43, 44, 45], 1]
    parted = {
        unit for i, unit in enumerate(ACTION_UNITS, 1) if gaps[i].max() > 3 + gaps[REST].max()
    }

    assert parted == {25, 26}


LENGTHS = [60] * 8


@pytest.fixture(scope="module")
def courses():
    return plan_intensity(
        LENGTHS,
        rates=RATES,
        present_from=0.5,
        moods=list(MOODS.values()),
        rng=np.random.default_rng(0),
    )


def of_all(courses, unit):
    return np.concatenate([course[unit] for course in courses])


@pytest.mark.parametrize("unit", [1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23])
def test_action_units_are_present_at_about_their_rate(courses, unit):
    share = (grade(of_all(courses, unit)) > 0).mean()

    assert 0.7 * RATES[unit] < share < 1.4 * RATES[unit]


def test_intensities_are_0_to_5_and_reach_high(courses):
    graded = grade(of_all(courses, 12))

    assert set(graded.tolist()) == {0, 1, 2, 3, 4, 5}


def test_episodes_rise_and_fall_over_some_frames(courses):
    steps = np.concatenate([np.abs(np.diff(course[12])) for course in courses])

    assert steps.max() < 2.5


def test_what_belongs_together_comes_together(courses):
    inner, outer, cheek, smile = (of_all(courses, unit) > 0.5 for unit in (1, 2, 6, 12))

    assert outer[inner].mean() > 1.8 * outer.mean()
    assert smile[cheek].mean() > 1.2 * smile.mean()


def test_lips_never_part_and_press_at_once(courses):
    pressed, parted = of_all(courses, 24), of_all(courses, 25)

    assert not ((pressed > 0) & (parted > 0)).any()


def test_tasks_call_forth_their_expression(courses):
    smile = [course[12].mean() for course in courses]
    surprise = [course[2].mean() for course in courses]

    assert smile[0] > np.mean(smile)
    assert surprise[2] > np.mean(surprise)


def test_a_rare_action_unit_shows_in_two_frames_at_least():
    (course,) = plan_intensity(
        [20], rates={9: 0.001}, present_from=1.5, moods=[{}], rng=np.random.default_rng(3)
    )

    assert (grade(course[9]) >= 2).sum() == 2
