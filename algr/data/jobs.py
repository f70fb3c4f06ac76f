"""What a preparation asks of each recording: look at it, then stage it. Knows no layout."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from algr.data.staging import StagedVideo
from algr.data.videos import VideoRecord


class Control(Protocol):
    """What a decoding process and the one that waits for it tell each other."""

    def count_frame(self) -> None:
        """One more frame was aligned or rejected."""

    def is_stopped(self) -> bool:
        """Whether to give up."""


class StoppedError(Exception):
    """The user stopped the preparation."""


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What is known of a job before its frames are decoded."""

    key: str
    """SHA-256 of the files, the record and the parameters: the same key, the same frames."""
    frames_expected: int
    duration_s: float
    warnings: tuple[str, ...]
    problem: str
    """Not empty: why the video cannot be read."""
    repeated_rows: tuple[int, ...] = ()
    """Rows of a recording in picture files whose file is the one before, byte by byte."""
    landmarks: str = ""
    """Name of the landmark file, or "detector"; empty where the source has its own."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A staged video, or why there is none."""

    staged: StagedVideo | None
    warnings: tuple[str, ...] = ()
    problem: str = ""


class Job(Protocol):
    """All that is needed to stage one recording; travels to other processes."""

    @property
    def label(self) -> str:
        """Name of the recording for messages; never stored."""

    @property
    def record(self) -> VideoRecord:
        """Ids (hashed), grades, exercises."""

    def inspect(self) -> Inspection:
        """Hash the files; what cannot be read stands in the result."""

    def stage(self, inspection: Inspection, folder: Path, control: Control) -> Outcome:
        """Decode, align and write the recording into the staging folder, unless it is there."""
