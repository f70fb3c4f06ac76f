"""Frames of a simulated face: a painted sheet that muscles move, eyes and mouth drawn on it."""

# Shape suffixes: F = frames, N = folds, H = rows, W = columns, 3 = RGB.

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

from algr.simulate.camera import Camera
from algr.simulate.exercises import Motion, Segment
from algr.simulate.eyes import draw_eye
from algr.simulate.folds import depths, draw_folds
from algr.simulate.geometry import Curves, place
from algr.simulate.mouth import draw_mouth
from algr.simulate.palsy import Palsy
from algr.simulate.person import Person, Scene
from algr.simulate.raster import FINE, Floats, darken
from algr.simulate.skin import paint_soft
from algr.simulate.strands import add_details
from algr.simulate.warp import Warp

FRAME_SIZE = (360, 450)
"""Width and height of a frame, pixels."""
_TINT = (0.85, 1.02, 1.05)
"""Shadows in skin take less of the red."""


def paint_sheet(person: Person, scene: Scene) -> npt.NDArray[np.uint8]:
    """The face at rest without eyes and mouth, on `FINE`; (3, H, W)."""
    rng = np.random.default_rng(person.looks.texture_seed)
    soft = np.clip(paint_soft(person, scene, rng), 0, 255).astype(np.uint8)
    planes = [Image.fromarray(plane).resize(FINE.size, Image.Resampling.BICUBIC) for plane in soft]
    picture = np.stack([np.asarray(plane, np.float32) for plane in planes])
    add_details(picture, person, scene, rng)
    sheet = np.clip(picture, 0, 255).astype(np.uint8)
    if scene.blur_px < 0.1:
        return sheet
    blur = ImageFilter.GaussianBlur(scene.blur_px * FINE.scale / scene.eye_distance_px)
    return np.stack([np.asarray(Image.fromarray(plane).filter(blur)) for plane in sheet])


def render_frames(
    person: Person,
    scene: Scene,
    motion: Motion,
    curves: Curves,
    *,
    palsy: Palsy,
    segments: Sequence[Segment],
    video_fps: float,
    frames: Iterable[int] | None = None,
    size: tuple[int, int] = FRAME_SIZE,
) -> Iterator[npt.NDArray[np.uint8]]:
    """Images (height, width, 3), one per frame of the motion.

    Args:
        person: Who is filmed.
        scene: Camera and light.
        motion: What moves.
        curves: The same motion's lines, from `geometry.trace`.
        palsy: For folds that are flat on the weak side.
        segments: The exercises; each has its own light.
        video_fps: Frames per second.
        frames: Which frames; None for all.
        size: Width and height, pixels.
    """
    sheet = paint_sheet(person, scene).reshape(3, -1)
    folds = draw_folds(person, np.random.default_rng(person.looks.texture_seed + 1))
    depths_FN = depths(folds, person, palsy, motion)
    placement = place(motion, scene)
    warp = Warp(size, motion.movers)
    num_frames = motion.movers_FK.shape[0]
    camera = Camera(scene, segments, size=size, num_frames=num_frames, video_fps=video_fps)
    shadow_sheet = np.zeros((FINE.size[1], FINE.size[0]), np.float32)
    image = np.empty((3, size[1], size[0]), np.float32)
    for frame in range(num_frames) if frames is None else frames:
        index = warp.index_of(motion.movers_FK[frame], placement, frame)
        for plane, painted in zip(image, sheet, strict=True):
            plane[:] = painted.take(index)
        shadow_sheet[:] = 0.0
        for fold, depth in zip(folds, depths_FN[frame], strict=True):
            if depth > 0.01:
                shadow_sheet[fold.rows, fold.columns] += np.float32(depth) * fold.shadow_HW
        _darken_face(image, index, shadow_sheet, curves, frame)
        _draw_features(image, frame, person=person, scene=scene, motion=motion, curves=curves)
        yield camera.record(image, frame)


def _darken_face(
    image: Floats,
    index: npt.NDArray[np.intp],
    shadow_sheet: Floats,
    curves: Curves,
    frame: int,
) -> None:
    unit = float(curves.unit_px_F[frame])
    x, y = curves.nose_FP2[frame, 0]
    height, width = index.shape
    rows = slice(max(int(y - 1.25 * unit), 0), min(int(y + 2.1 * unit), height))
    columns = slice(max(int(x - 1.2 * unit), 0), min(int(x + 1.2 * unit), width))
    darken(image[:, rows, columns], shadow_sheet.take(index[rows, columns]), tint=_TINT)


def _draw_features(
    image: Floats, frame: int, *, person: Person, scene: Scene, motion: Motion, curves: Curves
) -> None:
    unit = float(curves.unit_px_F[frame])
    for side in (0, 1):
        draw_eye(
            image,
            upper_P2=curves.upper_lid_FSP2[frame, side],
            lower_P2=curves.lower_lid_FSP2[frame, side],
            iris_2=curves.iris_FS2[frame, side],
            unit_px=unit,
            side=side,
            gape=min(float(motion.gape_F2[frame, side]), 1.3),
            looks=person.looks,
            scene=scene,
        )
    bared = float((motion.drop_F2[frame] - motion.lift_F2[frame]).max())
    draw_mouth(
        image,
        lips_4P2=curves.lips_F4P2[frame],
        unit_px=unit,
        lower_teeth=min(max(bared / 0.06, 0.0), 1.0),
        looks=person.looks,
        scene=scene,
    )
