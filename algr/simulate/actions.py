"""Action units on a face: what skin, lids and lips do when a person shows them."""

# Shape suffixes: F = frames, A = action units, K = movers, 2 = sides.

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from algr.simulate.exercises import Motion, Segment, draw_blinks, move_head
from algr.simulate.muscles import ACTION_MOVERS
from algr.simulate.palsy import Palsy

Array = npt.NDArray[np.float64]

ACTION_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 24, 25, 26)
"""Those that can be drawn; 5, 7 and 25 move lids and lips only."""
HIGHEST = 5.0
"""Of an intensity: 0 is absent, 1 a trace (A), 5 the utmost (E)."""
HEALTHY = Palsy(
    grade_hb=1,
    side=None,
    forehead=(1.0, 1.0),
    eye=(1.0, 1.0),
    mouth=(1.0, 1.0),
    brow_droop=(0.0, 0.0),
    lid_gape=(0.0, 0.0),
    mouth_droop=(0.0, 0.0),
    eye_with_mouth=(0.0, 0.0),
    mouth_with_eye=(0.0, 0.0),
)
"""Who shows action units has no palsy."""
_TRACE_SHOWS = 0.75
"""Below 1: a trace is drawn as more than its fifth, so that it can be seen."""


def effort_of(intensity: Array) -> Array:
    """How far the muscles are drawn in at an intensity, 0 to 1."""
    return np.asarray((np.clip(intensity, 0.0, HIGHEST) / HIGHEST) ** _TRACE_SHOWS)


def draw_asymmetry(rng: np.random.Generator) -> Mapping[int, tuple[float, float]]:
    """How strong each side of a person's action units is; nearly the same."""
    sides_A = np.clip(rng.normal(0.0, 0.035, len(ACTION_UNITS)), -0.08, 0.08)
    return {
        unit: (float(1.0 + difference), float(1.0 - difference))
        for unit, difference in zip(ACTION_UNITS, sides_A, strict=True)
    }


def show(
    intensity: Mapping[int, Array],
    *,
    asymmetry: Mapping[int, tuple[float, float]],
    segments: Sequence[Segment],
    video_fps: float,
    rng: np.random.Generator,
    yaw: float = 0.0,
) -> Motion:
    """The motion of a face that shows action units.

    Args:
        intensity: (F,) of each action unit that occurs, 0 to 5.
        asymmetry: From `draw_asymmetry`.
        segments: Stretches of time; in some of them the person blinks.
        video_fps: Frames per second.
        rng: Where blinks, gaze and the motion of the head come from.
        yaw: Turn of the camera, sine of the angle.
    """
    num_frames = len(next(iter(intensity.values())))
    time_F = np.arange(num_frames) / video_fps
    effort_F2 = {
        unit: effort_of(values_F)[:, None] * np.asarray(asymmetry[unit])
        for unit, values_F in intensity.items()
    }
    nothing_F2 = np.zeros((num_frames, 2))

    def of(unit: int) -> Array:
        return np.asarray(effort_F2.get(unit, nothing_F2))

    movers_FK = np.zeros((num_frames, len(ACTION_MOVERS)))
    head = move_head(time_F, rng)
    blink_F1 = draw_blinks(time_F, segments, rng)[:, None]
    pose = {"yaw": yaw + head.yaw_F, "pitch": head.pitch_F}
    for column, (name, side) in enumerate(ACTION_MOVERS):
        movers_FK[:, column] = pose[name] if name in pose else of(int(name[2:]))[:, side]
    open_F2 = 1.0 + 0.32 * of(5) - 0.34 * of(7) - 0.13 * of(6) - 0.10 * of(9)
    thin_F2 = 0.42 * of(23) + 0.80 * of(24)
    return Motion(
        movers_FK=movers_FK,
        openness_F2=np.clip(open_F2, 0.0, None) * (1.0 - blink_F1),
        gape_F2=-0.95 * of(7) - 0.5 * of(6),
        lift_F2=0.022 * of(25),
        drop_F2=0.070 * of(25) + 0.050 * of(26),
        gaze_F2=head.gaze_F2,
        roll_F=head.roll_F,
        shift_F2=head.shift_F2,
        scale_F=head.scale_F,
        press_F=np.clip(thin_F2.mean(axis=1), 0.0, 0.85),
        movers=ACTION_MOVERS,
    )
