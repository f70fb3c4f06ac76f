"""The camera: exposure and light that wander through a visit, and noise."""

# Shape suffixes: F = frames, H = rows, W = columns, 3 = RGB.

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from algr.simulate.exercises import Segment
from algr.simulate.person import Scene
from algr.simulate.raster import Array, Floats

MARGIN = 48


class Camera:
    """Takes a lit picture to what is recorded.

    Exposure and white balance hunt, and the patient turns to and from the window: every exercise
    has a light of its own, and goes over to the next one smoothly. So neither brightness nor
    colour tells who is in the picture.
    """

    def __init__(
        self,
        scene: Scene,
        segments: Sequence[Segment],
        *,
        size: tuple[int, int],
        num_frames: int,
        video_fps: float,
    ) -> None:
        rng = np.random.default_rng(scene.seed)
        middles = [0.5 * (segment.start_s + segment.end_s) for segment in segments]
        time_F = np.arange(num_frames) / video_fps
        count = len(middles)
        exposure = np.exp(rng.normal(0.0, 0.11, (count, 1)))
        balance = np.exp(rng.normal(0.0, 0.026, (count, 3)))
        slope = rng.normal(0.0, 0.13, (count, 2))
        self._gain_F3 = _between(time_F, middles, exposure * balance)
        self._slope_F2 = _between(time_F, middles, slope)
        width, height = size
        self._x_W = np.linspace(-1, 1, width, dtype=np.float32)
        self._y_H1 = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
        shape = (3, height + MARGIN, width + MARGIN)
        self._noise = rng.standard_normal(shape, np.float32) * np.float32(scene.noise)
        self._rng = rng

    def record(self, image_3HW: Floats, frame: int) -> npt.NDArray[np.uint8]:
        """The frame as it is recorded, (H, W, 3); the picture is used up."""
        across, down = (float(value) for value in self._slope_F2[frame])
        light = np.clip(1.0 + across * self._x_W + down * self._y_H1, 0.5, 1.5)
        top, left = self._rng.integers(0, MARGIN, size=2)
        _, height, width = image_3HW.shape
        noise = self._noise[:, top : top + height, left : left + width]
        for channel, gain in enumerate(self._gain_F3[frame]):
            image_3HW[channel] *= light * np.float32(gain)
            image_3HW[channel] += noise[channel]
        np.clip(image_3HW, 0, 255, out=image_3HW)
        recorded = np.empty((height, width, 3), np.uint8)
        for channel in range(3):
            recorded[..., channel] = image_3HW[channel]
        return recorded


def _between(time_F: Array, middles: Sequence[float], values: Array) -> Array:
    columns = [np.interp(time_F, middles, column) for column in values.T]
    return np.stack(columns, axis=1)
