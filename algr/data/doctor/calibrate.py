"""Whether landmarks and pictures belong together: by comparing the pictures with each other.

No model is needed. Two pictures of one recording that are aligned by landmarks which belong to
them show the face in the same place; by landmarks of another frame they do not, where the head
moves. What cannot be told from the pictures is said to be so.

Shape suffixes: N = frames, L = landmarks (49), 2 = x, y, S = side of a small face.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algr.data.adapters import Recording
from algr.data.doctor.pictures import OFFSETS, SMALL, Seen, to_small
from algr.data.doctor.sampling import Sample
from algr.data.words import counted
from algr.faces import LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE

OffsetRows = dict[int, list[list[float]]]
"""Position of a recording to rows of disagreements, one column per offset."""
Axes = Literal["upright", "swapped", "mirrored", "turned", "unknown"]
_MIN_SURENESS = 4.0
"""Standard errors between the best offset and the next."""
_MIN_SURENESS_OF_SUBJECT = 5.0
_MIN_DOUBT = 2.2
_MIN_MOVING = 12
_MIN_MOVING_OF_SUBJECT = 8
_MIN_RECORDINGS = 3
_MIN_FACES_FOR_BASE = 60
_MIN_SUBJECTS_FOR_BASE = 12
_FACE = slice(SMALL // 5, SMALL - SMALL // 5)


@dataclass(frozen=True, kw_only=True)
class OffsetAnswer:
    """Which landmarks fit a picture: those of its own number, or of a frame before or after."""

    offset: int | None
    """Frames from the picture's number to the landmarks' that fit; None: cannot tell."""
    disagreement: Mapping[int, float]
    """Offset to the mean disagreement of aligned faces; lower is better."""
    sureness: float
    """Standard errors between the best and the next; 0 where nothing could be compared."""
    pictures: int
    why: str = ""
    """Why it cannot be told."""


@dataclass(frozen=True, kw_only=True)
class BaseAnswer:
    """How far the faces stand beside the middle of their own landmarks."""

    shift_px: float | None
    """Of the landmarks to the right, in source pixels; None: cannot tell."""
    error_px: float
    """Standard error, over the subjects."""
    pictures: int
    why: str = ""
    """Why it cannot be told."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What pictures and landmarks say of each other."""

    axes: Axes
    axes_share: float
    """Of the frames with landmarks."""
    offset: OffsetAnswer
    base: BaseAnswer


def calibrate(
    recordings: Sequence[Recording], rows: OffsetRows, seen: Sequence[Seen]
) -> Calibration:
    """All three answers; those that rest on another one are only given where it is right."""
    axes, share = judge_axes(recordings)
    offset = judge_offset(rows)
    base = judge_base(seen, recordings)
    if offset.offset not in (0, None):
        base = BaseAnswer(
            shift_px=None,
            error_px=float("nan"),
            pictures=base.pictures,
            why="the landmarks are those of other frames",
        )
    return Calibration(axes=axes, axes_share=share, offset=offset, base=base)


def axes_of(points_NL2: NDArray[np.floating]) -> NDArray[np.int8]:
    """(N,) 0 upright, 1 swapped, 2 mirrored, 3 turned by a quarter or more, -1 not known.

    Swapped are x and y, so that the eyes stand one above the other and the mouth beside them, in
    mirror image; mirrored are left and right.
    """
    eyes_N2 = points_NL2[:, RIGHT_EYE].mean(axis=1) - points_NL2[:, LEFT_EYE].mean(axis=1)
    middle_N2 = (points_NL2[:, RIGHT_EYE].mean(axis=1) + points_NL2[:, LEFT_EYE].mean(axis=1)) / 2
    down_N2 = points_NL2[:, MOUTH_CORNERS].mean(axis=1) - middle_N2
    handed_N = eyes_N2[:, 0] * down_N2[:, 1] - eyes_N2[:, 1] * down_N2[:, 0]
    lies_N = np.abs(eyes_N2[:, 0]) >= np.abs(eyes_N2[:, 1])
    kind_N = np.where(
        handed_N > 0,
        np.where(lies_N & (eyes_N2[:, 0] > 0), 0, 3),
        np.where(lies_N, 2, 1),
    )
    kind_N[~np.isfinite(handed_N) | (handed_N == 0)] = -1
    return kind_N.astype(np.int8)


