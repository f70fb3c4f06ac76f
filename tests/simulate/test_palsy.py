import numpy as np
import pytest

from algr.simulate.palsy import draw_palsy


def mean_strength(grade_hb, zone):
    drawn = [draw_palsy(grade_hb, side=0, rng=np.random.default_rng(i)) for i in range(20)]
    return np.mean([getattr(palsy, zone)[0] for palsy in drawn])


@pytest.mark.parametrize("zone", ["forehead", "eye", "mouth"])
def test_the_weak_side_is_weaker_in_every_worse_grade(zone):
    strengths = [mean_strength(grade, zone) for grade in range(1, 7)]

    assert strengths == sorted(strengths, reverse=True)
    assert strengths[0] > 0.95
    assert strengths[5] < 0.15


def test_grade_one_has_no_weak_side(make_palsy):
    palsy = make_palsy(1)

    assert palsy.side is None
    assert palsy.affected_side == ""
    assert palsy.brow_droop == palsy.lid_gape == palsy.mouth_droop == (0.0, 0.0)


def test_the_side_of_the_manifest_is_the_patients(make_palsy):
    assert make_palsy(4, side=0).affected_side == "right"
    assert make_palsy(4, side=1).affected_side == "left"


def test_only_the_weak_side_hangs_at_rest_and_the_sound_one_overshoots_in_motion(make_palsy):
    palsy = make_palsy(6, side=1)

    assert palsy.mouth_droop[0] == 0.0
    assert palsy.mouth_droop[1] > 0.8
    assert palsy.mouth[0] == pytest.approx(1.4, abs=0.15)
    assert palsy.eye[0] == pytest.approx(1.0, abs=0.15)


def test_synkinesis_belongs_to_the_middle_grades(make_palsy):
    amounts = [sum(make_palsy(grade).eye_with_mouth) for grade in range(1, 7)]

    assert min(amounts[2:4]) > 3 * max(amounts[:2] + amounts[4:])
