"""What is said of one face that a model explains, ready to be drawn and written as JSON.

Positions are pixels of the 176 crop.

Shape suffixes: L = landmarks, C = centres of a region, X = pixels along a side of the crop,
2 = (x, y), 4 = (left, top, right, bottom).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from algr.inputs import TimedFace

Array = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True)
class ModelWords:
    """The model that explains."""

    name: str
    version: int | None
    sha256: str
    simulated: bool
    """Whether it was trained on drawn faces."""
    notice: str
    has_regions: bool
    is_adaptive: bool
    """Whether it learns offsets and scales."""

    @property
    def title(self) -> str:
        """Name and version, in one line."""
        version = (
            f"bundle {self.sha256[:12]}" if self.version is None else f"version {self.version}"
        )
        trained = ", trained on simulated faces" if self.simulated else ""
        return f"{self.name} {version}{trained}"


@dataclass(frozen=True, kw_only=True)
class ClassMap:
    """A class activation map."""

    target: str
    """An action unit or a grade."""
    values_XX: Array
    """0 to 1, the largest value of the map being 1; all 0 where nothing speaks for the target."""
    largest: float
    """The largest value in log-odds of the target."""
    peak_2: Array | None
    """Where it is; none in a map of zeros."""


@dataclass(frozen=True, kw_only=True)
class ExplainedRegion:
    """A muscle region."""

    name: str
    rule_C2: Array
    """Centres by the rule, from the landmarks."""
    moved_C2: Array
    """The same with the learned offset."""
    windows_C4: Array
    """Where the region acts on the feature."""
    offset_2: Array | None
    """In inner-eye-corner distances, x right, y down; none where it is not learned."""
    scale_factor: float | None
    """Width over the width at the start; none where it is not learned."""
    attention_XX: Array
    """After refinement, 0 to 1."""
    attention_mean: float
    class_map: ClassMap


@dataclass(frozen=True, kw_only=True)
class ExplainedFace:
    """A face with all that the model says of it."""

    file: str
    """Name of the file that it comes from."""
    figure: str
    """Name of the file that its figure is in."""
    timed: TimedFace
    kind: Literal["au", "grade"]
    probability: Mapping[str, float]
    """Per action unit or grade."""
    parts: Mapping[str, tuple[float, float]]
    """Per action unit: by its own region and by the whole face; empty without local heads."""
    verdict: str
    """The grade, or the action units that are present."""
    landmarks_L2: Array | None
    """That the network found."""
    regions: tuple[ExplainedRegion, ...]
    class_maps: tuple[ClassMap, ...]
    """Of a network without regions."""

    @property
    def moment(self) -> str:
        """Which frame of the file it is; empty for an image."""
        if self.timed.time_s is None:
            return ""
        return f"frame {self.timed.frame}, {self.timed.time_s:.2f} s"
