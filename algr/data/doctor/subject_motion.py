"""A subject whose landmarks are those of the frame before or after the picture.

Where the head moves, such landmarks lie beside the face, and the farther the faster it moves. So
for every sampled picture it is measured how far the face lies beside where it lies in the other
pictures of the recording, and how far the landmarks move in a frame: the one divided by the other
is the offset, in frames. Slow frames tell little and fast ones much, all of them count.

Shape suffixes: N = pictures; 2 = x, y; L = landmarks; P = landmarks with a square; K = its side.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import Recording
from algr.data.doctor.calibrate import SubjectOffset
from algr.data.doctor.patches import EYE_DISTANCE, LOOKED_AT, between_eyes, evened, fitting_shift
from algr.data.doctor.pictures import Seen

MIN_PICTURES = 12
_MIN_OF_RECORDING = 5
_MAX_SHIFT = 6.0
"""Pixels of the squares; what lies farther away is another expression."""
_LEAST_OFFSET = 0.5
"""Frames; the mean over pictures that are all beside their place is blurred, and tells less."""
_TWO_FRAMES = 1.4
_MIN_SURENESS = 5.0
_MAX_ERROR = 0.1
_NO_OFFSET = 0.3


@dataclass(frozen=True, kw_only=True)
class SubjectMotion:
    """How many frames the landmarks of a subject lie beside the pictures."""

    subject: str
    frames: float
    """From the picture to the landmarks that fit."""
    error: float
    """Standard error."""
    pictures: int


def measure_motion(
    seen: Sequence[Seen], recordings: Sequence[Recording]
) -> tuple[SubjectMotion, ...]:
    """Each subject with pictures enough whose landmarks go on before and after them.

    Args:
        seen: Pictures whose landmarks are upright.
        recordings: Of the source.
    """
    by_recording: dict[int, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = defaultdict(
        list
    )
    for picture in seen:
        if picture.patches_PKK is None:
            continue
        step_2 = _step(recordings[picture.recording], picture.row)
        if step_2 is not None:
            by_recording[picture.recording].append((evened(picture.patches_PKK), step_2))
    steps: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    shifts: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for position, pairs in sorted(by_recording.items()):
        if len(pairs) >= _MIN_OF_RECORDING:
            subject = recordings[position].subject
            steps[subject].append(np.array([step_2 for _, step_2 in pairs]))
            shifts[subject].append(_shifts(np.array([squares for squares, _ in pairs])))
    return tuple(
        _fit(subject, np.concatenate(own), np.concatenate(shifts[subject]))
        for subject, own in steps.items()
        if sum(map(len, own)) >= MIN_PICTURES
    )


def _step(recording: Recording, row: int) -> NDArray[np.float64] | None:
    """(2,) way of the face in a frame, in pixels of the squares; None where it is not known."""
    points_NL2, number_N = recording.landmarks_NL2, recording.number_N
    if points_NL2 is None or not 0 < row < len(number_N) - 1:
        return None
    if number_N[row + 1] - number_N[row - 1] != 2:
        return None
    way_PL2 = points_NL2[row + 1].astype(np.float64) - points_NL2[row - 1]
    way_2 = way_PL2[list(LOOKED_AT)].mean(axis=0) / 2
    right_2 = between_eyes(points_NL2[row])
    length = float(np.hypot(*right_2))
    if not (np.isfinite(way_2).all() and length > 0):
        return None
    right_2 = right_2 / length
    turned_2 = np.array([way_2 @ right_2, way_2[1] * right_2[0] - way_2[0] * right_2[1]])
    return np.asarray(turned_2 * EYE_DISTANCE / length)


def _shifts(squares_NPKK: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N, 2) by which each face lies beside the mean of the others."""
    total_PKK, count = squares_NPKK.sum(axis=0), len(squares_NPKK)
    shift_N2 = np.array(
        [fitting_shift(own_PKK, (total_PKK - own_PKK) / (count - 1)) for own_PKK in squares_NPKK]
    ).clip(-_MAX_SHIFT, _MAX_SHIFT)
    return np.asarray(shift_N2 - np.median(shift_N2, axis=0))


def _fit(
    subject: str, step_N2: NDArray[np.float64], shift_N2: NDArray[np.float64]
) -> SubjectMotion:
    step, shift = step_N2.ravel(), shift_N2.ravel()
    weight = max(float(step @ step), 1e-9)
    frames = float(step @ shift) / weight
    rest = shift - frames * step
    return SubjectMotion(
        subject=subject,
        frames=frames,
        error=float(np.sqrt(rest @ rest / (len(step) - 1) / weight)),
        pictures=len(step_N2),
    )


def settle_subjects(
    doubts: Sequence[SubjectOffset], motions: Sequence[SubjectMotion], *, usual: int
) -> list[SubjectOffset]:
    """What is known of subjects that are numbered otherwise, by both ways of looking.

    Args:
        doubts: Of the comparison of moving with resting faces.
        motions: Of all subjects.
        usual: Offset of the others.
    """
    if not motions:
        return list(doubts)
    middle = float(np.median([motion.frames for motion in motions]))
    sure = [
        SubjectOffset(
            subject=motion.subject,
            offset=usual + _whole(motion.frames - middle),
            sureness=abs(motion.frames - middle) / motion.error,
            pictures=motion.pictures,
        )
        for motion in motions
        if len(motions) > 2
        and abs(motion.frames - middle) >= max(_LEAST_OFFSET, _MIN_SURENESS * motion.error)
    ]
    cleared = {
        motion.subject
        for motion in motions
        if abs(motion.frames - middle) < _NO_OFFSET and motion.error <= _MAX_ERROR
    }
    named = {item.subject for item in sure}
    rest = [
        item
        for item in doubts
        if item.subject not in named and (item.is_sure or item.subject not in cleared)
    ]
    return [*sure, *rest]


def _whole(frames: float) -> int:
    return int(np.sign(frames)) * (2 if abs(frames) >= _TWO_FRAMES else 1)
