import numpy as np
import pytest

from algr.simulate.exercises import EXERCISES, Segment, envelope, plan_segments
from algr.simulate.muscles import MOVER_INDEX

WEAK, SOUND = 0, 1
FPS = 12.0


def middle_frame(take, exercise):
    (segment,) = (part for part in take.visit.segments if part.exercise == exercise)
    return int(0.5 * (segment.start_s + segment.end_s) * FPS)


def test_exercises_follow_each_other_without_gaps_and_vary_by_15_percent():
    segments = plan_segments(EXERCISES, seconds_per_exercise=1.0, rng=np.random.default_rng(0))
    lengths = np.array([segment.end_s - segment.start_s for segment in segments])

    assert [segment.exercise for segment in segments] == list(EXERCISES)
    assert segments[0].start_s == 0.0
    assert [a.end_s for a in segments[:-1]] == [b.start_s for b in segments[1:]]
    assert lengths.min() >= 0.85 - 0.01
    assert lengths.max() <= 1.15 + 0.01


def test_effort_rises_holds_and_falls_within_its_exercise():
    segment = Segment(exercise="pucker", start_s=1.0, end_s=2.0)
    effort = envelope(np.array([0.9, 1.05, 1.5, 1.97, 2.0]), segment, onset=0.2, offset=0.2)

    assert effort[0] == effort[4] == 0.0
    assert effort[2] == 1.0
    assert 0.0 < effort[1] < 1.0
    assert 0.0 < effort[3] < 0.1


@pytest.mark.parametrize(
    ("exercise", "muscle"),
    [
        ("raise_brow", "frontalis"),
        ("scrunch", "levator"),
        ("smile_open", "zygomatic"),
        ("pucker", "pucker"),
        ("lower_lip", "depressor"),
    ],
)
def test_the_weak_side_does_not_move_in_grade_six(make_take, exercise, muscle):
    take = make_take(6)
    movers = take.motion.movers_FK[middle_frame(take, exercise)]

    assert movers[MOVER_INDEX[muscle, SOUND]] > 0.6
    assert movers[MOVER_INDEX[muscle, WEAK]] < 0.1


def test_a_weak_eye_stays_open_where_the_sound_one_shuts(make_take):
    take = make_take(6)
    openness = take.motion.openness_F2[middle_frame(take, "gentle_close")]

    assert openness[SOUND] < 0.05
    assert openness[WEAK] > 0.4


def test_both_eyes_shut_in_grade_one(make_take):
    take = make_take(1)

    assert take.motion.openness_F2[middle_frame(take, "gentle_close")].max() < 0.05


def test_the_eye_narrows_with_the_smile_by_synkinesis(make_take):
    third, sixth = make_take(3), make_take(6)
    narrowed = third.motion.openness_F2[middle_frame(third, "smile_open"), WEAK]
    unmoved = sixth.motion.openness_F2[middle_frame(sixth, "smile_open"), WEAK]

    assert narrowed < 0.85
    assert unmoved > 0.95


def test_the_mouth_moves_with_the_eye_by_synkinesis(make_take):
    take = make_take(4)
    zygomatic = take.motion.movers_FK[:, MOVER_INDEX["zygomatic", WEAK]]

    assert zygomatic[middle_frame(take, "tight_close")] > 0.1
    assert zygomatic[middle_frame(take, "rest")] == 0.0


def test_the_sound_side_pulls_the_middle_of_the_mouth_over(make_take):
    take = make_take(5)
    frame = middle_frame(take, "smile_open")

    assert take.motion.movers_FK[frame, MOVER_INDEX["drift", SOUND]] > 0.3
    assert take.motion.movers_FK[frame, MOVER_INDEX["drift", WEAK]] == 0.0
