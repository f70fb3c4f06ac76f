"""One recording under two subjects, encoded anew, scaled, cut in time, or with other landmarks.

Two recordings are one where many sampled pictures of the one are, in their order, pictures of the
other. Two pictures are one where they agree as a whole and at the faces of both: people in one
room give alike pictures, but not alike faces. The doctor and the preparation both judge here.

Shape suffixes: P = pictures, pairs of pictures; Q = pictures of the other recording; N = pictures
of all recordings; D = grey values of a picture; G = places in a sketch; 4 = left, top, right,
bottom.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import Recording
from algr.data.doctor.duplicates import SharedFootage, worst_first
from algr.data.identity import composed
from algr.data.sketch import SIDE, Sketches

SAME_PICTURE = 0.985
"""Correlation from which on two pictures are one as a whole."""
SAME_FACE = 0.97
"""The same of what stands where the landmarks of either say that a face is."""
SURE_PICTURES = 12
"""Pictures of two subjects in common, in order, from which on it is no chance."""
SURE_OF_SHORT = 4
"""The same of a short recording, where these are also most of its pictures."""
_MOST = 0.75
MIN_PICTURES = 2
MOST_SKETCHES = 60_000
"""Of all recordings together; of more, every second one is compared, or every third, …"""
_COARSE = 16
_GRID = 16
_LEAST_BOX = 0.1
"""Side of the box that is compared, as a share of the picture's, at least."""


@dataclass(frozen=True, kw_only=True)
class _Known:
    """One recording, ready to be compared."""

    position: int
    sketches: Sketches
    flat_PD: NDArray[np.uint8]
    has_face_P: NDArray[np.bool_]


