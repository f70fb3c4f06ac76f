"""When a person shows which action units, and how strongly: episodes that rise, hold and fall."""

# Shape suffixes: F = frames, A = action units, E = expressions.

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from algr.simulate.actions import ACTION_UNITS, HIGHEST

Array = npt.NDArray[np.float64]

EXPRESSIONS: dict[str, dict[int, float]] = {
    "joy": {6: 0.75, 7: 0.45, 10: 0.55, 12: 0.80, 14: 0.30, 25: 0.50, 15: -0.40, 24: -0.35},
    "surprise": {1: 0.70, 2: 0.75, 5: 0.70, 25: 0.45, 26: 0.70, 4: -0.35, 7: -0.35},
    "sadness": {1: 0.45, 4: 0.40, 15: 0.65, 17: 0.55, 12: -0.30},
    "fear": {1: 0.35, 2: 0.25, 4: 0.30, 5: 0.35, 20: 0.75, 25: 0.35, 26: 0.25},
    "anger": {4: 0.55, 7: 0.40, 17: 0.35, 23: 0.70, 24: 0.65, 25: -0.40, 26: -0.35},
    "disgust": {4: 0.35, 6: 0.20, 7: 0.35, 9: 0.80, 10: 0.50, 17: 0.30},
    "embarrassment": {12: 0.25, 14: 0.65, 17: 0.25, 23: 0.30, 24: 0.35},
}
"""What moves together: how much of an action unit's coming and going an expression explains."""
_EXCLUSIVE = ((24, 25), (24, 26), (5, 7))
"""Of these pairs the stronger one shows: lips cannot part and press."""
_RISE = 0.50
"""The smaller, the sooner an episode is at its height."""


def plan_intensity(
    lengths: Sequence[int],
    *,
    rates: Mapping[int, float],
    present_from: float,
    moods: Sequence[Mapping[str, float]],
    rng: np.random.Generator,
) -> tuple[dict[int, Array], ...]:
    """The intensities of a person in all recordings.

    Expressions and single action units come and go smoothly; an action unit shows while its
    share of them is above a level, chosen so that it is present in its rate of the person's
    frames, and in at least two of them.

    Args:
        lengths: Frames of each recording.
        rates: Action unit to the share of frames in which it is present; others never show.
        present_from: The intensity from which it counts as present, below 5.
        moods: For each recording how much more of an expression there is.
        rng: Where all differences come from.

    Returns:
        For each recording (F,) intensities, 0 to 5, of each action unit in `rates`.
    """
    units = [unit for unit in ACTION_UNITS if unit in rates]
    drive_AF = np.concatenate(
        [_drives(length, units, mood, rng) for length, mood in zip(lengths, moods, strict=True)],
        axis=1,
    )
    total = drive_AF.shape[1]
    # Where the level is crossed, the intensity is the one from which it counts as present.
    at_level = -_RISE * np.log(1.0 - present_from / HIGHEST)
    intensity: dict[int, Array] = {}
    for unit, drive_F in zip(units, drive_AF, strict=True):
        share = rates[unit] * np.exp(np.clip(rng.normal(0.0, 0.15), -0.3, 0.3))
        count = int(np.clip(round(share * total), min(2, total), total))
        level = np.sort(drive_F)[-count]
        above_F = np.clip(drive_F - level + at_level + 1e-9, 0.0, None)
        intensity[unit] = HIGHEST * (1.0 - np.exp(-above_F / _RISE))
    for first, second in _EXCLUSIVE:
        if first in intensity and second in intensity:
            weaker_F = intensity[first] < intensity[second]
            intensity[first][weaker_F] = 0.0
            intensity[second][~weaker_F] = 0.0
    ends = np.cumsum(lengths)
    return tuple(
        {unit: values_F[end - length : end] for unit, values_F in intensity.items()}
        for length, end in zip(lengths, ends, strict=True)
    )


def grade(intensity_F: Array) -> npt.NDArray[np.int64]:
    """Whole intensities, 0 to 5, as a coder writes them."""
    return np.floor(intensity_F + 0.5).astype(np.int64)


def _drives(
    length: int, units: Sequence[int], mood: Mapping[str, float], rng: np.random.Generator
) -> Array:
    """What calls for each action unit in each frame, (A, F), of about unit variance."""
    loads_AE = np.array(
        [[members.get(unit, 0.0) for members in EXPRESSIONS.values()] for unit in units]
    )
    own_A1 = np.sqrt(np.clip(1.0 - (loads_AE**2).sum(axis=1, keepdims=True), 0.1, None))
    shift_E1 = np.array([[mood.get(name, 0.0)] for name in EXPRESSIONS])
    waves = _waves(len(EXPRESSIONS) + len(units), length, rng)
    expressions_EF = waves[: len(EXPRESSIONS)] + shift_E1
    return np.asarray(loads_AE @ expressions_EF + own_A1 * waves[len(EXPRESSIONS) :])


def _waves(count: int, length: int, rng: np.random.Generator) -> Array:
    """Smooth random courses of unit variance; some come and go within a recording."""
    width = float(np.clip(length / 12.0, 1.5, 12.0))
    margin = int(4 * width)
    noise = rng.standard_normal((count, length + 2 * margin))
    smooth = gaussian_filter1d(noise, width, axis=1)[:, margin : margin + length]
    return np.asarray(smooth * np.sqrt(2.0 * width * np.sqrt(np.pi)))
