"""Frames of a simulated face: a painted sheet that muscles move, with eyes and mouth drawn on it."""

# Shape suffixes: F = frames, H = rows, W = columns, 3 = RGB.

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import gaussian_filter

from algr.simulate.exercises import Motion
from algr.simulate.eyes import draw_eye
from algr.simulate.folds import depths, draw_folds
from algr.simulate.geometry import Curves, place
from algr.simulate.mouth import draw_mouth
from algr.simulate.palsy import Palsy
from algr.simulate.person import Person, Scene
from algr.simulate.raster import FINE, Floats
from algr.simulate.skin import paint_soft
from algr.simulate.strands import add_details
from algr.simulate.warp import Warp

FRAME_SIZE = (360, 450)
"""Width and height of a frame, pixels."""
_REDNESS = np.array([0.85, 1.02, 1.05], np.float32)
"""Shadows in skin take less of the red."""


def paint_sheet(person: Person, scene: Scene) -> npt.NDArray[np.uint8]:
    """The face at rest without eyes and mouth, on `FINE`; (H, W, 4), the last unused."""
    rng = np.random.default_rng(person.looks.texture_seed)
    soft = np.clip(paint_soft(person, scene, rng), 0, 255).astype(np.uint8)
    large = Image.fromarray(soft).resize(FINE.size, Image.Resampling.BICUBIC)
    picture = np.asarray(large).astype(np.float32)
    add_details(picture, person, scene, rng)
    if scene.blur_px > 0.1:
        sigma = scene.blur_px * FINE.scale / scene.eye_distance_px
        picture = gaussian_filter(picture, (sigma, sigma, 0))
    sheet = np.zeros((*picture.shape[:2], 4), np.uint8)
    sheet[..., :3] = np.clip(picture, 0, 255)
    return sheet


def render_frames(
    person: Person,
    scene: Scene,
    motion: Motion,
    curves: Curves,
    *,
    palsy: Palsy,
    frames: range | tuple[int, ...] | None = None,
) -> Iterator[npt.NDArray[np.uint8]]:
    """Images (height, width, 3), one per frame of the motion.

    Args:
        person: Who is filmed.
        scene: Camera and light.
        motion: What moves.
        curves: The same motion's lines, from `geometry.trace`.
        palsy: For folds that are flat on the weak side.
        frames: Which frames; None for all.
    """
    num_frames = motion.movers_FK.shape[0]
    packed = paint_sheet(person, scene).reshape(-1, 4).view(np.uint32).ravel()
    folds = draw_folds(person, np.random.default_rng(person.looks.texture_seed + 1))
    depths_FN = depths(folds, person, palsy, motion)
    placement = place(motion, scene)
    warp = Warp(FRAME_SIZE)
    noise = _Noise(scene)
    shadow_sheet = np.zeros((FINE.size[1], FINE.size[0]), np.float32)
    width, height = FRAME_SIZE
    for frame in range(num_frames) if frames is None else frames:
        index = warp.index_of(motion.movers_FK[frame], placement, frame)
        colour = packed[index].view(np.uint8).reshape(height, width, 4)[..., :3]
        image = colour.astype(np.float32)
        shadow_sheet[:] = 0.0
        for fold, depth in zip(folds, depths_FN[frame], strict=True):
            if depth > 0.01:
                shadow_sheet[fold.rows, fold.columns] += np.float32(depth) * fold.shadow_HW
        _darken(image, index, shadow_sheet, curves, frame)
        unit = float(curves.unit_px_F[frame])
        for side in (0, 1):
            draw_eye(
                image,
                upper_P2=curves.upper_lid_FSP2[frame, side],
                lower_P2=curves.lower_lid_FSP2[frame, side],
                iris_2=curves.iris_FS2[frame, side],
                unit_px=unit,
                side=side,
                looks=person.looks,
                scene=scene,
            )
        draw_mouth(
            image,
            lips_4P2=curves.lips_F4P2[frame],
            unit_px=unit,
            lower_teeth=float(
                np.clip((motion.drop_F2[frame] - motion.lift_F2[frame]).max() / 0.06, 0, 1)
            ),
            looks=person.looks,
            scene=scene,
        )
        yield noise.add(image, frame)


def _darken(
    image: Floats,
    index: npt.NDArray[np.int32],
    shadow_sheet: Floats,
    curves: Curves,
    frame: int,
) -> None:
    unit = float(curves.unit_px_F[frame])
    x, y = curves.nose_FP2[frame, 0]
    width, height = FRAME_SIZE
    rows = slice(max(int(y - 1.25 * unit), 0), min(int(y + 2.1 * unit), height))
    columns = slice(max(int(x - 1.3 * unit), 0), min(int(x + 1.3 * unit), width))
    shadow = shadow_sheet.ravel()[index[rows, columns]]
    image[rows, columns] *= 1.0 - shadow[..., None] * _REDNESS


class _Noise:
    """Camera noise from one drawn field, laid at another place in every frame."""

    def __init__(self, scene: Scene) -> None:
        rng = np.random.default_rng(scene.seed)
        width, height = FRAME_SIZE
        self._field = (rng.standard_normal((height + 48, width + 48, 3)) * scene.noise).astype(
            np.float32
        )
        self._rng = rng

    def add(self, image: Floats, frame: int) -> npt.NDArray[np.uint8]:
        del frame
        top, left = self._rng.integers(0, 48, size=2)
        height, width = image.shape[:2]
        image += self._field[top : top + height, left : left + width]
        return np.clip(image, 0, 255).astype(np.uint8)