def alike_footage(
    sketches: Mapping[int, Sketches], recordings: Sequence[Recording]
) -> list[SharedFootage]:
    """Recordings of different subjects that have pictures in common, worst first.

    Args:
        sketches: By the position of their recording.
        recordings: All of them.
    """
    step = -(-sum(map(len, sketches.values())) // MOST_SKETCHES)
    known = [
        _Known(
            position=position,
            sketches=thinned,
            flat_PD=thinned.whole_NSS.reshape(len(thinned), -1),
            has_face_P=np.asarray(np.isfinite(thinned.face_N4).all(axis=1)),
        )
        for position, part in sorted(sketches.items())
        if len(thinned := part.every(max(1, step)))
    ]
    if len(known) < 2:
        return []
    subjects = [composed(recordings[part.position].subject) for part in known]
    coarse = [_coarse(part.sketches.whole_NSS) for part in known]
    all_ND = np.concatenate(coarse)
    starts = np.cumsum([0, *map(len, coarse)])
    shared = []
    for one in range(len(known) - 1):
        rest = starts[one + 1]
        likeness_PN = coarse[one] @ all_ND[rest:].T
        best_R = np.maximum.reduceat(likeness_PN.max(axis=0), starts[one + 1 : -1] - rest)
        for other in (one + 1 + np.flatnonzero(best_R >= SAME_PICTURE)).tolist():
            if subjects[one] != subjects[other]:
                span = slice(starts[other] - rest, starts[other + 1] - rest)
                item = _compare(known[one], known[other], likeness_PN[:, span])
                shared += [item] if item else []
    return worst_first(_judged(shared, recordings), recordings)


def _coarse(whole_PSS: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(P, D) of mean 0 and length 1, so that products are correlations."""
    cell = SIDE // _COARSE
    cells = whole_PSS.reshape(-1, _COARSE, cell, _COARSE, cell).mean(axis=(2, 4), dtype=np.float32)
    return _normalised(cells.reshape(len(cells), -1))


def _normalised(rows_PD: NDArray[np.number]) -> NDArray[np.float32]:
    centred = rows_PD.astype(np.float32) - rows_PD.mean(axis=1, keepdims=True, dtype=np.float32)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(length > 0, length, 1.0), np.float32)


def _compare(one: _Known, other: _Known, likeness_PQ: NDArray[np.float32]) -> SharedFootage | None:
    """What they have in common, if it is more than one picture.

    Two people filmed in one room may be alike as a whole in every picture: only where faces agree
    in two of the pairs that are most alike, all pairs are looked at.
    """
    alike_PQ = likeness_PQ >= SAME_PICTURE
    same_PQ = np.zeros_like(alike_PQ)
    best_P = likeness_PQ.argmax(axis=1)
    agreeing = sum(
        bool(_faces_agree(one, place, other, best_P[[place]])[0])
        for place in np.flatnonzero(alike_PQ.any(axis=1)).tolist()
    )
    if agreeing < MIN_PICTURES:
        return None
    for place in np.flatnonzero(alike_PQ.any(axis=1)).tolist():
        candidates = np.flatnonzero(alike_PQ[place])
        same_PQ[place, candidates] = _faces_agree(one, place, other, candidates)
    pictures = longest_chain(same_PQ)
    if pictures < MIN_PICTURES:
        return None
    with_face_PQ = same_PQ & one.has_face_P[:, None] & other.has_face_P
    return SharedFootage(
        first=one.position,
        second=other.position,
        pictures=pictures,
        with_face=longest_chain(with_face_PQ),
        of_shorter=int(min(one.has_face_P.sum(), other.has_face_P.sum())),
        is_exact=False,
    )


def _faces_agree(
    one: _Known, place: int, other: _Known, candidates: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether both pictures show one thing at the faces of either; true where there are none."""
    agree_P = np.ones(len(candidates), bool)
    own_D = one.flat_PD[place]
    if one.has_face_P[place]:
        grid_G = _grid(one.sketches.face_N4[place][None])[0]
        own_G = _normalised(own_D[grid_G][None])[0]
        agree_P &= _normalised(other.flat_PD[candidates][:, grid_G]) @ own_G >= SAME_FACE
    rows = np.flatnonzero(other.has_face_P[candidates] & agree_P)
    if len(rows):
        grid_PG = _grid(other.sketches.face_N4[candidates[rows]])
        own_PG = _normalised(own_D[grid_PG])
        others_PG = _normalised(other.flat_PD[candidates[rows, None], grid_PG])
        agree_P[rows] = (own_PG * others_PG).sum(axis=1) >= SAME_FACE
    return agree_P


def _grid(box_P4: NDArray[np.float32]) -> NDArray[np.int64]:
    """(P, G) places in a flat sketch that are spread over each box."""
    middle_P2 = (box_P4[:, :2] + box_P4[:, 2:]) / 2
    half_P2 = np.maximum(box_P4[:, 2:] - box_P4[:, :2], _LEAST_BOX) / 2
    steps_G = (np.arange(_GRID) + 0.5) / _GRID * 2 - 1
    column_PG, row_PG = (
        np.clip((middle_P2[:, [axis]] + half_P2[:, [axis]] * steps_G) * SIDE, 0, SIDE - 1)
        for axis in (0, 1)
    )
    grid_PGG = row_PG.astype(np.int64)[:, :, None] * SIDE + column_PG.astype(np.int64)[:, None]
    return np.asarray(grid_PGG.reshape(len(box_P4), -1))


def longest_chain(same_PQ: NDArray[np.bool_]) -> int:
    """Most pairs of pictures that are one, of which each comes after the last in both."""
    longest_Q = np.zeros(same_PQ.shape[1] + 1, np.int64)
    for same_Q in same_PQ[same_PQ.any(axis=1)]:
        longest_Q[1:] = np.maximum(longest_Q[1:], longest_Q[:-1] + same_Q)
        longest_Q = np.maximum.accumulate(longest_Q)
    return int(longest_Q[-1])


def _judged(
    shared: Sequence[SharedFootage], recordings: Sequence[Recording]
) -> list[SharedFootage]:
    """Sure is what two subjects share in all their recordings, or in most of a short one."""

    def subjects_of(item: SharedFootage) -> tuple[str, str]:
        one, other = sorted(composed(recordings[i].subject) for i in (item.first, item.second))
        return one, other

    together = Counter[tuple[str, str]]()
    for item in shared:
        together[subjects_of(item)] += item.with_face
    return [
        replace(
            item, is_sure=together[subjects_of(item)] >= SURE_PICTURES or _is_most_of_short(item)
        )
        for item in shared
    ]


def _is_most_of_short(item: SharedFootage) -> bool:
    return item.with_face >= max(SURE_OF_SHORT, _MOST * item.of_shorter)
