"""Faces and visits for the tests of the simulator."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from algr.simulate.clinic import Take, prepare_take
from algr.simulate.exercises import EXERCISES, Motion, plan_segments
from algr.simulate.muscles import MOVERS
from algr.simulate.palsy import Palsy, draw_palsy
from algr.simulate.person import Shape, draw_person
from algr.simulate.visits import Visit

FPS = 12.0


@pytest.fixture
def make_palsy() -> Callable[..., Palsy]:
    def make(grade_hb: int, *, side: int = 0, seed: int = 0) -> Palsy:
        return draw_palsy(grade_hb, side=side, rng=np.random.default_rng(seed))

    return make


@pytest.fixture
def make_take(make_palsy: Callable[..., Palsy]) -> Callable[..., Take]:
    """A visit of a person with a palsy of a grade, the image-left side weak."""

    def make(grade_hb: int, *, subject: int = 0, exercises: tuple[str, ...] = EXERCISES) -> Take:
        segments = plan_segments(
            exercises, seconds_per_exercise=1.0, rng=np.random.default_rng(subject)
        )
        visit = Visit(
            subject=subject,
            visit=1,
            patient_id=f"P{subject:04d}",
            palsy=make_palsy(grade_hb, seed=subject),
            segments=segments,
        )
        return prepare_take(visit, seed=3, video_fps=FPS)

    return make


@pytest.fixture
def still() -> Motion:
    """One frame in which nothing moves."""
    pair = np.zeros((1, 2))
    return Motion(
        movers_FK=np.zeros((1, len(MOVERS))),
        openness_F2=np.ones((1, 2)),
        gape_F2=pair,
        lift_F2=pair,
        drop_F2=pair,
        gaze_F2=pair,
        roll_F=np.zeros(1),
        shift_F2=pair,
        scale_F=np.ones(1),
    )


@pytest.fixture
def even_shape() -> Shape:
    """A face without natural asymmetry."""
    shape = draw_person(np.random.default_rng(1)).shape
    return replace(
        shape, brow_offsets=(0.0, 0.0), corner_offsets=(0.0, 0.0), eye_factors=(1.0, 1.0)
    )