def turned_recordings(recordings: Sequence[Recording]) -> dict[int, Axes]:
    """Recordings whose landmarks are, for the most part, not upright."""
    names: tuple[Axes, ...] = ("upright", "swapped", "mirrored", "turned")
    turned: dict[int, Axes] = {}
    for position, recording in enumerate(recordings):
        if recording.landmarks_NL2 is not None:
            kind_N = axes_of(recording.landmarks_NL2)
            counts = np.bincount(kind_N[kind_N >= 0], minlength=4)
            if counts.argmax():
                turned[position] = names[int(counts.argmax())]
    return turned


def judge_axes(recordings: Sequence[Recording]) -> tuple[Axes, float]:
    """What most frames are, and their share of the frames with landmarks."""
    counts = np.zeros(4, np.int64)
    for recording in recordings:
        if recording.landmarks_NL2 is not None:
            kind_N = axes_of(recording.landmarks_NL2)
            counts += np.bincount(kind_N[kind_N >= 0], minlength=4)
    if not counts.sum():
        return "unknown", 0.0
    names: tuple[Axes, ...] = ("upright", "swapped", "mirrored", "turned")
    return names[int(counts.argmax())], float(counts.max() / counts.sum())


def compare_offsets(seen: Sequence[Seen], samples: Sequence[Sample]) -> OffsetRows:
    """Compare faces that move with faces that rest, aligned by each candidate's landmarks."""
    at = {(picture.recording, picture.row): picture for picture in seen}
    rows: OffsetRows = defaultdict(list)
    for sample in samples:
        for fast, still in sample.fast:
            pair = at.get((sample.recording, fast)), at.get((sample.recording, still))
            if pair[0] is not None and pair[1] is not None:
                row = _disagreements(pair[0], pair[1])
                if row is not None:
                    rows[sample.recording].append(row)
    return rows


def judge_offset(rows: OffsetRows) -> OffsetAnswer:
    """The offset that fits all recordings best, if it is surely the best."""
    table = _table(rows.values())
    if len(table) < _MIN_MOVING or len(rows) < _MIN_RECORDINGS:
        return OffsetAnswer(
            offset=None,
            disagreement={},
            sureness=0.0,
            pictures=len(table),
            why=f"only {len(table)} sampled pictures in {len(rows)} recordings show a head that "
            "moves and have landmarks before and after",
        )
    means = table.mean(axis=0)
    best, second = (int(place) for place in np.argsort(means, kind="stable")[:2])
    groups = np.array([np.mean(group, axis=0) for group in rows.values()])
    gaps = groups[:, second] - groups[:, best]
    single = table[:, second] - table[:, best]
    # Pictures of one recording are alike; with few recordings the pictures must speak.
    used = gaps if len(gaps) >= 8 else single
    spread = float(used.std(ddof=1) / np.sqrt(len(used)))
    sureness = float(used.mean()) / max(spread, 1e-9)
    is_sure = sureness >= _MIN_SURENESS
    return OffsetAnswer(
        offset=OFFSETS[best] if is_sure else None,
        disagreement={offset: float(mean) for offset, mean in zip(OFFSETS, means, strict=True)},
        sureness=sureness,
        pictures=len(table),
        why="" if is_sure else "the faces fit the landmarks of several frames equally well",
    )


def _table(groups: Iterable[Sequence[Sequence[float]]]) -> NDArray[np.float64]:
    return np.array([row for group in groups for row in group]).reshape(-1, len(OFFSETS))


@dataclass(frozen=True, kw_only=True)
class SubjectOffset:
    """A subject whose landmarks fit the pictures of other frames than everybody's do."""

    subject: str
    offset: int
    sureness: float
    """Standard errors between this offset and the usual one."""
    pictures: int

    @property
    def is_sure(self) -> bool:
        """Or only in doubt."""
        return self.sureness >= _MIN_SURENESS_OF_SUBJECT


def suspects(
    rows: OffsetRows, recordings: Sequence[Recording], *, usual: int
) -> dict[str, list[int]]:
    """Subjects whose few pictures fit another offset better, with their recordings: look again."""
    return {
        subject: positions
        for subject, positions in _by_subject(rows, recordings).items()
        if OFFSETS[int(_table(rows[p] for p in positions).mean(axis=0).argmin())] != usual
    }


def judge_subjects(
    rows: OffsetRows, recordings: Sequence[Recording], *, usual: int
) -> list[SubjectOffset]:
    """Those whose pictures fit another offset better by more than two standard errors.

    Only some of them are sure: many are asked about, so that more is demanded than of all.
    """
    found = []
    for subject, positions in _by_subject(rows, recordings).items():
        table = _table(rows[position] for position in positions)
        best = int(table.mean(axis=0).argmin())
        if OFFSETS[best] == usual or len(table) < _MIN_MOVING_OF_SUBJECT:
            continue
        gaps = table[:, OFFSETS.index(usual)] - table[:, best]
        sureness = float(gaps.mean() / max(gaps.std(ddof=1) / np.sqrt(len(gaps)), 1e-9))
        if sureness >= _MIN_DOUBT:
            found.append(
                SubjectOffset(
                    subject=subject, offset=OFFSETS[best], sureness=sureness, pictures=len(table)
                )
            )
    return found


