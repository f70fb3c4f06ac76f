"""What every reader of a layout gives: recordings with labels and landmarks, and findings.

Reading looks at names, labels and landmark files, never at pictures: it is quick, and both the
preparation and the doctor begin with it.

Shape suffixes: N = frames of a recording, A = action units, L = landmarks (49), 2 = x, y.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from algr.data.findings import Finding
from algr.data.rows import Kind

Layout = Literal["bp4d", "disfa", "gft", "clinic", "manifest"]


@dataclass(frozen=True, kw_only=True)
class ImageFiles:
    """A recording as one picture file per frame."""

    paths: tuple[Path, ...]
    """(N,)."""


@dataclass(frozen=True, kw_only=True)
class VideoFile:
    """A recording as a video, of which some frames are taken."""

    path: Path
    index_N: NDArray[np.int64]
    """0-based place of each frame in the video, ascending."""
    frames_labelled: int = 0
    """Frames of the video that the labels count, left out or not; 0: not known."""


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The usable frames of one recording. Holds names of people: never store it."""

    name: str
    """As its files name it, such as F001_T1; unique in the source."""
    subject: str
    group: str = ""
    """Subjects of one group never stand on two sides of a fold; empty: the subject alone."""
    pictures: ImageFiles | VideoFile
    number_N: NDArray[np.int64]
    """As the labels number the frames, ascending."""
    labels_NA: NDArray[np.int8]
    """1 present, 0 absent, -1 not coded; (N, 0) for grades."""
    landmarks_NL2: NDArray[np.float32] | None
    """0-based pixels of the displayed picture, NaN where missing; None: none are given."""
    grade: int = -1
    """Class 0-3 of a palsy recording, or -1."""
    grade_hb: int = -1
    fps: float | None = None
    """Frames per second of `number_N`, where known."""
    time_N: NDArray[np.float64] | None = None
    """Seconds, where the source states them."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    """Reason to number of labelled frames that the reading has left out already."""
    problem: str = ""
    """Not empty: why the recording cannot be used, though it is named; it may have no frame."""
    is_part: bool = False
    """Stretches of its file are excluded, and may show somebody else."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """How to read a source; part of the dataset's parameters where it changes what is read."""

    label_names: tuple[str, ...] | None = None
    """Action units to take, such as AU1; None: those of the paper."""
    threshold: int = 2
    """Least intensity that counts as present, where labels are intensities (DISFA)."""
    intensities: bool = False
    """The labels of a manifest are intensities 0-5, to be compared with the threshold."""
    frame_offset: int | None = None
    """Added to a label's frame number to get the picture's; None: what the layout says."""
    landmark_base: Literal[0, 1] | None = None
    """Pixel that the landmark files count from; None: what the layout says."""
    swap_axes: bool = False
    """The landmark files hold y, x instead of x, y."""
    camera: Literal["left", "right"] = "left"
    """Of DISFA."""
    keep_tracker_errors: bool = False
    """Keep DISFA's frames that its tracker error log names."""


@dataclass(frozen=True, kw_only=True)
class PublishedCounts:
    """What a full copy holds, with the source of the figures."""

    subjects: int
    frames: int
    source: str


@dataclass(frozen=True, kw_only=True)
class SourceReading:
    """A source as its files describe it."""

    layout: Layout
    variant: str
    """Which of the layout's spellings it is, in a few words."""
    kind: Kind
    label_names: tuple[str, ...]
    recordings: tuple[Recording, ...]
    findings: tuple[Finding, ...]
    parameters: Mapping[str, object]
    """What shaped the reading; stored, and part of the fingerprint."""
    published: PublishedCounts | None = None
    missing_codes: Mapping[str, int] = field(default_factory=dict)
    """How often each spelling of "not coded" occurred among the labels that were asked for."""
    parts: Mapping[str, int] = field(default_factory=dict)
    """Subject to its part, 1-3, of the published folds; holds names of people."""
    simulated: bool = False
    """Nobody's face: a simulator has left its marker."""

    @property
    def num_frames(self) -> int:
        """Frames of all recordings."""
        return sum(len(recording.number_N) for recording in self.recordings)


def names_pictures(reading: SourceReading) -> bool:
    """Whether lines of a manifest name pictures, which no offset of frame numbers can move."""
    return reading.layout == "manifest" and any(
        isinstance(recording.pictures, ImageFiles) for recording in reading.recordings
    )


class Adapter(Protocol):
    """Reads one layout."""

    layout: Layout

    def recognises(self, source: Path) -> bool:
        """Whether the folder looks like this layout; looks at a few names only."""

    def read(self, source: Path, options: ReadOptions) -> SourceReading:
        """The whole source; what is wrong with it stands in the findings.

        Raises:
            DataError: The folder cannot be read at all.
        """
