"""The exercises of a clinic video, and what the muscles of both sides do in them over time."""

# Shape suffixes: F = frames, K = movers, 2 = sides.

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from algr.simulate.muscles import MOVER_INDEX, MOVERS, Mover
from algr.simulate.palsy import Palsy

Array = npt.NDArray[np.float64]

COMMANDS: dict[str, dict[str, float]] = {
    "rest": {},
    "raise_brow": {"frontalis": 1.0, "open": 0.12},
    "gentle_close": {"close": 0.90},
    "tight_close": {"close": 1.15, "orbicularis": 1.0, "corrugator": 0.5, "levator": 0.25},
    "scrunch": {"levator": 1.0, "corrugator": 0.8, "orbicularis": 0.5, "close": 0.30},
    "smile_closed": {"zygomatic": 0.8, "orbicularis": 0.3, "close": 0.08},
    "smile_open": {
        "zygomatic": 1.05,
        "orbicularis": 0.4,
        "close": 0.12,
        "jaw": 0.35,
        "lift": 0.055,
        "drop": 0.065,
    },
    "pucker": {"pucker": 1.0, "mentalis": 0.35},
    "lower_lip": {"depressor": 1.0, "jaw": 0.15, "drop": 0.10},
}
"""The effort that each exercise asks of both sides; 1 is a full effort of a muscle.

`close` shuts the eye (1 suffices in health), `open` widens it; `lift` and `drop` part the lips,
in eye distances.
"""
EXERCISES = tuple(COMMANDS)