def _by_subject(rows: OffsetRows, recordings: Sequence[Recording]) -> dict[str, list[int]]:
    positions: dict[str, list[int]] = defaultdict(list)
    for position in sorted(rows):
        if rows[position]:
            positions[recordings[position].subject].append(position)
    return positions


def _disagreements(fast: Seen, still: Seen) -> list[float] | None:
    """For each offset 1 - correlation of the edges of both faces, in units of their mean.

    A pair in which the expression changes too disagrees everywhere; so each counts alike. None if
    one cannot be compared.
    """
    row = []
    for offset in OFFSETS:
        one, other = (fast.faces or {}).get(offset), (still.faces or {}).get(offset)
        if one is None or other is None:
            return None
        row.append(1.0 - correlation(_edges(one)[_FACE, _FACE], _edges(other)[_FACE, _FACE]))
    mean = sum(row) / len(row)
    return [value / mean for value in row] if mean > 0 else None


def correlation(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """Of grey values, -1 to 1; 0 where a picture is of one colour."""
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def judge_base(seen: Sequence[Seen], recordings: Sequence[Recording]) -> BaseAnswer:
    """Where the faces have their axis of symmetry, beside that of the landmarks.

    Faces are symmetric on the average, so that the mean face and its mirror image lie upon each
    other if the landmarks do; landmarks that count from 1 stand one pixel to the right. (Nothing
    of the kind is true from top to bottom.)
    """
    by_subject: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    scales = []
    for picture in seen:
        face = picture.face_SS
        recording = recordings[picture.recording]
        if face is None or recording.landmarks_NL2 is None:
            continue
        points_L2 = recording.landmarks_NL2[picture.row].astype(np.float64)
        by_subject[recording.subject].append(_edges(face))
        scales.append(_pixels_per_small(points_L2))
    count = len(scales)
    if count < _MIN_FACES_FOR_BASE or len(by_subject) < _MIN_SUBJECTS_FOR_BASE:
        faces = counted(count, "face")
        why = f"{faces} of {counted(len(by_subject), 'subject')} are too few"
        return BaseAnswer(shift_px=None, error_px=float("nan"), pictures=count, why=why)
    means = np.array([np.mean(faces, axis=0) for faces in by_subject.values()])
    whole = mirror_shift(means.mean(axis=0))
    folds = len(means)
    left_out = np.array([mirror_shift((means.sum(axis=0) - mean) / (folds - 1)) for mean in means])
    error = float(np.sqrt((folds - 1) / folds * ((left_out - left_out.mean()) ** 2).sum()))
    pixels = float(np.median(scales))
    return BaseAnswer(shift_px=-whole * pixels, error_px=error * pixels, pictures=count)


def _pixels_per_small(points_L2: NDArray[np.float64]) -> float:
    return float(1.0 / np.sqrt(abs(np.linalg.det(to_small(points_L2)[:, :2]))))


def _edges(face_SS: NDArray[np.float32]) -> NDArray[np.float64]:
    """How steep the grey values are: light from one side matters less."""
    down, right = np.gradient(face_SS.astype(np.float64))
    steep = np.sqrt(down * down + right * right)
    return np.asarray(steep / (steep.mean() + 1e-9))


def mirror_shift(face_SS: NDArray[np.floating]) -> float:
    """Columns by which the axis of symmetry lies to the right of the middle, with fractions."""
    core = np.asarray(face_SS, np.float64)[_FACE]
    mirrored = core[:, ::-1]
    reach = 6
    scores = []
    for shift in range(-reach, reach + 1):
        one = core[:, reach + max(0, shift) : SMALL - reach + min(0, shift)]
        other = mirrored[:, reach + max(0, -shift) : SMALL - reach + min(0, -shift)]
        scores.append(correlation(one, other))
    best = int(np.argmax(scores))
    fraction = 0.0
    if 0 < best < len(scores) - 1:
        before, here, after = scores[best - 1 : best + 2]
        curve = before - 2 * here + after
        fraction = 0.5 * (before - after) / curve if curve else 0.0
    return (best - reach + fraction) / 2
