"""Frames of a simulated face."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from algr.simulate.exercises import Motion
from algr.simulate.geometry import Curves
from algr.simulate.palsy import Palsy
from algr.simulate.person import Person, Scene

FRAME_SIZE = (360, 450)


def render_frames(
    person: Person, scene: Scene, motion: Motion, curves: Curves, *, palsy: Palsy
) -> Iterator[npt.NDArray[np.uint8]]:
    """Images (height, width, 3), one per frame of the motion."""
    looks = person.looks

    def rgb(colour):
        return tuple(int(v) for v in colour)

    for f in range(len(motion.roll_F)):
        image = Image.new("RGB", FRAME_SIZE, rgb(scene.backdrop))
        draw = ImageDraw.Draw(image)
        u = curves.unit_px_F[f]
        cx, cy = curves.nose_FP2[f, 0]
        draw.ellipse((cx - 1.2 * u, cy - 1.7 * u, cx + 1.2 * u, cy + 1.3 * u), fill=rgb(looks.hair))
        draw.ellipse((cx - 1.1 * u, cy - 1.3 * u, cx + 1.1 * u, cy + 1.85 * u), fill=rgb(looks.skin))
        for s in (0, 1):
            draw.line([tuple(p) for p in curves.brow_FSP2[f, s]], fill=rgb(looks.brow), width=6)
            lid = np.concatenate([curves.upper_lid_FSP2[f, s], curves.lower_lid_FSP2[f, s][::-1]])
            draw.polygon([tuple(p) for p in lid], fill=(240, 235, 230), outline=(40, 30, 30))
            x, y = curves.iris_FS2[f, s]
            if motion.openness_F2[f, s] > 0.2:
                draw.ellipse((x - 6, y - 6, x + 6, y + 6), fill=rgb(looks.iris))
        lips = curves.lips_F4P2[f]
        outer = np.concatenate([lips[0], lips[3][::-1]])
        inner = np.concatenate([lips[1], lips[2][::-1]])
        draw.polygon([tuple(p) for p in outer], fill=rgb(looks.lips))
        draw.polygon([tuple(p) for p in inner], fill=(60, 20, 20), outline=(60, 20, 20))
        draw.line([tuple(p) for p in curves.nose_FP2[f, 4:]], fill=(120, 80, 70), width=2)
        yield np.asarray(image)
