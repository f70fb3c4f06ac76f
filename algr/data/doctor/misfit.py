"""Recordings whose landmarks belong to another recording: nothing at them looks like a face's.

Shape suffixes: R = recordings; P = landmarks with a square around them; K = its side; N = pixels.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import Recording
from algr.data.doctor.patches import evened
from algr.data.doctor.pictures import Seen
from algr.data.findings import Finding, up_to_the_limit

MIN_PICTURES = 5
MIN_RECORDINGS = 4
FOREIGN = 0.4
"""Likeness to the other recordings below which landmarks are not those of the pictures."""
_USUAL = 0.55
"""Median likeness from which on such a recording stands out."""


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How much what stands at the landmarks of a recording looks like that of the others."""

    recording: int
    """Position in the reading."""
    own: float
    """Mean correlation of its mean squares with those of the others, -1 to 1."""
    usual: float
    """Median of all recordings."""
    pictures: int


def compare_recordings(seen: Sequence[Seen]) -> tuple[Likeness, ...]:
    """Those recordings whose landmarks fit their pictures no better than by chance.

    Args:
        seen: Pictures whose landmarks are upright.
    """
    squares: dict[int, list[NDArray[np.float64]]] = defaultdict(list)
    for picture in seen:
        if picture.patches_PKK is not None:
            squares[picture.recording].append(evened(picture.patches_PKK))
    positions = sorted(place for place, own in squares.items() if len(own) >= MIN_PICTURES)
    if len(positions) < MIN_RECORDINGS:
        return ()
    mean_RPKK = np.array([np.mean(squares[place], axis=0) for place in positions])
    total_PKK = mean_RPKK.sum(axis=0)
    likeness = [
        likeness_of(own_PKK, (total_PKK - own_PKK) / (len(positions) - 1)) for own_PKK in mean_RPKK
    ]
    usual = float(np.median(likeness))
    return tuple(
        Likeness(recording=place, own=own, usual=usual, pictures=len(squares[place]))
        for place, own in zip(positions, likeness, strict=True)
        if own < FOREIGN and usual >= _USUAL
    )


def likeness_of(own_PKK: NDArray[np.float64], others_PKK: NDArray[np.float64]) -> float:
    """Mean over the squares of their correlation."""
    own_PN, others_PN = (part.reshape(len(part), -1) for part in (own_PKK, others_PKK))
    own_PN = own_PN - own_PN.mean(axis=1, keepdims=True)
    others_PN = others_PN - others_PN.mean(axis=1, keepdims=True)
    length_P = np.sqrt((own_PN**2).sum(axis=1) * (others_PN**2).sum(axis=1))
    return float(((own_PN * others_PN).sum(axis=1) / np.maximum(length_P, 1e-9)).mean())


def misfit_findings(misfits: Sequence[Likeness], recordings: Sequence[Recording]) -> list[Finding]:
    """A warning for each, least alike first."""
    findings = [
        Finding(
            severity="warning",
            code="landmarks_of_another",
            message=f"what stands at the landmarks does not look like a face (likeness "
            f"{item.own:.2f}, {item.usual:.2f} in most, {item.pictures} pictures): are they those "
            "of another recording?",
            file=recordings[item.recording].name,
            count=len(recordings[item.recording].number_N),
        )
        for item in sorted(misfits, key=lambda item: item.own)
    ]
    return up_to_the_limit(findings)
