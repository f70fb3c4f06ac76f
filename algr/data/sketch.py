"""Small grey pictures of some frames of a recording, by which a copy of it is known again.

A sketch is of the whole picture, so that it is the same whatever landmarks go with it; where they
say that the face is, is noted beside it.

Shape suffixes: H, W = rows, columns; C = RGB; S = side of a sketch; N = sketches; L = landmarks
(49); 2 = x, y; 4 = left, top, right, bottom.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 64
MOST_APART = 8
"""Frames from one sketch to the next, at most: a third of a second of most videos."""
_LEAST_SKETCHES = 48
"""Of a recording, where it has as many frames."""


@dataclass(frozen=True, kw_only=True)
class Sketches:
    """Those of one recording, in the order of its frames."""

    whole_NSS: NDArray[np.uint8]
    """Grey values of the whole picture."""
    face_N4: NDArray[np.float32]
    """Box around the landmarks, as shares of width and height; NaN where there are none."""

    def __len__(self) -> int:
        """Number of sketches."""
        return len(self.whole_NSS)

    def every(self, step: int) -> "Sketches":
        """Each `step`-th of them."""
        return Sketches(whole_NSS=self.whole_NSS[::step], face_N4=self.face_N4[::step])

    @classmethod
    def of(cls, parts: Iterable[tuple[NDArray[np.uint8], NDArray[np.float32]]]) -> "Sketches":
        """From pairs of a picture and a box."""
        pairs = list(parts)
        return cls(
            whole_NSS=np.array([whole for whole, _ in pairs], np.uint8).reshape(-1, SIDE, SIDE),
            face_N4=np.array([box for _, box in pairs], np.float32).reshape(-1, 4),
        )

    def save(self, path: Path) -> None:
        """Write them."""
        np.savez(path, whole=self.whole_NSS, face=self.face_N4)

    @classmethod
    def load(cls, path: Path) -> "Sketches":
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as values:
            return cls(whole_NSS=values["whole"], face_N4=values["face"])


def frames_apart(frames: int) -> int:
    """Frames from one sketch to the next, in a recording of so many."""
    return max(1, min(MOST_APART, frames // _LEAST_SKETCHES))


class Sketcher:
    """Takes the frames of a recording one by one, and makes sketches of some.

    Args:
        frames: That are expected.
    """

    def __init__(self, frames: int) -> None:
        self._apart = frames_apart(frames)
        self._count = 0
        self._parts: list[tuple[NDArray[np.uint8], NDArray[np.float32]]] = []

    def add(self, image_HWC: NDArray[np.uint8], landmarks_L2: NDArray[np.floating]) -> None:
        """The next frame; it is read at once and not kept."""
        if self._count % self._apart == 0:
            height, width = image_HWC.shape[:2]
            box_4 = face_box(landmarks_L2, size=(width, height))
            self._parts.append((sketch(Image.fromarray(image_HWC).convert("L")), box_4))
        self._count += 1

    def sketches(self) -> Sketches:
        """Of the frames so far."""
        return Sketches.of(self._parts)


def sketch(grey: Image.Image) -> NDArray[np.uint8]:
    """(S, S) mean grey values, of all pixels, so that a picture of another size gives the same."""
    return np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.BOX), np.uint8)


def face_box(
    points_L2: NDArray[np.floating] | None, *, size: tuple[int, int]
) -> NDArray[np.float32]:
    """(4,) the box around the landmarks that have a place, within the picture; NaN for none.

    Args:
        points_L2: In pixels of the picture.
        size: Its width and height.
    """
    nowhere = np.full(4, np.nan, np.float32)
    if points_L2 is None:
        return nowhere
    whole_L2 = np.asarray(points_L2, np.float64)
    whole_L2 = whole_L2[np.isfinite(whole_L2).all(axis=1)]
    if not len(whole_L2):
        return nowhere
    shares_L2 = np.clip((whole_L2 + 0.5) / size, 0, 1)
    return np.concatenate([shares_L2.min(axis=0), shares_L2.max(axis=0)]).astype(np.float32)
