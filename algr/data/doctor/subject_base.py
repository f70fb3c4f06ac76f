"""A subject whose landmarks stand one pixel beside where everybody's do.

What is drawn at a landmark (the corner of an eye, the rim of a lip) looks alike in all faces, on
the average over frames. So the mean squares around a subject's landmarks are laid over the mean of
the others', and the shift that fits best is the subject's own. How much such shifts differ from
subject to subject, for reasons of anatomy, light and the tracker, the source itself tells: a
subject is only named who lies far outside of that.

Shape suffixes: S = subjects; P = landmarks; K = side of a square; M = measures; 2 = x, y.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import Recording
from algr.data.doctor.patches import (
    BROWS,
    EYES,
    LOOKED_AT,
    MOUTH,
    evened,
    fitting_shift,
    pixels_per_square,
)
from algr.data.doctor.pictures import Seen
from algr.data.findings import Finding

MIN_SUBJECTS = 5
MIN_PICTURES = 8
MIN_SURENESS = 4.0
"""Standard deviations, of the other subjects, by which the one lies outside."""
MIN_DOUBT = 3.0
"""The same of one who may lie there by chance: a note."""
_SHIFT_RANGE_PX = (0.6, 1.5)
"""Of a subject that counts from the other pixel; larger ones have other reasons."""
_TOLD_PX = 0.85
_AXIS_RANGE_PX = (0.35, 1.75)
"""The same of x and y each: both are counted from the other pixel."""
_MEASURES = ((EYES, 0), (MOUTH, 0), (MOUTH, 1), (BROWS, 1))
"""Landmarks, and 0 for x or 1 for y. Lids move eyes up and down, and brows have no clear ends."""
_WEIGHTS = np.array([0.45, 0.2, 0.25, 0.1])
"""About inverse to how much each measure differs between people."""


@dataclass(frozen=True, kw_only=True)
class SubjectShift:
    """How far the landmarks of one subject stand from where the others' do."""

    subject: str
    shift_px: float
    """Of the face to the right and down, from its landmarks; weighted mean of both."""
    x_px: float
    y_px: float
    sureness: float
    """Standard deviations of the other subjects."""
    pictures: int


@dataclass(frozen=True, kw_only=True)
class SubjectShifts:
    """All subjects of a source."""

    shifts: tuple[SubjectShift, ...]
    spread_px: float
    """Standard deviation between the subjects, without the one that lies farthest out."""
    why: str = ""
    """Why nothing can be told."""

    @property
    def found(self) -> tuple[SubjectShift, ...]:
        """Subjects that count from another pixel than the rest."""
        return tuple(shift for shift in self.shifts if _is_off(shift))

    @property
    def tells_a_pixel(self) -> bool:
        """Whether one pixel in one subject would stand out."""
        return bool(MIN_DOUBT * self.spread_px <= _TOLD_PX)


def _is_off(shift: SubjectShift) -> bool:
    sign = np.sign(shift.shift_px)
    least, most = _AXIS_RANGE_PX
    return bool(
        shift.sureness >= MIN_DOUBT
        and _SHIFT_RANGE_PX[0] <= abs(shift.shift_px) <= _SHIFT_RANGE_PX[1]
        and least <= sign * shift.x_px <= most
        and least <= sign * shift.y_px <= most
    )


def compare_subjects(seen: Sequence[Seen], recordings: Sequence[Recording]) -> SubjectShifts:
    """Lay each subject's mean squares over those of the others.

    Args:
        seen: Pictures whose landmarks are upright.
        recordings: Of the source.
    """
    squares: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    scales: dict[str, list[float]] = defaultdict(list)
    for picture in seen:
        recording = recordings[picture.recording]
        if picture.patches_PKK is None or recording.landmarks_NL2 is None:
            continue
        squares[recording.subject].append(evened(picture.patches_PKK))
        scales[recording.subject].append(pixels_per_square(recording.landmarks_NL2[picture.row]))
    subjects = sorted(name for name, own in squares.items() if len(own) >= MIN_PICTURES)
    if len(subjects) < MIN_SUBJECTS:
        return SubjectShifts(
            shifts=(),
            spread_px=float("nan"),
            why=f"{len(subjects)} subjects with {MIN_PICTURES} pictures and more are too few",
        )
    mean_SPKK = np.array([np.mean(squares[name], axis=0) for name in subjects])
    scale_S = np.array([np.mean(scales[name]) for name in subjects])
    total_PKK = mean_SPKK.sum(axis=0)
    shift_SM = np.array(
        [
            _measures(own_PKK, (total_PKK - own_PKK) / (len(subjects) - 1)) * scale
            for own_PKK, scale in zip(mean_SPKK, scale_S, strict=True)
        ]
    )
    shift_S = shift_SM @ _WEIGHTS
    spread = [_spread(np.delete(shift_S, place)) for place in range(len(subjects))]
    shifts = tuple(
        SubjectShift(
            subject=name,
            shift_px=float(shift_S[place]),
            x_px=float(shift_SM[place, [0, 1]].mean()),
            y_px=float(shift_SM[place, [2, 3]].mean()),
            sureness=_sureness(shift_S, place),
            pictures=len(squares[name]),
        )
        for place, name in enumerate(subjects)
    )
    return SubjectShifts(shifts=shifts, spread_px=min(spread))


def _spread(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1))


def _sureness(shift_S: NDArray[np.float64], place: int) -> float:
    others = np.delete(shift_S, place)
    spread = max(_spread(others) * np.sqrt(1 + 1 / len(others)), 1e-6)
    return float(abs(shift_S[place] - others.mean()) / spread)


def _measures(own_PKK: NDArray[np.float64], others_PKK: NDArray[np.float64]) -> NDArray[np.float64]:
    """(M,) shifts, in pixels of the squares."""
    shift_of = {
        places: fitting_shift(own_PKK[_rows(places)], others_PKK[_rows(places)])
        for places in (EYES, MOUTH, BROWS)
    }
    return np.array([shift_of[places][axis] for places, axis in _MEASURES])


def _rows(places: Sequence[int]) -> list[int]:
    return [LOOKED_AT.index(place) for place in places]


def subject_base_findings(answer: SubjectShifts, *, used: int) -> list[Finding]:
    """Subjects whose landmark files count from another pixel than everybody's.

    Args:
        answer: Of the comparison.
        used: Pixel that the files are taken to count from.
    """
    findings = []
    for item in answer.found:
        counted = used - 1 if item.shift_px > 0 else used + 1
        guess = (
            f"its files seem to count from {counted}, not {used} as the others do: "
            f"{'add 1 to' if item.shift_px > 0 else 'take 1 from'} its coordinates"
            if counted in (0, 1)
            else "its files seem to count otherwise than those of the others"
        )
        side = "left of and above" if item.shift_px > 0 else "right of and below"
        is_sure = item.sureness >= MIN_SURENESS
        findings.append(
            Finding(
                severity="warning" if is_sure else "note",
                code="landmark_base_of_subject" if is_sure else "landmark_base_in_doubt",
                message=f"subject {item.subject}: the landmarks stand {abs(item.shift_px):.1f} "
                f"pixels {side} where those of the others do ({item.sureness:.0f} standard "
                f"deviations of {answer.spread_px:.2f} between subjects, {item.pictures} "
                f"pictures); {guess}, for --landmark-base is for all"
                + ("" if is_sure else ". This may be chance: look at some of its frames"),
                count=item.pictures,
            )
        )
    return findings
