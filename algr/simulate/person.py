"""The person: shape and colours that stay, and what differs from visit to visit."""

from dataclasses import dataclass

import numpy as np

Rgb = tuple[float, float, float]
"""Linear mixtures are taken of these, 0 to 255."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The face at rest without palsy; lengths in distances of the eye centres.

    Origin between the eye centres, x to the image's right, y down. Pairs are image-left first.
    """

    cheek_half_width: float
    jaw_half_width: float
    chin_half_width: float
    chin_y: float
    hairline_y: float
    crown_y: float
    eye_half_width: float
    eye_height: float
    eye_tilt: float
    brow_y: float
    brow_arch: float
    brow_tilt: float
    brow_thickness: float
    brow_inner_x: float
    brow_outer_x: float
    nose_tip_y: float
    nose_base_y: float
    nose_half_width: float
    mouth_y: float
    mouth_half_width: float
    mouth_curve: float
    upper_lip: float
    lower_lip: float
    bow: float
    brow_offsets: tuple[float, float]
    corner_offsets: tuple[float, float]
    eye_factors: tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Looks:
    """Colours and textures of a person."""

    skin: Rgb
    flush: float
    lips: Rgb
    iris: Rgb
    hair: Rgb
    brow: Rgb
    brow_density: float
    hair_style: str
    hair_length: float
    parting: float
    curl: float
    beard: float
    freckles: float
    age: float
    lashes: float
    texture_seed: int


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who is filmed."""

    shape: Shape
    looks: Looks


@dataclass(frozen=True, kw_only=True)
class Room:
    """A place where the clinic films."""

    colour: Rgb
    kind: str
    window: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What differs between two visits of a person: camera, light, clothes, background."""

    eye_distance_px: float
    centre_x_px: float
    centre_y_px: float
    light: tuple[float, float, float]
    ambient: float
    gain: float
    warmth: float
    room: Room
    clothes: Rgb
    noise: float
    blur_px: float
    seed: int


_SKINS: tuple[Rgb, ...] = (
    (238, 204, 184),
    (228, 186, 158),
    (206, 160, 128),
    (172, 122, 92),
    (126, 86, 64),
)
_HAIRS: tuple[Rgb, ...] = (
    (34, 27, 24),
    (62, 44, 33),
    (104, 72, 46),
    (160, 124, 80),
)
_IRISES: tuple[Rgb, ...] = (
    (70, 46, 30),
    (92, 62, 38),
    (104, 96, 62),
    (98, 118, 112),
    (96, 124, 148),
)


def draw_person(rng: np.random.Generator, *, female: bool | None = None) -> Person:
    """A person, every part drawn on its own.

    Args:
        rng: Where the differences between people come from.
        female: Which hair, lips and beard are usual; None leaves it to chance.
    """

    def around(mean: float, spread: float) -> float:
        return float(mean + np.clip(rng.normal(), -2.2, 2.2) * spread)

    def pair(mean: float, spread: float) -> tuple[float, float]:
        return (around(mean, spread), around(mean, spread))

    shape = Shape(
        cheek_half_width=around(1.13, 0.0375),
        jaw_half_width=around(0.87, 0.045),
        chin_half_width=around(0.27, 0.03),
        chin_y=around(1.90, 0.085),
        hairline_y=around(-0.98, 0.075),
        crown_y=around(-1.62, 0.0525),
        eye_half_width=around(0.235, 0.009),
        eye_height=around(0.160, 0.024),
        eye_tilt=around(0.02, 0.0165),
        brow_y=around(-0.345, 0.05),
        brow_arch=around(0.075, 0.0165),
        brow_tilt=around(0.02, 0.01875),
        brow_thickness=around(0.078, 0.0135),
        brow_inner_x=around(0.20, 0.01875),
        brow_outer_x=around(0.83, 0.0225),
        nose_tip_y=around(0.60, 0.03),
        nose_base_y=around(0.74, 0.03),
        nose_half_width=around(0.285, 0.021),
        mouth_y=around(1.10, 0.085),
        mouth_half_width=around(0.415, 0.02625),
        mouth_curve=around(0.0, 0.04),
        upper_lip=around(0.095, 0.0195),
        lower_lip=around(0.125, 0.018),
        bow=around(0.022, 0.006),
        brow_offsets=pair(0.0, 0.0075),
        corner_offsets=pair(0.0, 0.00675),
        eye_factors=pair(1.0, 0.02625),
    )
    return Person(shape=shape, looks=_draw_looks(rng, female=female))


