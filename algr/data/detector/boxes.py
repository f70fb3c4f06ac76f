"""BlazeFace (short range): its anchors, and from its raw output to faces.

The network looks at 128 x 128 pixels and answers once for each of 896 anchors: two on each cell of
a grid of 16 x 16, six on each cell of one of 8 x 8. An anchor has no size of its own; it is the
point from which the box and six points of the face are counted, in pixels of the network.
"""

# Shape suffixes: A = anchors or candidates; R = 16 numbers of a candidate; K = points of a face
# (6: image-left eye, image-right eye, nose tip, mouth, image-left ear, image-right ear); 2 = x, y;
# 4 = left, top, right, bottom. Places are shares of the side of the square that the network sees.

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NETWORK_SIDE = 128
_GRIDS = ((16, 2), (8, 6))
"""(cells per side, anchors per cell): strides 8, and 16 three times with two anchors each."""
_MAX_LOGIT = 100.0
_SAME_FACE_OVERLAP = 0.3


@dataclass(frozen=True, kw_only=True)
class Faces:
    """Faces, the surest first."""

    score_A: NDArray[np.float64]
    """0 to 1."""
    box_A4: NDArray[np.float64]
    points_AK2: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.score_A)


def anchor_centers() -> NDArray[np.float64]:
    """(896, 2), in the order of the network's answers."""
    grids = []
    for cells, per_cell in _GRIDS:
        middle = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(middle, middle, indexing="ij")
        grids.append(np.stack([x, y], axis=-1).reshape(-1, 2).repeat(per_cell, axis=0))
    return np.concatenate(grids)


def decode_faces(
    raw_AR: NDArray[np.floating], logit_A: NDArray[np.floating], *, min_score: float
) -> Faces:
    """The faces that the network has found, each once.

    Args:
        raw_AR: (896, 16): centre, width and height of the box, and six points.
        logit_A: (896,)
        min_score: Candidates below it are no faces.
    """
    score_A = 1 / (1 + np.exp(-np.clip(logit_A.astype(np.float64), -_MAX_LOGIT, _MAX_LOGIT)))
    chosen = np.flatnonzero(score_A >= min_score)
    places = (
        raw_AR[chosen].astype(np.float64).reshape(len(chosen), raw_AR.shape[1] // 2, 2)
        / NETWORK_SIDE
    )
    anchors = anchor_centers()[chosen]
    center, size = places[:, 0] + anchors, places[:, 1]
    return merge_faces(
        Faces(
            score_A=score_A[chosen],
            box_A4=np.concatenate([center - size / 2, center + size / 2], axis=1),
            points_AK2=places[:, 2:] + anchors[:, None],
        )
    )


def merge_faces(found: Faces) -> Faces:
    """Candidates that overlap become one: their mean, weighted by score, with the best score.

    The surest takes in all that overlap with it, then the surest of the rest, and so on.
    """
    left = np.argsort(-found.score_A, kind="stable")
    scores, boxes, points = [], [], []
    while len(left):
        near = overlap(found.box_A4[left[0]], found.box_A4[left]) > _SAME_FACE_OVERLAP
        near[0] = True
        group, left = left[near], left[~near]
        weight = found.score_A[group] / found.score_A[group].sum()
        scores.append(found.score_A[group[0]])
        boxes.append(np.tensordot(weight, found.box_A4[group], axes=1))
        points.append(np.tensordot(weight, found.points_AK2[group], axes=1))
    num_points = found.points_AK2.shape[1]
    return Faces(
        score_A=np.array(scores, np.float64),
        box_A4=np.array(boxes, np.float64).reshape(-1, 4),
        points_AK2=np.array(points, np.float64).reshape(-1, num_points, 2),
    )


def overlap(box_4: NDArray[np.float64], box_A4: NDArray[np.float64]) -> NDArray[np.float64]:
    """(A,) area in common over area together; 0 for boxes without area."""
    low = np.maximum(box_4[:2], box_A4[:, :2])
    high = np.minimum(box_4[2:], box_A4[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    together = _area(box_4[None]) + _area(box_A4) - common
    share_A: NDArray[np.float64] = np.zeros_like(common)
    np.divide(common, together, out=share_A, where=together > 0)
    return share_A


def _area(box_A4: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.clip(box_A4[:, 2:] - box_A4[:, :2], 0, None).prod(axis=1))
