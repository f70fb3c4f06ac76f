"""Faces of coloured marks, and networks that see them: the detector without its model files.

A face is a pair of square marks, one per eye, in colours of its own. The stand-in for the mesh
network lays a fixed face over the pair that lies nearest to the middle of its window.
"""

import math
from dataclasses import dataclass, field

import numpy as np

from algr.data.detector.boxes import NETWORK_SIDE, anchor_centers
from algr.data.detector.mesh import MESH_POINT, NUM_MESH_POINTS
from algr.data.detector.networks import MESH_SIDE, Mesh
from algr.faces import MIRRORED
from tests.recordings import face_points

_UNIT = 60.0
"""Eye distance of the template, pixels."""
_TOLERANCE = 40


def template():
    """49 points in eye distances; the middle between the eyes is the origin."""
    points = (face_points() - [160, 100]) / _UNIT
    return (points + points[list(MIRRORED)] * [-1, 1]) / 2


def mesh_template():
    """468 points: the 49 where they belong, the others on an outline around the face."""
    turn = np.linspace(0, 2 * np.pi, NUM_MESH_POINTS, endpoint=False)
    mesh = np.stack([1.2 * np.sin(turn), 0.5 - 1.4 * np.cos(turn)], axis=1)
    mesh[list(MESH_POINT)] = template()
    return mesh


@dataclass(frozen=True)
class Face:
    """Where a face is, and in which colour (0, 1 or 2) its marks are drawn."""

    x: float
    y: float
    eyes: float = 60.0
    angle: float = 0.0
    kind: int = 0

    def points(self, shape=None):
        """In pixels of the picture: the template, turned clockwise and moved."""
        shape = template() if shape is None else shape
        cosine, sine = math.cos(self.angle), math.sin(self.angle)
        turn = np.array([[cosine, -sine], [sine, cosine]])
        return self.eyes * shape @ turn.T + [self.x, self.y]


def _colours(kind):
    left, right = np.zeros(3, int), np.zeros(3, int)
    left[kind], right[kind] = 255, 255
    right[(kind + 1) % 3] = 255
    return left, right


def picture(*faces, width=640, height=480):
    image = np.zeros((height, width, 3), np.uint8)
    for face in faces:
        half = face.eyes / 5
        rows, columns = np.mgrid[:height, :width]
        for colour, side in zip(_colours(face.kind), (-0.5, 0.5), strict=True):
            x, y = face.points(np.array([[side, 0.0]]))[0]
            image[(abs(rows - y) <= half) & (abs(columns - x) <= half)] = colour
    return image


def _eyes_in(window_HWC, kind):
    """Centres of both marks, or none if one is not in the window."""
    found = []
    for colour in _colours(kind):
        rows, columns = np.nonzero((abs(window_HWC - colour.astype(int)) < _TOLERANCE).all(axis=2))
        if len(rows) < 4:
            return None
        found.append(np.array([columns.mean(), rows.mean()]))
    return found


def _place(window_HWC, kind):
    eyes = _eyes_in(window_HWC, kind)
    if eyes is None:
        return None
    left, right = eyes
    across, down = right - left
    middle = (left + right) / 2
    return Face(*middle, eyes=math.hypot(across, down), angle=math.atan2(down, across), kind=kind)


@dataclass
class MarkNetworks:
    """Stand-ins for both networks.

    Args:
        lean_px: The mesh lies so many pixels of its window to the right: a network that treats
            the two sides differently.
        blind: Kinds that the first network does not find.
    """

    lean_px: float = 0.0
    blind: tuple[int, ...] = ()
    windows_seen: list[int] = field(default_factory=list)

    def find(self, window_HWC):
        self.windows_seen.append(NETWORK_SIDE)
        centers = anchor_centers() * NETWORK_SIDE
        raw = np.zeros((len(centers), 16))
        logit = np.full(len(centers), -10.0)
        for kind in range(3):
            face = _upright(window_HWC, kind)
            if face is None or kind in self.blind:
                continue
            eyes = face.points(np.array([[-0.5, 0.0], [0.5, 0.0]])) + 0.5
            middle = face.points(np.array([[0.0, 0.4]]))[0] + 0.5
            nearest = int(np.argmin(np.hypot(*(centers - middle).T)))
            answer = np.concatenate(
                [middle, [2.4 * face.eyes] * 2, eyes.ravel(), np.tile(middle, 4)]
            )
            answer[[0, 1, *range(4, 16)]] -= np.tile(centers[nearest], 7)
            raw[nearest], logit[nearest] = answer, 3.0 - 0.1 * kind
        return raw, logit

    def mesh(self, window_HWC):
        self.windows_seen.append(MESH_SIDE)
        places = [face for kind in range(3) if (face := _upright(window_HWC, kind))]
        places = [face for face in places if face.eyes > MESH_SIDE / 12]
        if not places:
            return Mesh(points_M2=np.zeros((NUM_MESH_POINTS, 2)), presence=0.01)
        middle = (MESH_SIDE - 1) / 2
        face = min(places, key=lambda one: math.hypot(one.x - middle, one.y - middle))
        points = face.points(mesh_template())
        points[:, 0] += self.lean_px
        return Mesh(points_M2=points, presence=0.99)


def _upright(window_HWC, kind):
    """In a mirrored window the marks have changed sides; to a network it is a face all the same."""
    face = _place(window_HWC, kind)
    if face is None or abs(face.angle) <= math.pi / 2:
        return face
    return Face(face.x, face.y, face.eyes, face.angle - math.copysign(math.pi, face.angle))
