"""A room with a camera in which people show action units: who sits there, and what is filmed."""

# Shape suffixes: F = frames, L = landmarks (49), J = jaw (17), P = points, 2 = x and y, 3 = axes.

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image

from algr.seeding import derive_seed
from algr.simulate.actions import HEALTHY, draw_asymmetry, show
from algr.simulate.exercises import Motion, Segment
from algr.simulate.geometry import Curves, jaw_points, landmarks, trace
from algr.simulate.muscles import ACTION_MOVERS
from algr.simulate.person import Person, Scene, draw_person, draw_rooms, draw_scene
from algr.simulate.render import render_frames

Array = npt.NDArray[np.float64]

_LIGHT_FRAMES = 20
"""About every so many frames the light has changed."""
_MOTION_S = 4.0
"""How long a person moves in a recording at least: a short one is filmed in time lapse."""
_SLOWEST_FPS = 6.0


@dataclass(frozen=True, kw_only=True)
class Studio:
    """A camera and where faces are in its picture.

    Attributes:
        name: For seeds.
        size: Width and height of a recorded picture, pixels.
        work_size: Of the drawing, which is enlarged to `size`.
        eye_distance_px: Smallest and largest distance of the eyes in the drawing.
        centre_px: Where the middle between the eyes is in the drawing, give or take a little.
        fps: Frames per second.
    """

    name: str
    size: tuple[int, int]
    work_size: tuple[int, int]
    eye_distance_px: tuple[float, float]
    centre_px: tuple[float, float]
    fps: float

    def scaled(self, scale: float) -> "Studio":
        """The same studio with smaller pictures; sides are even, as videos need it."""
        width, height = (max(2 * round(side * scale / 2), 2) for side in self.size)
        return replace(self, size=(width, height))

    def in_picture(self, points_FP2: Array) -> Array:
        """Points of the drawing as 0-based pixels of the recorded picture."""
        ratio = np.array(self.size) / np.array(self.work_size)
        return np.asarray((points_FP2 + 0.5) * ratio - 0.5)


@dataclass(frozen=True, kw_only=True)
class Sitting:
    """A person before the camera."""

    person: Person
    scene: Scene
    asymmetry: Mapping[int, tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Footage:
    """One recording: what it is drawn from, and the landmarks, 0-based pixels of its pictures."""

    studio: Studio
    sitting: Sitting
    motion: Motion
    curves: Curves
    segments: tuple[Segment, ...]
    motion_fps: float

    @property
    def landmarks_FL2(self) -> Array:
        """The 49 points."""
        return self.studio.in_picture(landmarks(self.curves))

    @property
    def jaw_FJ2(self) -> Array:
        """The 17 points of the jaw."""
        points_FJ2 = jaw_points(self.sitting.person.shape, self.sitting.scene, self.motion)
        return self.studio.in_picture(points_FJ2)

    @property
    def rotation_F33(self) -> Array:
        """The turn of the head in each frame."""
        yaw_F = np.arcsin(self.motion.movers_FK[:, ACTION_MOVERS.index(("yaw", 0))])
        pitch_F = np.arcsin(self.motion.movers_FK[:, ACTION_MOVERS.index(("pitch", 0))])
        about_y, about_x = _turn(yaw_F, (0, 2)), _turn(pitch_F, (2, 1))
        return np.asarray(_turn(self.motion.roll_F, (1, 0)) @ about_y @ about_x)

    def drawings(self) -> Iterator[npt.NDArray[np.uint8]]:
        """The frames before they are enlarged, RGB of the studio's `work_size`."""
        return render_frames(
            self.sitting.person,
            self.sitting.scene,
            self.motion,
            self.curves,
            palsy=HEALTHY,
            segments=self.segments,
            video_fps=self.motion_fps,
            size=self.studio.work_size,
        )

    def pictures(self) -> Iterator[Image.Image]:
        """The recorded pictures."""
        for frame in self.drawings():
            yield Image.fromarray(frame).resize(self.studio.size, Image.Resampling.BICUBIC)


def sit(studio: Studio, *, person: int, seed: int, female: bool | None = None) -> Sitting:
    """A person and the light of the day; the same person sits the same way each time."""
    names = (studio.name, "person", person)
    scene_rng = np.random.default_rng(derive_seed(seed, *names, "scene"))
    rooms = draw_rooms(np.random.default_rng(derive_seed(seed, studio.name, "rooms")))
    plain = tuple(replace(room, kind="wall") for room in rooms)
    scene = draw_scene(scene_rng, rooms=plain)
    x, y = studio.centre_px
    scene = replace(
        scene,
        eye_distance_px=float(scene_rng.uniform(*studio.eye_distance_px)),
        centre_x_px=float(x + np.clip(scene_rng.normal(0.0, 5.0), -10.0, 10.0)),
        centre_y_px=float(y + np.clip(scene_rng.normal(0.0, 4.0), -8.0, 8.0)),
    )
    looks_rng = np.random.default_rng(derive_seed(seed, *names))
    return Sitting(
        person=draw_person(looks_rng, female=female),
        scene=scene,
        asymmetry=draw_asymmetry(np.random.default_rng(derive_seed(seed, *names, "sides"))),
    )


def film(
    studio: Studio,
    sitting: Sitting,
    intensity: Mapping[int, Array],
    *,
    seed: int,
    yaw: float = 0.0,
) -> Footage:
    """Film a person who shows action units.

    Args:
        studio: Where.
        sitting: Who.
        intensity: (F,) of each action unit, 0 to 5.
        seed: Seed of light, blinks and motion of the head.
        yaw: Turn of the camera, sine of the angle.
    """
    num_frames = len(next(iter(intensity.values())))
    motion_fps = float(np.clip(num_frames / _MOTION_S, _SLOWEST_FPS, studio.fps))
    length_s = num_frames / motion_fps
    count = max(round(num_frames / _LIGHT_FRAMES), 1)
    ends = np.linspace(0.0, length_s, count + 1)
    segments = tuple(
        Segment(exercise="", start_s=float(start), end_s=float(end))
        for start, end in pairwise(ends)
    )
    motion = show(
        intensity,
        asymmetry=sitting.asymmetry,
        segments=segments,
        video_fps=motion_fps,
        rng=np.random.default_rng(derive_seed(seed, "motion")),
        yaw=yaw,
    )
    lit = replace(sitting, scene=replace(sitting.scene, seed=derive_seed(seed, "light") % 2**31))
    return Footage(
        studio=studio,
        sitting=lit,
        motion=motion,
        curves=trace(lit.person.shape, lit.scene, motion),
        segments=segments,
        motion_fps=motion_fps,
    )


def _turn(angle_F: Array, axes: tuple[int, int]) -> Array:
    """Rotations in the plane of two axes, (F, 3, 3)."""
    first, second = axes
    turn_F33 = np.tile(np.eye(3), (len(angle_F), 1, 1))
    cos_F, sin_F = np.cos(angle_F), np.sin(angle_F)
    turn_F33[:, first, first], turn_F33[:, second, second] = cos_F, cos_F
    turn_F33[:, first, second], turn_F33[:, second, first] = sin_F, -sin_F
    return turn_F33