def _draw_looks(rng: np.random.Generator, *, female: bool | None) -> Looks:
    tone = rng.choice(len(_SKINS), p=[0.26, 0.26, 0.22, 0.16, 0.10])
    skin = _SKINS[tone]
    dark_hair = tone >= 3
    hair = _HAIRS[rng.integers(0, 2 if dark_hair else len(_HAIRS))]
    age = float(rng.beta(1.6, 1.4))
    grey = float(np.clip((age - 0.55) * 2.2, 0.0, 1.0))
    hair = _mixed(hair, (176, 172, 168), grey)
    iris = _IRISES[rng.integers(0, 2 if dark_hair else len(_IRISES))]
    by_chance = bool(rng.uniform() < 0.5)
    female = by_chance if female is None else female
    lips = _mixed(_mixed(skin, (170, 74, 74), 0.45), (150, 60, 60), 0.12 * float(female))
    if female and rng.uniform() < 0.35:
        lips = _mixed(lips, (176, 40, 58), 0.5)
    style = rng.choice(
        ["short", "long", "tied", "receding", "bald"],
        p=[0.22, 0.42, 0.36, 0.0, 0.0] if female else [0.62, 0.06, 0.0, 0.20, 0.12],
    )
    return Looks(
        skin=skin,
        flush=float(rng.uniform(0.2, 1.0)),
        lips=lips,
        iris=iris,
        hair=hair,
        brow=_mixed(hair, (40, 30, 26), 0.45),
        brow_density=float(rng.uniform(0.45, 1.0)),
        hair_style=str(style),
        hair_length=float(rng.uniform(0.0, 1.0)),
        parting=float(rng.uniform(-0.8, 0.8)),
        curl=float(rng.uniform(0.0, 1.0)),
        beard=0.0 if female else float(np.clip(rng.normal(0.25, 0.3), 0.0, 0.9)),
        freckles=float(np.clip(rng.normal(-0.1, 0.35), 0.0, 1.0)),
        age=age,
        lashes=float(rng.uniform(0.55, 1.0) if female else rng.uniform(0.2, 0.6)),
        texture_seed=int(rng.integers(0, 2**31)),
    )


def draw_rooms(rng: np.random.Generator) -> tuple[Room, ...]:
    """The three rooms of a clinic."""
    colours = ((206, 210, 212), (150, 170, 186), (120, 140, 128), (196, 184, 166), (90, 98, 110))
    picks = rng.permutation(len(colours))[:3]
    kinds = rng.permutation(["wall", "curtain", "blurred", "tiles"])[:3]
    return tuple(
        Room(
            colour=_varied(colours[pick], rng, 14.0),
            kind=str(kind),
            window=float(rng.uniform(-0.7, 0.7)),
            seed=int(rng.integers(0, 2**31)),
        )
        for pick, kind in zip(picks, kinds, strict=True)
    )


def draw_scene(rng: np.random.Generator, *, rooms: tuple[Room, ...]) -> Scene:
    """Camera, light and surroundings of one visit."""
    room = rooms[int(rng.integers(0, len(rooms)))]
    azimuth = room.window + rng.normal(0.0, 0.12)
    elevation = rng.uniform(0.35, 0.6)
    light = (
        float(np.sin(azimuth) * np.cos(elevation)),
        float(-np.sin(elevation)),
        float(np.cos(azimuth) * np.cos(elevation)),
    )
    clothes = (
        (48, 62, 96),
        (150, 52, 56),
        (70, 96, 78),
        (210, 208, 200),
        (44, 44, 48),
        (128, 110, 150),
    )[rng.integers(0, 6)]
    return Scene(
        eye_distance_px=float(rng.uniform(80.0, 90.0)),
        centre_x_px=float(180 + rng.normal(0.0, 7.0)),
        centre_y_px=float(196 + rng.normal(0.0, 6.0)),
        light=light,
        ambient=float(rng.uniform(0.46, 0.56)),
        gain=float(rng.uniform(0.94, 1.04)),
        warmth=float(rng.normal(0.0, 0.01)),
        room=room,
        clothes=_varied(clothes, rng, 10.0),
        noise=float(rng.uniform(1.0, 2.4)),
        blur_px=float(rng.uniform(0.0, 0.5)),
        seed=int(rng.integers(0, 2**31)),
    )


def _varied(colour: Rgb, rng: np.random.Generator, spread: float) -> Rgb:
    shifted = np.clip(np.asarray(colour) + rng.normal(0.0, spread, size=3), 8.0, 250.0)
    return (float(shifted[0]), float(shifted[1]), float(shifted[2]))


def _mixed(first: Rgb, second: Rgb, share: float) -> Rgb:
    mixed = [a * (1.0 - share) + b * share for a, b in zip(first, second, strict=True)]
    return (mixed[0], mixed[1], mixed[2])
