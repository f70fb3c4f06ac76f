"""Facial palsy: how much each side of a simulated face can do, by House-Brackmann grade.

A mechanism for tests and demonstrations, drawn after the wording of the House-Brackmann scale
(forehead, eye closure, mouth, symmetry at rest, synkinesis); it is no model of patients.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Palsy:
    """What the facial nerve of one face carries.

    Sides are the image's: 0 is image-left (the patient's right), 1 is image-right.

    Attributes:
        grade_hb: House-Brackmann grade, 1 to 6.
        side: The weak side; None for grade I.
        forehead: Strength of each side's forehead muscles, 0 (none) to about 1 (full).
        eye: Strength of each side's eye closure.
        mouth: Strength of each side's muscles of nose, cheek and mouth.
        brow_droop: How far each side's brow hangs at rest, 0 to about 1.
        lid_gape: How far each side's lower lid hangs at rest.
        mouth_droop: How far each side's cheek and corner of the mouth hang at rest.
        eye_with_mouth: Synkinesis: how much each side's eye narrows with the mouth.
        mouth_with_eye: Synkinesis: how much each side's mouth moves with the eye.
    """

    grade_hb: int
    side: int | None
    forehead: tuple[float, float]
    eye: tuple[float, float]
    mouth: tuple[float, float]
    brow_droop: tuple[float, float]
    lid_gape: tuple[float, float]
    mouth_droop: tuple[float, float]
    eye_with_mouth: tuple[float, float]
    mouth_with_eye: tuple[float, float]

    @property
    def affected_side(self) -> str:
        """The weak side as a clinic writes it, the patient's left or right; empty for none."""
        if self.side is None:
            return ""
        return "right" if self.side == 0 else "left"


@dataclass(frozen=True)
class _Row:
    forehead: float
    eye: float
    mouth: float
    rest: float
    synkinesis: float


_BY_GRADE = {
    1: _Row(1.0, 1.0, 1.0, 0.0, 0.0),
    2: _Row(0.45, 0.66, 0.45, 0.58, 0.05),
    3: _Row(0.18, 0.44, 0.22, 1.00, 0.46),
    4: _Row(0.10, 0.36, 0.16, 1.06, 0.50),
    5: _Row(0.02, 0.10, 0.03, 1.46, 0.04),
    6: _Row(0.0, 0.05, 0.0, 1.54, 0.0),
}


def draw_palsy(grade_hb: int, *, side: int, rng: np.random.Generator) -> Palsy:
    """The palsy of one visit.

    Args:
        grade_hb: House-Brackmann grade, 1 to 6.
        side: The image side that is weak in grades II to VI.
        rng: Where the differences between people of one grade come from.
    """
    row = _BY_GRADE[grade_hb]
    spread = 0.0 if grade_hb == 1 else 1.0
    natural = rng.normal(0.0, 0.035, size=(3, 2))
    jitter = rng.normal(0.0, 0.04, size=3) * spread
    rest = row.rest * np.exp(rng.normal(0.0, 0.08, size=3))
    synkinesis = row.synkinesis * np.exp(rng.normal(0.0, 0.25, size=2))

    def strength(zone: int, value: float) -> tuple[float, float]:
        weak = float(np.clip(value + jitter[zone], 0.0, 1.0))
        pair = [1.0, 1.0]
        if grade_hb > 1:
            pair[side] = weak
        return (
            float(max(pair[0] * (1 + natural[zone, 0]), 0.0)),
            float(max(pair[1] * (1 + natural[zone, 1]), 0.0)),
        )

    def weak_only(value: float) -> tuple[float, float]:
        return (float(value), 0.0) if side == 0 else (0.0, float(value))

    return Palsy(
        grade_hb=grade_hb,
        side=None if grade_hb == 1 else side,
        forehead=strength(0, row.forehead),
        eye=strength(1, row.eye),
        mouth=strength(2, row.mouth),
        brow_droop=weak_only(rest[0]),
        lid_gape=weak_only(rest[1]),
        mouth_droop=weak_only(rest[2]),
        eye_with_mouth=weak_only(synkinesis[0]),
        mouth_with_eye=weak_only(synkinesis[1]),
    )