_ZONE_OF = {
    "frontalis": "forehead",
    "corrugator": "forehead",
    "open": "forehead",
    "close": "eye",
    "orbicularis": "eye",
}


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One exercise of a video.

    Attributes:
        exercise: Name as in the manifest.
        start_s: When it was asked for, seconds.
        end_s: When the next one begins, seconds.
    """

    exercise: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Motion:
    """What moves in every frame of a video.

    Attributes:
        movers_FK: Activation of each of the `movers`; yaw and pitch as sines.
        openness_F2: Opening of each eye relative to the person's own at rest.
        gape_F2: How far each lower lid hangs.
        lift_F2: Lift of each half of the upper lip, eye distances.
        drop_F2: Drop of each half of the lower lip, eye distances.
        gaze_F2: Gaze to the image's right and downwards, in iris radii.
        roll_F: Roll of the head, radians, clockwise in the image.
        shift_F2: Position of the head relative to its mean, eye distances.
        scale_F: Size of the head relative to its mean.
        press_F: How thin the lips are pressed, 0 to below 1; one value holds for all frames.
        movers: The K movers.
    """

    movers_FK: Array
    openness_F2: Array
    gape_F2: Array
    lift_F2: Array
    drop_F2: Array
    gaze_F2: Array
    roll_F: Array
    shift_F2: Array
    scale_F: Array
    press_F: Array = field(default_factory=lambda: np.zeros(1))
    movers: tuple[Mover, ...] = MOVERS


@dataclass(frozen=True, kw_only=True)
class HeadMotion:
    """How gaze and head wander; see `Motion`."""

    gaze_F2: Array
    yaw_F: Array
    pitch_F: Array
    roll_F: Array
    shift_F2: Array
    scale_F: Array


def plan_segments(
    exercises: Sequence[str], *, seconds_per_exercise: float, rng: np.random.Generator
) -> tuple[Segment, ...]:
    """One exercise after the other, each 15 % longer or shorter than the mean at most."""
    segments = []
    start_s = 0.0
    for exercise in exercises:
        end_s = round(start_s + seconds_per_exercise * rng.uniform(0.85, 1.15), 2)
        segments.append(Segment(exercise=exercise, start_s=start_s, end_s=end_s))
        start_s = end_s
    return tuple(segments)


def envelope(time_F: Array, segment: Segment, *, onset: float, offset: float) -> Array:
    """Effort over time: rises over the first `onset` of the segment, falls over the last part."""
    length_s = segment.end_s - segment.start_s
    phase_F = (time_F - segment.start_s) / length_s
    rise_F = np.clip((phase_F + 0.04) / onset, 0.0, 1.0)
    fall_F = np.clip((1.0 - phase_F) / offset, 0.0, 1.0)
    inside_F = (phase_F >= 0.0) & (phase_F < 1.0)
    shape_F = np.minimum(_smooth(rise_F), _smooth(fall_F))
    return np.asarray(np.where(inside_F, shape_F, 0.0))


def perform(
    palsy: Palsy, segments: Sequence[Segment], *, video_fps: float, rng: np.random.Generator
) -> Motion:
    """The motion of a face that is asked for these exercises.

    Args:
        palsy: What each side can do.
        segments: The exercises, in order and without gaps.
        video_fps: Frames per second; the last frame begins before the last segment ends.
        rng: Where effort, timing, blinks, gaze and head motion come from.
    """
    num_frames = int(np.ceil(segments[-1].end_s * video_fps - 1e-9))
    time_F = np.arange(num_frames) / video_fps
    efforts = {name: np.zeros(num_frames) for name in (*MOVER_NAMES, "close", "open")}
    efforts |= {"lift": np.zeros(num_frames), "drop": np.zeros(num_frames)}
    gain = rng.uniform(0.82, 1.12)
    for segment in segments:
        vigour = gain * rng.uniform(0.88, 1.12)
        shape_F = envelope(
            time_F, segment, onset=rng.uniform(0.08, 0.14), offset=rng.uniform(0.06, 0.10)
        )
        tremor_F = 1.0 + 0.03 * _wander(time_F, rng, period_s=0.8)
        for name, amount in COMMANDS[segment.exercise].items():
            strength = max(vigour, 0.95) if name == "close" else vigour
            efforts[name] += amount * strength * shape_F * tremor_F
    efforts["blink"] = draw_blinks(time_F, segments, rng)
    return _innervate(palsy, efforts, time_F, rng)


MOVER_NAMES = tuple(dict.fromkeys(name for name, _ in MOVERS if name not in ("yaw", "pitch")))


def _innervate(
    palsy: Palsy, efforts: dict[str, Array], time_F: Array, rng: np.random.Generator
) -> Motion:
    num_frames = time_F.shape[0]
    movers_FK = np.zeros((num_frames, len(MOVERS)))
    openness_F2 = np.zeros((num_frames, 2))
    gape_F2 = np.zeros((num_frames, 2))
    lift_F2 = np.zeros((num_frames, 2))
    drop_F2 = np.zeros((num_frames, 2))
    mouth_effort_F = efforts["zygomatic"] + 0.8 * efforts["pucker"] + 0.7 * efforts["levator"]
    eye_effort_F = np.clip(efforts["close"], 0.0, 1.2) + 0.5 * efforts["orbicularis"]
    for side in (0, 1):
        zones = {
            "forehead": palsy.forehead[side],
            "eye": palsy.eye[side],
            "mouth": palsy.mouth[side],
        }
        for name in MOVER_NAMES:
            if name == "jaw":
                continue
            strength = zones[_ZONE_OF.get(name, "mouth")]
            movers_FK[:, MOVER_INDEX[name, side]] = efforts[name] * strength
        movers_FK[:, MOVER_INDEX["zygomatic", side]] += (
            0.45 * palsy.mouth_with_eye[side] * eye_effort_F
        )
        # The sound side works against the weak one: what hangs here is pulled up there.
        other = 1 - side
        movers_FK[:, MOVER_INDEX["brow_droop", side]] = 0.5 * (
            palsy.brow_droop[side] - palsy.brow_droop[other]
        )
        movers_FK[:, MOVER_INDEX["mouth_droop", side]] = 0.5 * (
            palsy.mouth_droop[side] - palsy.mouth_droop[other]
        )
        closure_F = efforts["close"] * (0.25 + 0.75 * zones["eye"])
        blink_F = efforts["blink"] * (0.35 + 0.65 * zones["eye"])
        narrowing_F = 1.1 * palsy.eye_with_mouth[side] * mouth_effort_F
        shut_F = np.maximum(closure_F + narrowing_F, blink_F) / 0.88
        widening = 0.16 * (palsy.lid_gape[side] - palsy.lid_gape[other])
        openness_F2[:, side] = (1.0 + widening + efforts["open"] * zones["forehead"]) * (
            1.0 - np.clip(shut_F, 0.0, 1.0)
        )
        gape_F2[:, side] = palsy.lid_gape[side]
        half_F = 0.35 + 0.65 * zones["mouth"]
        lift_F2[:, side] = efforts["lift"] * half_F
        drop_F2[:, side] = efforts["drop"] * half_F
    movers_FK[:, MOVER_INDEX["jaw", 0]] = efforts["jaw"]
    _drift(movers_FK, palsy, mouth_effort_F)
    head = move_head(time_F, rng)
    gaze_F2 = head.gaze_F2
    gaze_F2[:, 1] -= 1.1 * np.clip(efforts["close"], 0.0, 1.0)
    movers_FK[:, MOVER_INDEX["yaw", 0]] = head.yaw_F
    movers_FK[:, MOVER_INDEX["pitch", 0]] = head.pitch_F
    return Motion(
        movers_FK=movers_FK,
        openness_F2=openness_F2,
        gape_F2=gape_F2,
        lift_F2=lift_F2,
        drop_F2=drop_F2,
        gaze_F2=gaze_F2,
        roll_F=head.roll_F,
        shift_F2=head.shift_F2,
        scale_F=head.scale_F,
    )


def move_head(time_F: Array, rng: np.random.Generator) -> HeadMotion:
    """Gaze and head of somebody who sits before a camera."""
    return HeadMotion(
        gaze_F2=np.stack([_wander(time_F, rng, period_s=2.5) for _ in range(2)], axis=1) * 0.25,
        yaw_F=rng.normal(0.0, 0.03) + 0.045 * _wander(time_F, rng, period_s=4.0),
        pitch_F=rng.normal(0.0, 0.03) + 0.040 * _wander(time_F, rng, period_s=4.0),
        roll_F=rng.normal(0.0, 0.045) + 0.02 * _wander(time_F, rng),
        shift_F2=np.stack([0.035 * _wander(time_F, rng) for _ in range(2)], axis=1),
        scale_F=1.0 + 0.012 * _wander(time_F, rng, period_s=4.0),
    )


def _drift(movers_FK: Array, palsy: Palsy, mouth_effort_F: Array) -> None:
    """The stronger side pulls the middle of the mouth over, at rest and more so in motion."""
    rest = palsy.mouth_droop[1] - palsy.mouth_droop[0]
    pull_F = 0.45 * rest - (palsy.mouth[1] - palsy.mouth[0]) * mouth_effort_F * 0.8
    movers_FK[:, MOVER_INDEX["drift", 0]] = np.maximum(pull_F, 0.0)
    movers_FK[:, MOVER_INDEX["drift", 1]] = np.maximum(-pull_F, 0.0)


def _smooth(phase_F: Array) -> Array:
    return np.asarray(phase_F * phase_F * (3.0 - 2.0 * phase_F))


def _wander(time_F: Array, rng: np.random.Generator, *, period_s: float = 3.0) -> Array:
    """A slow random motion of about unit size."""
    total_F = np.zeros_like(time_F)
    for weight, factor in ((1.0, 1.0), (0.6, 0.47), (0.3, 0.21)):
        period = period_s * factor * rng.uniform(0.8, 1.25)
        total_F = total_F + weight * np.sin(2 * np.pi * (time_F / period + rng.uniform()))
    return total_F


def draw_blinks(time_F: Array, segments: Sequence[Segment], rng: np.random.Generator) -> Array:
    """How far the eyes are shut by blinks, 0 to 1; in about every fourth segment there is one."""
    closed_F = np.zeros_like(time_F)
    for segment in segments:
        if rng.uniform() < 0.25:
            middle_s = rng.uniform(segment.start_s, segment.end_s)
            closed_F += np.exp(-0.5 * ((time_F - middle_s) / 0.06) ** 2)
    return np.clip(closed_F, 0.0, 1.0)
